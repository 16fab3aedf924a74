"""Random companies as raw rows of clock times, one zone a table; `written_files` exports them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from plain_reading import HOUR, Accounts, Mapped, Row, utc_of
from worlds import MEASURES, WINDOWS, Draw

from npsight.audit.oracle import DAY

COMPANIES = range(5)
ACCOUNTS = 300
TICK = timedelta(microseconds=1)
NOW = datetime(2025, 6, 1)
LONG_AGO = datetime(2023, 3, 5, 8)
LEAP_DAY = datetime(2024, 2, 29)


@dataclass(frozen=True)
class Zone:
    """Its clocks in 2024: readings in the middle of the gap and of the fold, and their length."""

    name: str
    in_gap: datetime | None = None
    in_fold: datetime | None = None
    length: timedelta = HOUR

    @property
    def changes(self) -> list[datetime]:
        """Readings inside the gap and the fold, at their edges, and a tick from each."""
        half = self.length / 2
        middles = [at for at in (self.in_gap, self.in_fold) if at is not None]
        return [m + k * half + t * TICK for m in middles for k in (-1, 0, 1) for t in (-1, 0, 1)]

    def clock(self, at: datetime) -> datetime:
        """What clocks show at a UTC instant."""
        return at.replace(tzinfo=UTC).astimezone(ZoneInfo(self.name)).replace(tzinfo=None)


ZONES = (
    Zone("America/New_York", datetime(2024, 3, 10, 2, 30), datetime(2024, 11, 3, 1, 30)),
    Zone("Europe/Berlin", datetime(2024, 3, 31, 2, 30), datetime(2024, 10, 27, 2, 30)),
    Zone(
        "Australia/Lord_Howe",
        datetime(2024, 10, 6, 2, 15),
        datetime(2024, 4, 7, 1, 45),
        timedelta(minutes=30),
    ),
    Zone("Pacific/Auckland", datetime(2024, 9, 29, 2, 30), datetime(2024, 4, 7, 2, 30)),
    Zone("Africa/Casablanca", datetime(2024, 4, 14, 2, 30), datetime(2024, 3, 10, 2, 30)),
    Zone("Asia/Kolkata"),
)
CHANGING = ZONES[:5]
"""Those whose clocks change."""

TABLES: dict[str, Mapped] = {
    "responses": Mapped(
        account="account",
        time="answered",
        known_at="synced",
        id="answer_id",
        retracted="test",
        values={"score": "score", "respondent": "contact", "touchpoint": "asked"},
    ),
    "usage": Mapped(
        account="account",
        time="at",
        known_at="loaded",
        delay_hours=2,
        id="id",
        retracted="deleted",
        values={"logins": "logins", "errors": "errors", "kind": "kind", "channel": "channel"},
    ),
    "purchases": Mapped(account="account", time="at", delay_hours=1.5, values={"amount": "amount"}),
    "tickets": Mapped(
        account="account",
        time="opened",
        known_at="loaded",
        delay_hours=0.5,
        id="id",
        ended_at="closed",
        ended_known_at="closing_loaded",
        values={"hours": "hours", "severity": "severity"},
    ),
    "meetings": Mapped(
        account="account",
        time="takes_place",
        known_at="booked",
        id="id",
        retracted="cancelled",
        scheduled=True,
    ),
    "subscriptions": Mapped(
        account="account",
        time="started",
        known_at="signed",
        ended_at="ended",
        ended_known_at="cancelled",
    ),
    "merges": Mapped(account="old", time="merged", known_at="loaded", values={"into": "new"}),
}
MOST_FACTS = {
    "responses": 6,
    "usage": 12,
    "purchases": 6,
    "tickets": 6,
    "meetings": 4,
    "subscriptions": 2,
}
ID_PREFIX = {"responses": "r", "usage": "u", "tickets": "t", "meetings": "m"}


@dataclass
class Company:
    """One company's raw rows; clock times are naive, times that say their offset aware."""

    number: int
    zones: dict[str, Zone]
    as_ofs: tuple[datetime, ...]
    tables: dict[str, Mapped]
    accounts: Accounts
    rows: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def touchpoints(self) -> tuple[str, ...]:
        """Those whose answers are foreseen: one, or all."""
        return ("mail",) if self.number % 2 else ()

    @cached_property
    def names(self) -> list[str]:
        """Every account."""
        return [f"a{number:03d}" for number in range(ACCOUNTS)]


def company(number: int) -> Company:
    """A random company: its zones, its days, and the histories of all its accounts."""
    rng = np.random.default_rng([7, number])
    mixed = [*rng.permutation(len(ZONES)), *rng.permutation(len(ZONES))]
    zones = {name: ZONES[i] for name, i in zip(("accounts", *TABLES), mixed, strict=False)}
    tables = dict(TABLES)
    if number % 2:
        tables["purchases"] = replace(tables["purchases"], duplicates="keep")
    drawn = Company(
        number,
        zones,
        days_of(number),
        tables,
        Accounts(None, 24) if number % 2 else Accounts("written", 0),
    )
    _Rows(drawn).draw()
    return drawn


def days_of(number: int) -> tuple[datetime, ...]:
    """Days on and a window's length after the changes of two zones, and one around the leap day."""
    one, other = (CHANGING[(number + k) % len(CHANGING)] for k in (0, 2))
    leap = (LEAP_DAY, LEAP_DAY + DAY, LEAP_DAY + DAY - TICK)[number % 3]
    assert one.in_gap is not None
    assert one.in_fold is not None
    assert other.in_gap is not None
    assert other.in_fold is not None
    days = (
        utc_of(one.in_gap, one.name),
        utc_of(one.in_fold, one.name),
        utc_of(other.in_gap, other.name) + 7 * DAY,
        utc_of(other.in_fold, other.name) + DAY,
        leap,
    )
    return tuple(sorted(days))


class _Rows:
    """Draws the rows of one company, account by account."""

    def __init__(self, drawn: Company) -> None:
        choose = Draw(drawn.number, ())
        self.company, self.rng = drawn, choose.rng
        self.one, self.chance = choose.one, choose.chance
        self.who = Draw(drawn.number + 1_000, ())
        self.focus = drawn.as_ofs[0]
        self.ids = 0

    def draw(self) -> None:
        rows = self.company.rows
        rows |= {name: [] for name in self.company.zones}
        for account in self.company.names:
            self.focus = self.one(self.company.as_ofs)
            rows["accounts"] += self.account(account)
            for name, most in MOST_FACTS.items():
                for _ in range(self.upto(most)):
                    rows[name] += self.fact(name, account)
        rows["merges"] = list(self.merges())
        for name in rows:
            self.repeat(rows[name])

    def upto(self, most: int) -> int:
        return int(self.rng.integers(most + 1))

    def repeat(self, rows: list[Row]) -> None:
        """Some rows twice, as when a file is loaded again; all in any order."""
        rows += [row for row in rows if self.chance(0.02)]
        order = self.rng.permutation(len(rows))
        rows[:] = [rows[i] for i in order]

    # --- Times ------------------------------------------------------------------------------

    def near(self) -> datetime:
        """A UTC instant at, or a tick from, a day or a window's edge of the account's focus."""
        back = self.one((0, 0, *WINDOWS, *(2 * w for w in WINDOWS)))
        return self.focus - back * DAY + self.one((-1, 0, 1)) * TICK

    def far(self) -> datetime:
        """Another day, the leap day, or some time before and after."""
        around = [self.focus + k for k in (-3 * DAY, -5 * HOUR, 20 * DAY, -400 * DAY)]
        leap = [LEAP_DAY, LEAP_DAY + 12 * HOUR, LEAP_DAY + DAY - TICK]
        return self.one([*around, *leap, *self.company.as_ofs])

    def time(self, table: str) -> datetime:
        """A clock time of the table's zone, or an instant where the table says its offsets."""
        zone = self.company.zones[table]
        if zone.changes and self.chance(0.35):
            clock = self.one(zone.changes)
        else:
            clock = zone.clock(self.near() if self.chance(0.7) else self.far())
        if table == "subscriptions":
            at = clock.replace(tzinfo=ZoneInfo(zone.name), fold=self.one((0, 1)))
            return at.astimezone(UTC)
        if table == "meetings" and self.chance(0.3):
            offset = clock.replace(tzinfo=ZoneInfo(zone.name), fold=self.one((0, 1))).utcoffset()
            assert offset is not None
            return clock.replace(tzinfo=timezone(offset))
        return clock

    def maybe_time(self, table: str, blank: float) -> datetime | None:
        return None if self.chance(blank) else self.time(table)

    def not_before(self, table: str, start: datetime, blank: float) -> datetime | None:
        """A time at or after another one, or blank; an end before its start would be refused."""
        for _ in range(10):
            at = self.maybe_time(table, blank)
            if at is None or self.utc(table, at) >= self.utc(table, start):
                return at
        return start

    def utc(self, table: str, at: datetime) -> datetime:
        return utc_of(at, self.company.zones[table].name)

    # --- Rows -------------------------------------------------------------------------------

    def account(self, account: str) -> Iterator[Row]:
        """Versions of an account; no two of one beginning that were known at once."""
        met = set()
        for _ in range(1 + self.upto(3)):
            begun = self.time("accounts")
            if not met and self.chance(0.6):
                begun = LONG_AGO + self.upto(9) * HOUR
            row: Row = {"account_id": account, "valid_from": begun}
            row["valid_to"] = self.not_before("accounts", begun, 0.5)
            known = begun if self.chance(0.5) else self.maybe_time("accounts", 0.2)
            row["written"] = known
            identity = [self.utc("accounts", begun)]
            if self.company.accounts.known_at:
                identity.append(self.utc("accounts", known or begun))
            if tuple(identity) in met:
                continue
            met.add(tuple(identity))
            row["created_at"] = self.maybe_time("accounts", 0.8)
            row["renewal_at"] = self.maybe_time("accounts", 0.3)
            row |= {"plan": self.one(("gold", "free", None)), "seats": self.one(MEASURES)}
            yield row | {"owner": self.one(("ann", "bob"))}

    def fact(self, name: str, account: str) -> Iterator[Row]:
        """One fact: a row, or several versions of it, some withdrawn."""
        table = self.company.tables[name]
        if table.id is None:
            yield self.row(name, account)
            return
        self.ids += 1
        known: set[datetime] = set()
        for version in range(self.one((1, 1, 1, 2, 3))):
            moved = version and self.chance(0.15)
            row = self.row(name, self.one(self.company.names) if moved else account)
            row[table.id] = f"{ID_PREFIX[name]}{self.ids}"
            if version and table.retracted and self.chance(0.35):
                row |= self.withdrawal(name)
            elif version and name in ("usage", "tickets", "meetings") and self.chance(0.15):
                row |= {table.time: None, str(table.known_at): self.time(name)}
            stated = self.stated(name, row)
            # Of two versions known at once one would be refused.
            if stated not in known:
                known.add(stated)
                yield row

    def stated(self, name: str, row: Row) -> datetime:
        table = self.company.tables[name]
        said = row[str(table.known_at)]
        if said is not None:
            return self.utc(name, said)
        return self.utc(name, row[table.time]) + table.delay_hours * HOUR

    def withdrawal(self, name: str) -> Row:
        """What else such a row says is not read, so it may be nonsense."""
        table = self.company.tables[name]
        nonsense = dict.fromkeys(table.values.values(), "n/a")
        return nonsense | {
            table.account: self.one(("", "nobody")),
            table.time: self.one((None, "some day")),
            str(table.known_at): self.time(name),
            str(table.retracted): self.one(("true", "Yes", "1")),
        }

    def row(self, name: str, account: str) -> Row:
        """A random row of a table, known at once or at any other time: late, early, ahead."""
        table = self.company.tables[name]
        at = self.time(name)
        row: Row = {table.account: account, table.time: at}
        if table.id:
            row[table.id] = None
        if table.known_at:
            blank = 0.0 if table.scheduled else 0.1
            row[table.known_at] = at if self.chance(0.4) else self.maybe_time(name, blank)
        if table.retracted:
            row[table.retracted] = self.one((None, "false", "No", "0"))
        if table.ended_at:
            row[table.ended_at] = self.not_before(name, at, 0.3)
            row[str(table.ended_known_at)] = self.maybe_time(name, 0.4)
        return row | {column: self.value(name, column) for column in table.values.values()}

    def value(self, table: str, column: str) -> str | None:
        if column == "score":
            return self.one(("0", "3", "6", "7", "8", "9", "10"))
        who = {"contact": ("ann", "bob", None), "asked": ("mail", "call", None)}
        if column in who:
            return self.who.one(who[column])
        words = {"kind": ("web", "app", None), "channel": ("x", "y")}
        words["severity"] = ("high", "low", None)
        return self.one(words.get(column, MEASURES))

    def merges(self) -> Iterator[Row]:
        """An eighth of the accounts became part of another, some of those of a third."""
        names = self.company.names
        drawn = self.rng.choice(len(names), len(names) // 8, replace=False)
        ended = [names[i] for i in sorted(drawn)]
        for number, account in enumerate(ended):
            self.focus = self.one(self.company.as_ofs)
            # Only into one that does not end, or ends after it in the list: no circles.
            going_on = [name for name in names if name not in ended]
            later = ended[number + 1 :]
            into = self.one(later if later and self.chance(0.4) else going_on)
            merged = self.time("merges")
            known = merged if self.chance(0.4) else self.maybe_time("merges", 0.1)
            yield {"old": account, "new": into, "merged": merged, "loaded": known}
