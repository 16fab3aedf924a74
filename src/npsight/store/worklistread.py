"""The worklist of a run, page by page, and what pages say above it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, func, literal, select, text, update

from npsight.store.rows import ScoreRun
from npsight.store.store import Store
from npsight.store.worklist import FACETS, WITHIN_CAPACITY, worklist, worklist_facets
from npsight.store.worklistquery import (
    DRIVEN,
    Place,
    Wanted,
    Way,
    condition_count,
    count_query,
    far_query,
    is_grouped,
    rows_query,
)

COUNTED = DRIVEN + 1
OVER = 1_000
WALKED = 5_000
OFFERED = 200
MANY = 60_000
LOOKED = timedelta(minutes=1)


@dataclass(frozen=True)
class Listed:
    """An account on the worklist; see `worklist` for its fields."""

    account: str
    name: str | None
    owner: str | None
    segment: str | None
    revenue: float | None
    renewal_at: datetime | None
    band_now: str | None
    expected_band: str | None
    move: str | None
    detractor_risk: float | None
    predicted_nps: float | None
    churn_risk: float | None
    risk_level: str | None
    rank: int | None
    within_capacity: bool | None
    driver: str | None
    second_driver: str | None
    last_contact_at: datetime | None
    state: str | None
    due_on: date | None
    stands_back: bool
    stands_back_until: datetime | None
    stands_back_why: str | None
    held_out: bool


@dataclass(frozen=True)
class Count:
    """How many accounts there are: exactly, `over` so many, or `about` so many."""

    accounts: int
    kind: str = "exactly"


@dataclass(frozen=True)
class Sheet:
    """Some rows, and whether others come before and behind them."""

    rows: tuple[Listed, ...]
    earlier: bool
    later: bool
    count: Count | None = None


_NAMES = tuple(field.name for field in fields(Listed))


def sheet(
    store: Store,
    run: ScoreRun,
    wanted: Wanted,
    limit: int,
    after: Place | None = None,
    before: Place | None = None,
    counted: bool = False,
) -> Sheet:
    """At most `limit` rows behind `after`, or the last ones in front of `before`.

    With `counted`, also how many there are in all: exactly up to `OVER`, else over it. Only so
    many rows are looked at for it; where few of them are wanted, it is told what their share makes
    of all.
    """
    asked = wanted if before is None else wanted.backwards()
    with _reading(store) as connection:
        rarest, least = _rarest(connection, run, wanted)
        count = _count(connection, run, wanted, rarest, least) if counted else None
        way = way_of(wanted, rarest, least)
        if way.by is None and rarest is not None and _is_far(run, count, limit):
            way = Way(rarest, driven=True)
        place, backwards = before or after, before is not None
        found = _rows(connection, run, asked, way, rarest, limit + 1, place, backwards)
    more, rows = len(found) > limit, found[:limit]
    if before is not None:
        return Sheet(tuple(reversed(rows)), earlier=more, later=True, count=count)
    return Sheet(tuple(rows), earlier=after is not None, later=more, count=count)


def way_of(wanted: Wanted, rarest: str | None, least: int) -> Way:
    """How to find rows of which the rarest condition leaves so many."""
    if rarest is not None and is_grouped(rarest, wanted.order):
        return Way(rarest)
    return Way(rarest, driven=True) if rarest is not None and least <= DRIVEN else Way()


def place_of(row: Listed, wanted: Wanted) -> Place:
    """Where a row stands."""
    return Place(getattr(row, wanted.order), row.account)


def every_row(store: Store, run: ScoreRun, wanted: Wanted, at_once: int = 500) -> Iterator[Listed]:
    """All rows, read a few at a time."""
    after: Place | None = None
    while True:
        page = sheet(store, run, wanted, at_once, after)
        yield from page.rows
        if not page.later:
            return
        after = place_of(page.rows[-1], wanted)


def count_of(store: Store, run: ScoreRun, wanted: Wanted) -> Count:
    """How many accounts there are; see `sheet`."""
    with _reading(store) as connection:
        return _count(connection, run, wanted, *_rarest(connection, run, wanted))


def within_capacity(store: Store, run_id: str) -> int:
    """How many accounts the run found within their owner's capacity."""
    table = worklist_facets
    mine = (table.c.run_id == run_id) & (table.c.facet == WITHIN_CAPACITY)
    with _reading(store) as connection:
        return int(connection.execute(select(table.c.accounts).where(mine)).scalar() or 0)


def revenue_at_risk(store: Store, run_id: str) -> tuple[int, float]:
    """How many accounts of high risk have a known revenue, and its sum."""
    table = worklist
    mine = [table.c.run_id == run_id, table.c.risk_level == "high", table.c.revenue >= 0]
    totals = select(func.count(), func.coalesce(func.sum(table.c.revenue), 0.0)).where(*mine)
    with _reading(store) as connection:
        count, revenue = connection.execute(totals).one()
    return int(count), float(revenue)


def choices(store: Store, run_id: str) -> dict[str, tuple[str, ...]]:
    """The values of each of the `FACETS`, in their order; none of one that has over `OFFERED`."""
    table = worklist_facets
    found: dict[str, tuple[str, ...]] = {}
    with _reading(store) as connection:
        for facet in FACETS:
            mine = (table.c.run_id == run_id) & (table.c.facet == facet)
            query = select(table.c.value).where(mine).limit(OFFERED + 1)
            values = list(connection.execute(query).scalars())
            found[facet] = () if len(values) > OFFERED else tuple(sorted(values, key=str.casefold))
    return found


def owns_accounts(store: Store, run_id: str, owner: str) -> bool:
    """Whether the run has accounts of an owner."""
    table = worklist_facets
    mine = (table.c.run_id == run_id) & (table.c.facet == "owner") & (table.c.value == owner)
    with _reading(store) as connection:
        return connection.execute(select(table.c.accounts).where(mine)).first() is not None


def contacted_since(
    store: Store, run: ScoreRun, since: datetime, owner: str | None, most: int
) -> int:
    """How many accounts (of an owner) were contacted at or after an instant; at most `most`."""
    table = worklist
    at = literal(since, table.c.last_contact_at.type)
    parts = 0
    with _reading(store) as connection:
        for side in (False, True):
            mine = [table.c.run_id == run.id, table.c.stands_back == literal(side)]
            mine.append(table.c.last_contact_at >= at)
            if owner is not None:
                mine.append(table.c.owner == owner)
            rows = select(table.c.account).where(*mine).limit(most).subquery()
            parts += int(connection.execute(select(func.count()).select_from(rows)).scalar() or 0)
    return min(parts, most)


_LOOKED: WeakKeyDictionary[Store, datetime] = WeakKeyDictionary()
_GUARD = Lock()


def step_forward(store: Store, now: datetime) -> int:
    """Have accounts come back whose time has passed; looked for once a minute by a process.

    Those until `now` and earlier come back. Returns how many did.
    """
    with _GUARD:
        last = _LOOKED.get(store)
        if last is not None and last <= now < last + LOOKED:
            return 0
        _LOOKED[store] = now
    over = worklist.c.stands_back_until <= literal(now, worklist.c.stands_back_until.type)
    with _reading(store) as connection:
        if connection.execute(select(worklist.c.account).where(over).limit(1)).first() is None:
            return 0
    back = {"stands_back": False, "stands_back_until": None, "stands_back_why": None}
    with store.writing() as connection:
        done = connection.execute(update(worklist).where(over).values(**back, held_out=False))
        return int(done.rowcount)


@contextmanager
def _reading(store: Store) -> Iterator[Connection]:
    """A transaction in which PostgreSQL goes through no whole table where there is an index.

    It would where a page's rows seem to be frequent, and read those of the run before on its way.
    """
    with store.reading() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        yield connection


def _rarest(connection: Connection, run: ScoreRun, wanted: Wanted) -> tuple[str | None, int]:
    """The condition that leaves the fewest accounts, and how many; counted up to `DRIVEN`."""
    rarest, least = None, run.account_count
    for name in wanted.conditions:
        query = condition_count(run.id, run.project, wanted, name, DRIVEN + 1)
        count = int(connection.execute(query).scalar() or 0)
        if rarest is None or count < least:
            rarest, least = name, count
    return rarest, least


def _count(
    connection: Connection, run: ScoreRun, wanted: Wanted, rarest: str | None, least: int
) -> Count:
    alone = len(wanted.conditions) <= 1 and not wanted.within_capacity
    most = OVER + 1 if alone else COUNTED
    by = None if rarest is None or (rarest.startswith("word:") and least > DRIVEN) else rarest
    query = count_query(run.id, run.project, wanted, by, most)
    read, found = connection.execute(query).one()
    if found > OVER:
        return Count(OVER, "over")
    if read < most:
        return Count(int(found))
    along = run.account_count
    if by is not None:
        everyone = condition_count(run.id, run.project, wanted, by, run.account_count)
        along = int(connection.execute(everyone).scalar() or 0)
    return Count(round(int(found) * along / read), "about")


def _is_far(run: ScoreRun, count: Count | None, limit: int) -> bool:
    """Whether a page's rows are likely not found among the first `WALKED` of an order."""
    if count is None or count.kind == "over":
        return False
    return run.account_count * limit > WALKED * max(count.accounts, 1)


def _rows(
    connection: Connection,
    run: ScoreRun,
    wanted: Wanted,
    way: Way,
    rarest: str | None,
    limit: int,
    place: Place | None,
    backwards: bool,
) -> list[Listed]:
    """Rows with a value come first; read backwards, those without."""
    parts = [True, False] if backwards else [False, True]
    if place is not None:
        parts = parts[parts.index(place.value is None) :]
    found: list[Any] = []
    for blank in parts:
        rest = limit - len(found)
        if rest > 0:
            found += _part(connection, run, wanted, way, rarest, rest, place, blank)
        place = None
    return [Listed(**{name: row._mapping[name] for name in _NAMES}) for row in found]


def _part(
    connection: Connection,
    run: ScoreRun,
    wanted: Wanted,
    way: Way,
    rarest: str | None,
    limit: int,
    place: Place | None,
    blank: bool,
) -> Sequence[Any]:
    """Rows behind a place, with or without a value.

    Along an order's index those that are wanted may all come late: the cheapest segment by
    revenue, from the top. So the index is followed for a while, and if the rows are not found by
    then, all of the rarest condition are read.
    """

    def rows(along: Way) -> Sequence[Any]:
        query = rows_query(run.id, run.project, wanted, along, limit, place, blank)
        return connection.execute(query).all()

    if way.by is not None or rarest is None or len(wanted.sides) > 1:
        return rows(way)
    far = far_query(run.id, wanted, wanted.sides[0], WALKED, place, blank)
    until = connection.execute(far).one_or_none()
    if until is None:
        return rows(way)
    found = rows(replace(way, until=Place(*until)))
    if len(found) == limit:
        return found
    query = condition_count(run.id, run.project, wanted, rarest, MANY + 1)
    many = int(connection.execute(query).scalar() or 0) > MANY
    return rows(way if many else Way(rarest, driven=True))
