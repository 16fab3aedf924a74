"""Follow-ups and their events as rows of tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from npsight.store.rows import JsonObject
from npsight.store.tables import metadata
from npsight.store.values import Number, UtcInstant, clean
from npsight.worklist.followups import FollowUp, Reading

STILL_OPEN = text("closed_at IS NULL")
SHOWN = ("state", "owner", "reason", "driver", "due_on", "notes", "contacted_at")
"""Fields of a follow-up that its history shows."""

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("account", String, nullable=False),
    Column("state", String, nullable=False),
    Column("owner", String),
    Column("reason", String),
    Column("driver", String),
    Column("play", String),
    Column("due_on", Date, nullable=False),
    Column("notes", String),
    Column("opened_at", UtcInstant, nullable=False),
    Column("opened_by", String, nullable=False),
    Column("reopened_at", UtcInstant),
    Column("contacted_at", UtcInstant),
    Column("closed_at", UtcInstant),
    Column("closed_by", String),
    Column("before", JSON, nullable=False),
    Column("after", JSON(none_as_null=True)),
    Column("version", Integer, nullable=False),
    Index(
        "uq_follow_ups_open",
        "project",
        "account",
        unique=True,
        sqlite_where=STILL_OPEN,
        postgresql_where=STILL_OPEN,
    ),
    Index("ix_follow_ups_account", "project", "account", "opened_at"),
    Index("ix_follow_ups_state", "project", "state", "due_on", "id"),
    Index("ix_follow_ups_closed", "project", "state", "closed_at", "id"),
    Index("ix_follow_ups_owner", "project", "owner", "state", "due_on", "id"),
)

follow_up_events = Table(
    "follow_up_events",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("project", String, nullable=False),
    Column("account", String, nullable=False),
    Column("follow_up_id", String, ForeignKey("follow_ups.id", ondelete="CASCADE")),
    Column("version", Integer),
    Column("at", UtcInstant, nullable=False),
    Column("actor", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("note", String),
    Column("call", JSON(none_as_null=True)),
    UniqueConstraint("follow_up_id", "version", name="uq_follow_up_events_version"),
    Index("ix_follow_up_events_account", "project", "account", "seq"),
)


FIELDS = [follow_ups.c[name] for name in FollowUp.__dataclass_fields__]


@dataclass(frozen=True)
class Event:
    """One thing that was done with an account.

    `version` is the follow-up's afterwards; a snooze belongs to no follow-up. `before` and `after`
    hold the fields of `SHOWN` as JSON (days and instants in ISO form), or `snoozed_until`.
    `call` is what takes a call back: when it was (`at`), and the contact in the account's marks
    before it (`contacted_at`, `contacted_days`).
    """

    seq: int
    account: str
    follow_up_id: str | None
    version: int | None
    at: datetime
    actor: str
    kind: str
    before: JsonObject | None
    after: JsonObject | None
    note: str | None
    call: JsonObject | None


def shown_fields(one: FollowUp) -> JsonObject:
    """What the history shows of a follow-up, as JSON."""
    return {name: plain(getattr(one, name)) for name in SHOWN}


def follow_up_of(row: Mapping[Any, Any]) -> FollowUp:
    """A row of the table as what it tells of."""
    values = {name: row[name] for name in FollowUp.__dataclass_fields__}
    values["before"] = _reading(values["before"])
    values["after"] = None if values["after"] is None else _reading(values["after"])
    return FollowUp(**values)


def row_of(one: FollowUp) -> dict[str, Any]:
    """What is told of as a row of the table."""
    values = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
    values["before"] = _reading_json(one.before)
    values["after"] = None if one.after is None else _reading_json(one.after)
    return values


def _reading_json(reading: Reading) -> JsonObject:
    told: JsonObject = clean(dataclasses.asdict(reading) | {"at": reading.at.isoformat()})
    return told


def _reading(told: JsonObject) -> Reading:
    return Reading(**{**told, "at": datetime.fromisoformat(told["at"])})


def plain(value: Any) -> Any:
    """Days and instants in ISO form, for JSON; the rest as it is."""
    return value.isoformat() if isinstance(value, date) else value
