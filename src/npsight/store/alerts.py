"""Alerts: what happened, whom it is for, and the messages that tell of it, each claimed once.

An event has a key that is unique for ever, an event and a channel go into one message, and a
message's id follows from what is in it. A message is claimed in a transaction of its own before it
is sent: whoever claims it sends it, nobody else. Where its claimant dies in between, it is
`uncertain` and is never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import (
    JSON,
    BigInteger,
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
from npsight.store.auditlog import note
from npsight.store.rows import JsonObject
from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.upserts import upsert
from npsight.store.values import UtcInstant, clean

Status = Literal["waiting", "sending", "sent", "failed", "uncertain"]
WAITING, SENDING, SENT, FAILED, UNCERTAIN = "waiting", "sending", "sent", "failed", "uncertain"
ACTOR = "npsight alerts"
IDS = 500
KEEP_TEXTS = timedelta(days=90)

alert_looks = Table(
    "alert_looks",
    metadata,
    Column("project", String, primary_key=True),
    Column("started_at", UtcInstant, nullable=False),
    Column("looked_at", UtcInstant, nullable=False),
    Column("changes_seq", BigInteger, nullable=False),
)

alert_events = Table(
    "alert_events",
    metadata,
    Column("project", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("account", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("happened_at", UtcInstant, nullable=False),
    Column("found_at", UtcInstant, nullable=False),
    Column("detail", JSON, nullable=False),
    Index("ix_alert_events_owner", "project", "owner", "kind", "found_at"),
)

alert_sends = Table(
    "alert_sends",
    metadata,
    Column("project", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("message_id", String),
    Index("ix_alert_sends_message_id", "project", "message_id"),
)

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
class Look:
    """How far events were looked for.

    `changes_seq` is the number of a change up to which all were seen; some later ones may have
    been, too.
    """

    started_at: datetime
    looked_at: datetime
    changes_seq: int


@dataclass(frozen=True)
class AlertEvent:
    """One thing worth a message; `owner` is `""` where the account has none.

    `detail` is what the message says of it, as it was when the event was found.
    """

    key: str
    kind: str
    account: str = field(repr=False)
    owner: str = field(repr=False)
    happened_at: datetime
    detail: JsonObject = field(repr=False)


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
_EVENT = [alert_events.c[name] for name in AlertEvent.__dataclass_fields__]


# --- Looking -------------------------------------------------------------------------------------


def begin_look(connection: Connection, project: str, now: datetime, newest: int) -> Look | None:
    """The last look, which no other job can go on from until this transaction ends.

    None for the first one, which is kept as starting now, after the change numbered `newest`.
    """
    row = {"started_at": now, "looked_at": now, "changes_seq": newest}
    mine = alert_looks.c.project == project
    columns = [alert_looks.c[name] for name in Look.__dataclass_fields__]
    query = select(*columns).where(mine).with_for_update()
    found = connection.execute(query).one_or_none()
    if found is not None:
        return Look(**found._mapping)
    # Two first looks at once: the second waits here, and sees the events of the first.
    upsert(connection, alert_looks, {"project": project}, row)
    return None


def end_look(connection: Connection, project: str, now: datetime, changes_seq: int) -> None:
    """Keep how far this look went."""
    mine = alert_looks.c.project == project
    connection.execute(
        update(alert_looks).where(mine).values(looked_at=now, changes_seq=changes_seq)
    )


def keep_events(
    connection: Connection,
    project: str,
    events: Sequence[AlertEvent],
    routes: Mapping[str, Sequence[str]],
    now: datetime,
) -> list[AlertEvent]:
    """Keep the events that were never kept before, each for the channels of its key.

    Returns those. An event without channels is kept, too, so that it never comes up again.
    """
    known: set[str] = set()
    keys = list(dict.fromkeys(event.key for event in events))
    for start in range(0, len(keys), IDS):
        query = select(alert_events.c.key).where(
            alert_events.c.project == project, alert_events.c.key.in_(keys[start : start + IDS])
        )
        known.update(connection.execute(query).scalars())
    new = list({event.key: event for event in events if event.key not in known}.values())
    rows = [
        {"project": project, "found_at": now, **{c.name: getattr(e, c.name) for c in _EVENT}}
        for e in new
    ]
    sends = [
        {"project": project, "key": event.key, "channel": channel, "message_id": None}
        for event in new
        for channel in dict.fromkeys(routes.get(event.key, ()))
    ]
    for table, some in ((alert_events, rows), (alert_sends, sends)):
        for start in range(0, len(some), IDS):
            part = some[start : start + IDS]
            connection.execute(insert(table), [clean_detail(row) for row in part])
    return new


def clean_detail(row: JsonObject) -> JsonObject:
    """The row with a detail that JSON can hold."""
    return {**row, "detail": clean(row["detail"])} if "detail" in row else row


def unsent(
    connection: Connection, project: str, channels: Collection[str], since: datetime
) -> dict[tuple[str, str], list[AlertEvent]]:
    """Events found since an instant (inclusive) that are in no message yet, by owner and channel.

    They are in the order of their keys.
    """
    query = (
        select(*_EVENT, alert_sends.c.channel.label("channel"))
        .join(
            alert_sends,
            and_(
                alert_sends.c.project == alert_events.c.project,
                alert_sends.c.key == alert_events.c.key,
            ),
        )
        .where(
            alert_sends.c.project == project,
            alert_sends.c.message_id.is_(None),
            alert_sends.c.channel.in_(list(channels)),
            alert_events.c.found_at >= since,
        )
        .order_by(alert_events.c.owner, alert_sends.c.channel, alert_events.c.key)
    )
    found: dict[tuple[str, str], list[AlertEvent]] = {}
    for row in connection.execute(query):
        values = dict(row._mapping)
        channel = values.pop("channel")
        found.setdefault((row.owner, channel), []).append(AlertEvent(**values))
    return found


def waiting_events(connection: Connection, project: str) -> dict[str, int]:
    """How many events are in no message yet, by channel."""
    query = (
        select(alert_sends.c.channel, func.count())
        .where(alert_sends.c.project == project, alert_sends.c.message_id.is_(None))
        .group_by(alert_sends.c.channel)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


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


# --- Sending -------------------------------------------------------------------------------------


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


# --- Reading -------------------------------------------------------------------------------------


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

    `since` bounds `settled_at`, inclusive.
    """
    table = alert_messages
    query = select(*_MESSAGE).where(table.c.project == project)
    if statuses:
        query = query.where(table.c.status.in_(list(statuses)))
    for column, value in ((table.c.owner, owner), (table.c.channel, channel)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(table.c.settled_at >= since)
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


def event_counts(
    connection: Connection, project: str, owner: str, since: datetime
) -> dict[str, int]:
    """How many events of an owner were found since an instant, inclusive, by kind."""
    query = (
        select(alert_events.c.kind, func.count())
        .where(
            alert_events.c.project == project,
            alert_events.c.owner == owner,
            alert_events.c.found_at >= since,
        )
        .group_by(alert_events.c.kind)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


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
