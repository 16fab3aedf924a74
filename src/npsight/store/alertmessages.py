"""Messages to people: made once, claimed by one sender, settled by it.

A message's id follows from what is in it. It is claimed in a transaction of its own before it is
sent: whoever claims it sends it, nobody else. Where its claimant dies in between, it is
`uncertain` and is never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    func,
    insert,
    select,
    update,
)

from npsight.errors import NotFoundError
from npsight.store.alerts import IDS, alert_events, alert_sends
from npsight.store.auditlog import note
from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

Status = Literal["waiting", "sending", "sent", "failed", "uncertain"]
WAITING, SENDING, SENT, FAILED, UNCERTAIN = "waiting", "sending", "sent", "failed", "uncertain"
ACTOR = "npsight alerts"
KEEP_TEXTS = timedelta(days=90)

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("title", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("status", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcInstant, nullable=False),
    Column("holder", String),
    Column("held_until", UtcInstant),
    Column("outcome", String),
    Column("settled_at", UtcInstant),
    Index("ix_alert_messages_status", "project", "status", "next_at", "id"),
)


@dataclass(frozen=True)
class AlertMessage:
    """One message to one channel, about the accounts of one owner.

    `attempts` counts those begun; `outcome` says why the last one failed.
    """

    id: str
    kind: str
    owner: str = field(repr=False)
    channel: str
    title: str = field(repr=False)
    body: str = field(repr=False)
    events: int
    created_at: datetime
    status: Status = "waiting"
    attempts: int = 0
    next_at: datetime | None = None
    outcome: str | None = None
    settled_at: datetime | None = None


_MESSAGE = [alert_messages.c[name] for name in AlertMessage.__dataclass_fields__]


def put_message(
    connection: Connection, project: str, message: AlertMessage, keys: Sequence[str] = ()
) -> bool:
    """Have a message wait, with the events of these keys; False where it was there already."""
    there = select(alert_messages.c.id).where(alert_messages.c.id == message.id)
    if connection.execute(there).first() is not None:
        return False
    values = {c.name: getattr(message, c.name) for c in _MESSAGE}
    values["next_at"] = message.next_at or message.created_at
    connection.execute(insert(alert_messages).values(project=project, **values))
    for start in range(0, len(keys), IDS):
        connection.execute(
            update(alert_sends)
            .where(
                alert_sends.c.project == project,
                alert_sends.c.channel == message.channel,
                alert_sends.c.key.in_(keys[start : start + IDS]),
            )
            .values(message_id=message.id)
        )
    return True


def claim_message(
    store: Store,
    project: str,
    channels: Collection[str],
    holder: str,
    lease: timedelta,
    now: datetime,
) -> AlertMessage | None:
    """The oldest message that is due on one of the channels, now the holder's alone to send.

    None where nothing is due. It must be settled before the lease ends; then it is `uncertain`.
    """
    table = alert_messages
    query = (
        select(table.c.id)
        .where(
            table.c.project == project,
            table.c.status == WAITING,
            table.c.next_at <= now,
            table.c.channel.in_(list(channels)),
        )
        .order_by(table.c.next_at, table.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with store.writing() as connection:
        identity = connection.execute(query).scalar()
        if identity is None:
            return None
        connection.execute(
            update(table)
            .where(table.c.id == identity)
            .values(
                status=SENDING,
                holder=holder,
                held_until=now + lease,
                attempts=table.c.attempts + 1,
            )
        )
        found = connection.execute(select(*_MESSAGE).where(table.c.id == identity)).one()
    return AlertMessage(**found._mapping)


def settle_message(
    store: Store,
    project: str,
    message: AlertMessage,
    holder: str,
    status: Status,
    outcome: str | None,
    now: datetime,
    retry_at: datetime | None = None,
) -> bool:
    """Note what came of a claimed message; False where it is no longer the holder's.

    A holder that took longer than its lease still knows best: `uncertain` is put right.
    """
    table = alert_messages
    values = {
        "status": status,
        "outcome": outcome,
        "holder": None,
        "held_until": None,
        "next_at": retry_at or message.next_at,
        "settled_at": None if status == WAITING else now,
    }
    with store.writing() as connection:
        done = connection.execute(
            update(table)
            .where(
                table.c.id == message.id,
                table.c.project == project,
                table.c.holder == holder,
                table.c.status.in_((SENDING, UNCERTAIN)),
            )
            .values(**values)
        )
        if done.rowcount == 1:
            told = {"channel": message.channel, "events": message.events, "outcome": outcome}
            what = f"{message.kind} {'put off' if status == WAITING else status}"
            note(connection, project, now, ACTOR, what, f"alert {message.id}", told)
        return done.rowcount == 1


def note_dead_claims(connection: Connection, project: str, now: datetime) -> int:
    """Make messages `uncertain` whose claimant died; returns how many. They are not sent again."""
    table = alert_messages
    dead = and_(table.c.project == project, table.c.status == SENDING, table.c.held_until <= now)
    ids = list(connection.execute(select(table.c.id).where(dead)).scalars())
    for identity in ids:
        # The holder stays: should it be alive after all, it can still say what came of it.
        done = connection.execute(
            update(table)
            .where(dead, table.c.id == identity)
            .values(status=UNCERTAIN, outcome="the job ended while it was sent", settled_at=now)
        )
        if done.rowcount == 1:
            note(connection, project, now, ACTOR, "message uncertain", f"alert {identity}")
    return len(ids)


def revive_message(store: Store, project: str, identity: str, actor: str, now: datetime) -> None:
    """Have a failed or uncertain message sent again, as somebody decided.

    Raises
    ------
    NotFoundError
        No such message failed or is uncertain.
    """
    table = alert_messages
    with store.writing() as connection:
        done = connection.execute(
            update(table)
            .where(
                table.c.project == project,
                table.c.id == identity,
                table.c.status.in_((FAILED, UNCERTAIN)),
                table.c.body != "",
            )
            .values(
                status=WAITING, attempts=0, next_at=now, holder=None, outcome=None, settled_at=None
            )
        )
        if done.rowcount != 1:
            raise NotFoundError(
                "no message of that id failed or is uncertain\n  → see `npsight alerts list`"
            )
        note(connection, project, now, actor, "message sent again", f"alert {identity}")


def message_counts(connection: Connection, project: str) -> dict[str, int]:
    """How many messages there are by status."""
    query = (
        select(alert_messages.c.status, func.count())
        .where(alert_messages.c.project == project)
        .group_by(alert_messages.c.status)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def waiting_channels(connection: Connection, project: str, now: datetime) -> set[str]:
    """Channels with messages that are due."""
    table = alert_messages
    due = and_(table.c.project == project, table.c.status == WAITING, table.c.next_at <= now)
    return set(connection.execute(select(table.c.channel).where(due).distinct()).scalars())


def messages(
    connection: Connection,
    project: str,
    statuses: Collection[str] = (),
    limit: int | None = 50,
    owner: str | None = None,
    channel: str | None = None,
    since: datetime | None = None,
) -> list[AlertMessage]:
    """Messages of these statuses (all where none is named), newest first.

    `since` bounds `settled_at`, exclusive.
    """
    table = alert_messages
    query = select(*_MESSAGE).where(table.c.project == project)
    if statuses:
        query = query.where(table.c.status.in_(list(statuses)))
    for column, value in ((table.c.owner, owner), (table.c.channel, channel)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(table.c.settled_at > since)
    query = query.order_by(table.c.created_at.desc(), table.c.id).limit(limit)
    return [AlertMessage(**row._mapping) for row in connection.execute(query)]


def newest_digest(
    connection: Connection, project: str, owner: str, channel: str
) -> datetime | None:
    """When the last digest for an owner on a channel was made; None without any."""
    table = alert_messages
    query = select(func.max(table.c.created_at)).where(
        table.c.project == project,
        table.c.kind == "digest",
        table.c.owner == owner,
        table.c.channel == channel,
    )
    found: datetime | None = connection.execute(query).scalar()
    return found


def forget_texts(connection: Connection, project: str, before: datetime) -> None:
    """Empty the texts of messages settled before an instant, and what their events said.

    Keys and outcomes stay, so that nothing is sent a second time.
    """
    table = alert_messages
    old = and_(
        table.c.project == project,
        table.c.status.in_((SENT, FAILED, UNCERTAIN)),
        table.c.settled_at < before,
        table.c.body != "",
    )
    told = select(alert_sends.c.key).where(
        alert_sends.c.project == project,
        alert_sends.c.message_id.in_(select(table.c.id).where(old)),
    )
    connection.execute(
        update(alert_events)
        .where(alert_events.c.project == project, alert_events.c.key.in_(told))
        .values(detail={})
    )
    connection.execute(update(table).where(old).values(title="", body=""))
