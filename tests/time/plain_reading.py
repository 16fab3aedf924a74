"""The user's rows -> what counts on a day, in plain Python: docs/time.md read by itself.

Uses nothing of `npsight.tables`: no canonical columns for corrections and merges, but the rule
itself, asked anew for every day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from npsight.audit.oracle import DAY, World

Row = dict[str, Any]
HOUR = timedelta(hours=1)


def both_readings(clock: datetime, zone: str) -> tuple[datetime, datetime]:
    """UTC instants of a clock time by the offset before, and by the one after, a change."""
    there = ZoneInfo(zone)
    before, after = (
        clock.replace(tzinfo=there, fold=fold).astimezone(UTC).replace(tzinfo=None)
        for fold in (0, 1)
    )
    return before, after


def in_gap(clock: datetime, zone: str) -> bool:
    """Whether no clock showed it: the offset before the change leads past the change."""
    before, after = both_readings(clock, zone)
    return before > after


def in_fold(clock: datetime, zone: str) -> bool:
    """Whether clocks showed it twice."""
    before, after = both_readings(clock, zone)
    return before < after


def instant(value: datetime | None, zone: str) -> datetime | None:
    """`utc_of`, None for a blank."""
    return None if value is None else utc_of(value, zone)


def utc_of(value: datetime, zone: str) -> datetime:
    """UTC without a zone.

    A time in the gap moves forward by the gap, so it goes by the offset before; of two readings
    the second counts, so it goes by the offset after: either way the later instant.
    """
    if value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return max(both_readings(value, zone))


@dataclass(frozen=True)
class Mapped:
    """How the columns of one table are mapped, as its lines of the project file say it."""

    account: str
    time: str
    known_at: str | None = None
    delay_hours: float = 0
    id: str | None = None
    retracted: str | None = None
    scheduled: bool = False
    ended_at: str | None = None
    ended_known_at: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    duplicates: str = "drop"


def counted_once(rows: Iterable[Row]) -> list[Row]:
    """Without the rows that equal an earlier one in every column."""
    return list({tuple(row.items()): row for row in rows}.values())


def facts_of(rows: list[Row], table: Mapped, zone: str) -> list[Row]:
    """The rows of a table that are facts, in UTC; `corrected_at` where a later row says so."""
    rows = rows if table.duplicates == "keep" else counted_once(rows)
    read = [_fact(row, table, zone) for row in rows]
    if table.id is not None:
        _mark_corrections(read)
    return [fact for fact in read if fact["is_fact"]]


def _fact(row: Row, table: Mapped, zone: str) -> Row:
    said = instant(row[table.known_at], zone) if table.known_at else None
    withdrawn = table.retracted is not None and str(row[table.retracted]).lower() in (
        "true",
        "yes",
        "1",
    )
    if withdrawn or row[table.time] is None:
        return {"is_fact": False, "id": row[str(table.id)], "stated": said}
    occurred = utc_of(row[table.time], zone)
    stated = said if said is not None else occurred + table.delay_hours * HOUR
    known = stated if table.scheduled else max(stated, occurred)
    fact = {"account": row[table.account], "occurred_at": occurred, "known_at": known}
    if table.ended_at is not None:
        fact |= _end(row, table, zone)
    fact |= {name: row[column] for name, column in table.values.items()}
    return fact | {"is_fact": True, "id": row[table.id] if table.id else None, "stated": stated}


def _end(row: Row, table: Mapped, zone: str) -> Row:
    ended = instant(row[str(table.ended_at)], zone)
    if ended is None:
        return {"ended_at": None, "ended_known_at": None}
    said = instant(row[table.ended_known_at], zone) if table.ended_known_at else None
    return {"ended_at": ended, "ended_known_at": said or ended + table.delay_hours * HOUR}


def _mark_corrections(facts: list[Row]) -> None:
    """Each row of an id ends the one before it, in the order in which they were known."""
    by_id: dict[str, list[Row]] = {}
    for fact in facts:
        by_id.setdefault(fact["id"], []).append(fact)
    for versions in by_id.values():
        versions.sort(key=lambda fact: fact["stated"])
        for earlier, later in pairwise(versions):
            earlier["corrected_at"] = later["stated"]


@dataclass(frozen=True)
class Merges:
    """Account -> (the one it became part of, from when that was known)."""

    into: Mapping[str, tuple[str, datetime]]

    @classmethod
    def of(cls, rows: list[Row], table: Mapped, zone: str) -> Merges:
        """Read from the user's rows."""
        read = facts_of(rows, table, zone)
        return cls({fact["account"]: (fact["into"], fact["known_at"]) for fact in read})

    def owner(self, account: str, as_of: datetime) -> tuple[str, datetime | None]:
        """Whose the account's rows are on a day, and since when."""
        since = None
        while account in self.into and self.into[account][1] < as_of:
            account, known = self.into[account]
            since = known if since is None else max(since, known)
        return account, since

    def on(self, fact: Row, as_of: datetime) -> Row:
        """The fact as it stands for its owner, who cannot have known of it before the merge."""
        owner, since = self.owner(fact["account"], as_of)
        known = fact["known_at"] if since is None else max(fact["known_at"], since)
        return fact | {"account": owner, "known_at": known}


@dataclass(frozen=True)
class Accounts:
    """The accounts table: mapped with `known_at`, or without it and with `delay_hours`."""

    known_at: str | None
    delay_hours: float

    def versions(self, rows: list[Row], zone: str) -> list[Row]:
        """Attributes through time.

        Where the next one begins by a day after the end of one, that end was written down then.
        """
        read = [self._version(row, zone) for row in counted_once(rows)]
        by_account: dict[str, list[Row]] = {}
        for version in read:
            by_account.setdefault(version["account"], []).append(version)
        for version in read:
            ended = version["ended_at"]
            later = [
                other
                for other in by_account[version["account"]]
                if other["occurred_at"] > version["occurred_at"]
            ]
            if ended is None or not later:
                continue
            following = min(later, key=lambda other: (other["occurred_at"], other["known_at"]))
            if following["occurred_at"] <= ended + DAY:
                written = max(version["ended_known_at"], following["known_at"])
                version["ended_known_at"] = written
        return read

    def _version(self, row: Row, zone: str) -> Row:
        begun, ended = utc_of(row["valid_from"], zone), instant(row["valid_to"], zone)
        delay = self.delay_hours * HOUR
        said = instant(row[self.known_at], zone) if self.known_at else None
        known = said or begun + delay
        created = instant(row["created_at"], zone)
        return {
            "account": row["account_id"],
            "occurred_at": begun,
            "known_at": known,
            "ended_at": ended,
            "ended_known_at": ended and max(ended + delay, known),
            "created_at": created and created + delay,
            "renewal_at_": instant(row["renewal_at"], zone),
            "owner_": row["owner"],
            "plan": row["plan"],
            "seats": row["seats"],
        }

    def began(self, versions: list[Row]) -> datetime:
        """From when an account exists, of its versions."""
        created = [(v["known_at"], v["created_at"]) for v in versions if v["created_at"]]
        begun = min(max(v["occurred_at"], v["known_at"]) for v in versions)
        if created:
            begun = min(created)[1]
        if self.known_at is None:
            return begun
        return max(begun, min(v["known_at"] for v in versions))

    def since(self, versions: list[Row]) -> datetime:
        """From when it is as old as it is: what its first row says, which may be long before."""
        first = min(versions, key=lambda v: (v["known_at"], v["created_at"] or datetime.max))
        began = self.began(versions)
        return min(first["created_at"] or began, began)


def day_of(
    accounts: list[Row],
    versions: list[Row],
    facts: Mapping[str, list[Row]],
    merges: Merges,
    as_of: datetime,
) -> dict[str, World]:
    """Account -> its world on a day: the rows that are its own then, whoever's they were."""
    worlds = {
        row["account"]: World(
            [row],
            [],
            {name: [] for name in facts},
            merges=[
                {"account": account, "into": into, "known_at": known}
                for account, (into, known) in merges.into.items()
                if account == row["account"]
            ],
        )
        for row in accounts
    }
    for version in versions:
        known = worlds[version["account"]].versions
        assert known is not None
        known.append(version)
    for name, rows in facts.items():
        for fact in rows:
            own = merges.on(fact, as_of)
            worlds[own["account"]].sources[name].append(own)
    return worlds
