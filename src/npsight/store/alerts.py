"""Alerts: what happened, and on which channels it is to be told.

An event has a key that is unique for ever; an event and a channel go into one message at most.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    String,
    Table,
    and_,
    func,
    insert,
    select,
    update,
)

from npsight.store.rows import JsonObject
from npsight.store.tables import metadata
from npsight.store.upserts import upsert
from npsight.store.values import UtcInstant, clean

IDS = 500

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


_EVENT = [alert_events.c[name] for name in AlertEvent.__dataclass_fields__]


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


def known_keys(connection: Connection, project: str, keys: Sequence[str]) -> set[str]:
    """Those of the keys whose events were kept before."""
    known: set[str] = set()
    different = list(dict.fromkeys(keys))
    for start in range(0, len(different), IDS):
        some = different[start : start + IDS]
        query = select(alert_events.c.key).where(
            alert_events.c.project == project, alert_events.c.key.in_(some)
        )
        known.update(connection.execute(query).scalars())
    return known


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
    known = known_keys(connection, project, [event.key for event in events])
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
