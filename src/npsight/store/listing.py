"""Which run holds a day's scores, and the accounts of a run page by page.

Pages are found by the place of the last row seen (keyset paging), not by counting rows from the
start: each order has an index that begins with the run, so that page 1,000 costs what page 1 does,
and a row that is added or taken away shifts no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, literal, select, tuple_

from npsight.store.changes import score_changes
from npsight.store.rows import JsonObject, ScoreRow, ScoreRun
from npsight.store.store import Store
from npsight.store.tables import score_runs, scores

_NEWEST_FIRST = (
    score_runs.c.as_of.desc(),
    score_runs.c.created_at.desc(),
    score_runs.c.id.desc(),
)
_LISTED = [c for c in scores.c if c.name not in ("run_id", "drivers", "churn_drivers")]


@dataclass(frozen=True)
class Order:
    """Rows by a column, ties by account in the same direction; rows without a value come last."""

    column: str
    descending: bool = False


@dataclass(frozen=True)
class Filters:
    """What the rows of a listing have; None for anything.

    `listed` is whether the account has a rank. `least` is a column and its smallest value: rows
    without a value have less.
    """

    owner: str | None = None
    segment: str | None = None
    band_now: str | None = None
    risk_level: str | None = None
    listed: bool | None = None
    least: tuple[str, float] | None = None


@dataclass(frozen=True)
class Place:
    """A row's place in an order: the value of the order's column, and the account."""

    value: Any
    account: str


@dataclass(frozen=True)
class RecordedChange:
    """An entry of `score_changes`."""

    changed_at: datetime
    cause: str
    before: JsonObject
    after: JsonObject


def run_by_id(store: Store, project: str, run_id: str) -> ScoreRun | None:
    """The project's run of that id; None where it is not, or no longer, kept."""
    query = select(score_runs).where(score_runs.c.id == run_id, score_runs.c.project == project)
    rows = _read(store, query)
    return ScoreRun(**rows[0]._mapping) if rows else None


def run_at(store: Store, project: str, as_of: datetime) -> ScoreRun | None:
    """The newest run at or before as_of; None where all are later."""
    mine = (score_runs.c.project == project) & (score_runs.c.as_of <= as_of)
    rows = _read(store, select(score_runs).where(mine).order_by(*_NEWEST_FIRST).limit(1))
    return ScoreRun(**rows[0]._mapping) if rows else None


def first_as_of(store: Store, project: str) -> datetime | None:
    """The as_of of the oldest run that is kept."""
    mine = select(score_runs.c.as_of).where(score_runs.c.project == project)
    rows = _read(store, mine.order_by(score_runs.c.as_of).limit(1))
    return rows[0].as_of if rows else None


def page(
    store: Store, run_id: str, order: Order, filters: Filters, limit: int, after: Place | None
) -> list[ScoreRow]:
    """At most `limit` rows of a run behind `after`, without drivers."""
    found: list[Row[Any]] = []
    if after is None or after.value is not None:
        found += _read(store, page_query(run_id, order, filters, limit, after, blank=False))
        after = None
    nullable = scores.c[order.column].nullable
    if nullable and len(found) < limit:
        rest = limit - len(found)
        found += _read(store, page_query(run_id, order, filters, rest, after, blank=True))
    return [ScoreRow(**row._mapping) for row in found]


def place_of(row: ScoreRow, order: Order) -> Place:
    """Where a row stands."""
    return Place(getattr(row, order.column), row.account)


def page_query(
    run_id: str, order: Order, filters: Filters, limit: int, after: Place | None, blank: bool
) -> Select[Any]:
    """Rows that have a value of the order's column, or (`blank`) those that have none."""
    column, account = scores.c[order.column], scores.c.account
    query = select(*_LISTED).where(scores.c.run_id == run_id, *_conditions(filters))
    if blank:
        query = query.where(column.is_(None))
        if after is not None:
            beyond = account < after.account if order.descending else account > after.account
            query = query.where(beyond)
        return query.order_by(account.desc() if order.descending else account).limit(limit)
    if column.nullable:
        query = query.where(column.is_not(None))
    if after is not None:
        here = tuple_(column, account)
        there = tuple_(literal(after.value, column.type), literal(after.account))
        query = query.where(here < there if order.descending else here > there)
    by = [column] if column is account else [column, account]
    return query.order_by(*(c.desc() if order.descending else c for c in by)).limit(limit)


def _conditions(filters: Filters) -> list[Any]:
    same = ("owner", "segment", "band_now", "risk_level")
    wanted = {name: getattr(filters, name) for name in same}
    found: list[Any] = [scores.c[name] == v for name, v in wanted.items() if v is not None]
    if filters.listed is not None:
        rank = scores.c.rank
        found.append(rank.is_not(None) if filters.listed else rank.is_(None))
    if filters.least is not None:
        name, least = filters.least
        found.append(scores.c[name] >= least)
    return found


def account_of_segment(store: Store, run: ScoreRun, segment: str | None) -> str | None:
    """Some account of the segment (None: of those without one) that was scored as of the run's
    day; None where there is none.
    """
    same = scores.c.segment.is_(None) if segment is None else scores.c.segment == segment
    mine = (scores.c.run_id == run.id) & same & (scores.c.as_of == run.as_of)
    rows = _read(store, select(scores.c.account).where(mine).limit(1))
    return rows[0].account if rows else None


def some_account(store: Store, run: ScoreRun) -> str | None:
    """Some account that was scored as of the run's day."""
    mine = (scores.c.run_id == run.id) & (scores.c.as_of == run.as_of)
    rows = _read(store, select(scores.c.account).where(mine).limit(1))
    return rows[0].account if rows else None


def segments_of(store: Store, run_id: str) -> list[str]:
    """The segments of a run's accounts, sorted."""
    column = scores.c.segment
    mine = (scores.c.run_id == run_id) & column.is_not(None)
    return [
        row.segment for row in _read(store, select(column).where(mine).distinct().order_by(column))
    ]


def accounts_after(store: Store, run_id: str, account: str, limit: int) -> list[str]:
    """At most `limit` accounts of a run behind one, in their order."""
    mine = (scores.c.run_id == run_id) & (scores.c.account > account)
    query = select(scores.c.account).where(mine).order_by(scores.c.account).limit(limit)
    return [row.account for row in _read(store, query)]


def last_change(store: Store, project: str, account: str) -> RecordedChange | None:
    """The newest change of an account's scores; None where none was recorded."""
    table = score_changes
    mine = (table.c.project == project) & (table.c.account == account)
    columns = (table.c.changed_at, table.c.cause, table.c.before, table.c.after)
    rows = _read(store, select(*columns).where(mine).order_by(table.c.seq.desc()).limit(1))
    return RecordedChange(**rows[0]._mapping) if rows else None


def _read(store: Store, query: Select[Any]) -> Sequence[Row[Any]]:
    with store.reading() as connection:
        return connection.execute(query).all()
