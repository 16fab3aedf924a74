"""The statements of the worklist: each goes along an index, and none looks at all rows at leisure.

There are two ways to the first rows of an order. Along the order's index, the others filtered out
on the way, a page of frequent accounts is found at once, and one of rare accounts late. Along the
index of what is rare (an owner, a word of the name), all of them are read and sorted. Which way is
taken is decided by how many accounts the rarest condition leaves, counted up to `DRIVEN`; SQLite
then sees an index for that condition alone, and PostgreSQL, which knows how frequent values are,
is told only to finish the rare ones before it sorts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    null,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from npsight.store.searchwords import account_words, word_range
from npsight.store.worklist import ORDERS, worklist

DRIVEN = 10_000
"""So many rows are read and sorted in a few hundredths of a second."""
SteppedBack = Literal["hidden", "shown", "only"]
NOBODY = ""
"""The owner, or segment, of accounts that have none; also the state of those without follow-up."""
GROUPED = ("owner", "segment", "driver", "state", "risk_level")


def is_grouped(condition: str, order: str) -> bool:
    """Whether the condition's index holds the accounts of a value in this order."""
    if condition == "risk_level":
        return order == "detractor_risk"
    return order == "rank" and condition in (*GROUPED, "visible_to")


class aside(FunctionElement[Any]):  # noqa: N801 - it reads as a function of SQL
    """A column that SQLite shall not look for an index of."""

    inherit_cache = True
    name = "aside"


@compiles(aside)
def _as_it_is(element: aside, compiler: Any, **options: Any) -> str:
    return str(compiler.process(next(iter(element.clauses)), **options))


@compiles(aside, "sqlite")
def _without_index(element: aside, compiler: Any, **options: Any) -> str:
    return "+" + str(compiler.process(next(iter(element.clauses)), **options))


@dataclass(frozen=True)
class Wanted:
    """Which accounts of a run, in which order; None for anything.

    Attributes
    ----------
    order, descending
        One of `ORDERS`; ties by account in the same direction, rows without a value last.
    owner, segment, driver, state, risk_level
        A value; `""` for none.
    moves
        Any of these band moves; empty for all.
    renewal
        First instant and the one after the last.
    words
        Beginnings of words of the name or key; one of a single letter is a whole word.
    within_capacity
        Only those that were within their owner's capacity when the run was made.
    visible_to
        The owner whose accounts alone may be seen.
    """

    order: str = "rank"
    descending: bool = False
    owner: str | None = None
    segment: str | None = None
    driver: str | None = None
    state: str | None = None
    risk_level: str | None = None
    moves: tuple[str, ...] = ()
    renewal: tuple[datetime, datetime] | None = None
    words: tuple[str, ...] = ()
    stepped_back: SteppedBack = "hidden"
    within_capacity: bool = False
    visible_to: str | None = None

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f"there is no order by {self.order}")

    def backwards(self) -> Wanted:
        """The same from the end."""
        return replace(self, descending=not self.descending)

    @property
    def sides(self) -> tuple[bool, ...]:
        """Values of `stands_back`."""
        return {"hidden": (False,), "only": (True,), "shown": (False, True)}[self.stepped_back]

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions that an index may be found for."""
        names = [name for name in GROUPED if getattr(self, name) is not None]
        if self.visible_to is not None:
            names.append("visible_to")
        names += ["moves"] if self.moves else []
        names += ["renewal"] if self.renewal else []
        return (*names, *(f"word:{word}" for word in self.words))


@dataclass(frozen=True)
class Place:
    """Where a row stands in an order: its value there, and the account."""

    value: Any
    account: str


@dataclass(frozen=True)
class Way:
    """How rows are found: along the index of condition `by`; `driven`: those are all read first.

    `by` is None for the order's own index, which is followed up to `until`.
    """

    by: str | None = None
    driven: bool = False
    until: Place | None = None


def rows_query(
    run_id: str,
    project: str,
    wanted: Wanted,
    way: Way,
    limit: int,
    after: Place | None,
    blank: bool,
) -> Select[Any]:
    """Rows behind a place that have a value of the order's column, or (`blank`) have none."""
    if way.driven:
        return _driven(run_id, project, wanted, way, limit, after, blank)
    sides = [
        _along(run_id, project, wanted, way, side, limit, after, blank) for side in wanted.sides
    ]
    if len(sides) == 1:
        return sides[0]
    both = union_all(*(select(side.subquery()) for side in sides)).subquery()
    return select(both).order_by(*_by(both.c, wanted, blank)).limit(limit)


def _along(
    run_id: str,
    project: str,
    wanted: Wanted,
    way: Way,
    side: bool,
    limit: int,
    after: Place | None,
    blank: bool,
) -> Select[Any]:
    """The first rows of one side along an index that has them in their order."""
    column = worklist.c[wanted.order]
    rows = select(worklist).where(*conditions(run_id, project, wanted, way, side))
    rows = rows.where(column.is_(null()) if blank else column.is_not(null()))
    if after is not None:
        rows = rows.where(_behind(wanted, after, blank))
    if way.until is not None:
        rows = rows.where(_up_to(wanted, way.until, blank))
    return rows.order_by(*_by(worklist.c, wanted, blank)).limit(limit)


def _driven(
    run_id: str,
    project: str,
    wanted: Wanted,
    way: Way,
    limit: int,
    after: Place | None,
    blank: bool,
) -> Select[Any]:
    """All rows of a condition, of which the first are read whole."""
    column, account = worklist.c[wanted.order], worklist.c.account
    (side,) = _sides(wanted)
    value = aside(column)
    inner = select(account, column.label("value"))
    inner = inner.where(*conditions(run_id, project, wanted, way, side))
    inner = inner.where(value.is_(null()) if blank else value.is_not(null()))
    if after is not None:
        inner = inner.where(_behind(wanted, after, blank))
    hits = inner.cte("hits").prefix_with("MATERIALIZED")
    by = [hits.c.account] if blank else [hits.c.value, hits.c.account]
    top = select(hits).order_by(*_turned(by, wanted)).limit(limit).subquery("first_ones")
    whole = (worklist.c.run_id == run_id) & (account == top.c.account)
    return select(worklist).join(top, whole).order_by(*_by(worklist.c, wanted, blank))


def _sides(wanted: Wanted) -> tuple[bool | None, ...]:
    """The one value of `stands_back`, or None for either."""
    return (wanted.sides[0] if len(wanted.sides) == 1 else None,)


def _behind(wanted: Wanted, after: Place, blank: bool) -> ColumnElement[bool]:
    column, account = worklist.c[wanted.order], worklist.c.account
    if blank:
        return account < after.account if wanted.descending else account > after.account
    here = tuple_(column, account)
    there = tuple_(literal(after.value, column.type), literal(after.account))
    return here < there if wanted.descending else here > there


def _up_to(wanted: Wanted, until: Place, blank: bool) -> ColumnElement[bool]:
    column, account = worklist.c[wanted.order], worklist.c.account
    if blank:
        return account >= until.account if wanted.descending else account <= until.account
    here = tuple_(column, account)
    there = tuple_(literal(until.value, column.type), literal(until.account))
    return here >= there if wanted.descending else here <= there


def _by(columns: Any, wanted: Wanted, blank: bool) -> list[Any]:
    names = ["account"] if blank else [wanted.order, "account"]
    return _turned([columns[name] for name in names], wanted)


def _turned(columns: list[Any], wanted: Wanted) -> list[Any]:
    return [column.desc() if wanted.descending else column for column in columns]


def far_query(
    run_id: str, wanted: Wanted, side: bool, rows: int, after: Place | None, blank: bool
) -> Select[Any]:
    """The place so many rows of one side behind another, whatever they are."""
    column = worklist.c[wanted.order]
    stands_back = worklist.c.stands_back == literal(side, Boolean)
    query = select(column.label("value"), worklist.c.account).where(
        worklist.c.run_id == run_id, stands_back
    )
    query = query.where(column.is_(null()) if blank else column.is_not(null()))
    if after is not None:
        query = query.where(_behind(wanted, after, blank))
    return query.order_by(*_by(worklist.c, wanted, blank)).offset(rows).limit(1)


def count_query(
    run_id: str, project: str, wanted: Wanted, by: str | None, most: int
) -> Select[Any]:
    """Of the first `most` rows along the index of a condition: how many there are (`read`), and
    how many of them are wanted (`found`).
    """
    sides = []
    for side in wanted.sides if by is None else _sides(wanted):
        along, others = _split(run_id, project, wanted, Way(by, driven=True), side)
        is_wanted = case((and_(true(), *others), 1), else_=0).label("is_wanted")
        sides.append(select(select(is_wanted).where(*along).limit(most).subquery()))
    rows = (union_all(*sides) if len(sides) > 1 else sides[0]).subquery()
    found = func.coalesce(func.sum(rows.c.is_wanted), 0)
    return select(func.count().label("read"), found.label("found")).select_from(rows)


def condition_count(run_id: str, project: str, wanted: Wanted, name: str, most: int) -> Select[Any]:
    """How many accounts a condition leaves, counted up to `most`; words of all runs are counted."""
    if name.startswith("word:"):
        words = _accounts_with(project, name.removeprefix("word:")).limit(most).subquery()
        return select(func.count()).select_from(words)
    alone = Wanted(**{key: getattr(wanted, key) for key in ("stepped_back", name)})
    query = count_query(run_id, project, alone, name, most)
    return select(query.subquery().c.found)


def conditions(run_id: str, project: str, wanted: Wanted, way: Way, side: bool | None) -> list[Any]:
    """All that a row must be."""
    along, others = _split(run_id, project, wanted, way, side)
    return along + others


def _split(
    run_id: str, project: str, wanted: Wanted, way: Way, side: bool | None
) -> tuple[list[Any], list[Any]]:
    """What an index is used for, and the other conditions."""
    by_word = way.by is not None and way.by.startswith("word:")
    stands_back: Any = worklist.c.stands_back
    side_is = (aside(stands_back) if by_word else stands_back) == literal(side, Boolean)
    along: list[Any] = [worklist.c.run_id == run_id]
    others: list[Any] = []
    if side is not None:
        (others if by_word else along).append(side_is)
    for name in wanted.conditions:
        first = name == way.by
        (along if first else others).append(_condition(project, wanted, name, first))
    if wanted.within_capacity:
        others.append(worklist.c.within_capacity == literal(True, Boolean))
    return along, others


def _condition(project: str, wanted: Wanted, name: str, by_index: bool) -> Any:
    if name.startswith("word:"):
        beginning = name.removeprefix("word:")
        if by_index:
            named = _accounts_with(project, beginning).distinct().cte("named")
            return worklist.c.account == named.prefix_with("MATERIALIZED").c.account
        return exists().where(
            *_word(project, beginning), account_words.c.account == worklist.c.account
        )
    column = worklist.c[
        {"moves": "move", "renewal": "renewal_at", "visible_to": "owner"}.get(name, name)
    ]
    shown: Any = column if by_index else aside(column)
    if name == "moves":
        return shown.in_([literal(move, column.type) for move in wanted.moves])
    if name == "renewal":
        start, end = wanted.renewal or (None, None)
        return and_(shown >= literal(start, column.type), shown < literal(end, column.type))
    value = getattr(wanted, name)
    if value == NOBODY:
        # Nobody is the owner of what a user without accounts may see: that is nothing.
        return false() if name == "visible_to" else shown.is_(null())
    return shown == literal(value, column.type)


def _accounts_with(project: str, beginning: str) -> Select[Any]:
    return select(aside(account_words.c.account).label("account")).where(*_word(project, beginning))


def _word(project: str, beginning: str) -> list[Any]:
    table = account_words
    if len(beginning) == 1:
        return [table.c.project == project, table.c.word == beginning]
    first, end = word_range(beginning)
    return [table.c.project == project, table.c.word >= first, table.c.word < end]
