"""The totals that features are made of: from rows, or from sums by pane, to the same number.

Every total is over facts already restricted to those that count at as_of, and to a selection of
them. Sums are decimals and so exact in any order; instants and counts are whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

import ibis
import ibis.expr.datatypes as dt

from npsight.temporal.panes import Span

if TYPE_CHECKING:
    import ibis.expr.types as ir

Where = tuple[tuple[str, str], ...]
FIRST_DATE = date(2020, 1, 1)
"""Dates are counted from here in a slope, which does not depend on it."""
DIGITS = 6
"""Digits behind the point of every number that is multiplied."""


@dataclass(frozen=True)
class Selection:
    """Facts whose categories have the values of `where`, with `occurred_at` in `span`."""

    where: Where
    span: Span


@dataclass(frozen=True)
class Kind:
    """One kind of total: how it is summed from rows, and from the parts summed by pane.

    `parts` are aggregates over (facts, measure, rows); `whole` combines the columns they became,
    named (prefix + key), over the panes selected. Both are null where nothing is selected, except
    for counts.
    """

    parts: Mapping[str, Callable[[ir.Table, str, ir.BooleanValue | None], ir.Value]]
    whole: Callable[[ir.Table, str, ir.BooleanValue | None], ir.Value]

    def of_rows(self, facts: ir.Table, measure: str, rows: ir.BooleanValue | None) -> ir.Value:
        """The total straight from rows."""
        return self.parts[""](facts, measure, rows)


class Totals(Protocol):
    """Where a formula gets its totals from."""

    @property
    def as_of(self) -> ir.TimestampScalar:
        """The as_of of the group."""

    def total(self, kind: str, selection: Selection, measure: str = "") -> ir.Value:
        """A total of `KINDS` over the selected facts of the group."""


def _count(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return t.count(where=rows)


def _count_of(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return t[m].count(where=rows)


def _sum(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return t[m].sum(where=rows)


def _wide(value: ir.Value) -> ir.DecimalValue:
    """With room for products: DuckDB keeps two decimals of 18 digits within 18."""
    return value.cast(dt.Decimal(19, DIGITS))


def _squares(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return (_wide(t[m]) * _wide(t[m])).cast(dt.Decimal(38, 2 * DIGITS)).sum(where=rows)


def _min(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return t[m].min(where=rows)


def _max(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return t[m].max(where=rows)


def _earliest(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return t.occurred_at.min(where=rows)


def _latest(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return t.occurred_at.max(where=rows)


def day_of(t: ir.Table) -> ir.IntegerValue:
    """The UTC date on which each fact occurred, counted in days."""
    return t.occurred_at.date().delta(ibis.literal(FIRST_DATE), unit="day").cast(dt.int64)


def _days(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return day_of(t).sum(where=_measured(t, m, rows))


def _days_squared(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return (day_of(t) * day_of(t)).sum(where=_measured(t, m, rows))


def _days_by_measure(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    product = _wide(t[m]) * day_of(t).cast(dt.Decimal(9, 0))
    return product.cast(dt.Decimal(38, DIGITS)).sum(where=rows)


def _measured(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.BooleanValue:
    return t[m].notnull() if rows is None else rows & t[m].notnull()


def _key(t: ir.Table, at: str, known: str, value: str) -> ir.StructValue:
    return ibis.struct({"at": t[at], "known": t[known], "value": t[value]})


def _edge(pick: str, of: str = "") -> Callable[[ir.Table, str, ir.BooleanValue | None], ir.Value]:
    """The measure (or `of`) of the first or last fact that has one; ties by known_at, value."""

    def edge(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
        key = _key(t, "occurred_at", "known_at", m)
        return getattr(t[of or m], pick)(key, where=_measured(t, m, rows))

    return edge


def _edge_of_panes(pick: str) -> Callable[[ir.Table, str, ir.BooleanValue | None], ir.Value]:
    def edge(t: ir.Table, p: str, rows: ir.BooleanValue | None) -> ir.Value:
        key = _key(t, f"{p}at", f"{p}known", p)
        return getattr(t[p], pick)(key, where=_measured(t, p, rows))

    return edge


def _first_or_last(pick: str) -> Kind:
    parts = {"": _edge(pick), "at": _edge(pick, "occurred_at"), "known": _edge(pick, "known_at")}
    return Kind(parts, _edge_of_panes(pick))


KINDS: dict[str, Kind] = {
    "count": Kind({"": _count}, _sum),
    "count_of": Kind({"": _count_of}, _sum),
    "sum": Kind({"": _sum}, _sum),
    "squares": Kind({"": _squares}, _sum),
    "min": Kind({"": _min}, _min),
    "max": Kind({"": _max}, _max),
    "earliest": Kind({"": _earliest}, _min),
    "latest": Kind({"": _latest}, _max),
    "days": Kind({"": _days}, _sum),
    "days_squared": Kind({"": _days_squared}, _sum),
    "days_by_measure": Kind({"": _days_by_measure}, _sum),
    "first": _first_or_last("argmin"),
    "last": _first_or_last("argmax"),
}
