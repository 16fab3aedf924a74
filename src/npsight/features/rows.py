"""Features straight from the rows: spine and facts joined once, then aggregates with conditions.

The reference for `panes.py`, and the only way for what totals do not suffice for: each joined row
is one fact as one as_of sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import FORMULAS, days_between, lookback_days, window_of
from npsight.features.totals import KINDS, Selection, Where
from npsight.temporal.windows import before_window, in_window, open_as_of, seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

ENDS = ("ended_at", "ended_known_at")
NEED_ENDS = frozenset({"open", "oldest_open", "mean_duration", "max_duration"})


class RowTotals:
    """Totals over joined rows that all count at their as_of."""

    def __init__(self, joined: ir.Table) -> None:
        self._joined = joined

    @property
    def as_of(self) -> ir.TimestampScalar:
        """The as_of of the group."""
        return self._joined.as_of.max()

    def total(self, kind: str, selection: Selection, measure: str = "") -> ir.Value:
        """A total over the rows of the selection; see `Totals`."""
        return KINDS[kind].of_rows(self._joined, measure, selected(self._joined, selection))


def matching(facts: ir.Table, where: Where) -> ir.BooleanValue | None:
    """Whether a row's categories have these values (a blank has none); None: every row."""
    rows = None
    for column, value in where:
        has = (facts[column] == value).fill_null(False)
        rows = has if rows is None else rows & has
    return rows


def selected(joined: ir.Table, selection: Selection) -> ir.BooleanValue:
    """Whether a joined row is of the selection: categories, and `occurred_at` in its window."""
    rows, span = matching(joined, selection.where), selection.span
    if span.days is not None:
        inside = in_window(joined.as_of, joined.occurred_at, span.days, span.back)
    else:
        inside = before_window(joined.as_of, joined.occurred_at, span.back)
    return inside if rows is None else rows & inside


def seen_rows(
    source: ir.Table, spine: ir.Table, specs: Sequence[FeatureSpec], columns: Iterable[str]
) -> ir.Table:
    """Each fact beside each spine row that sees it, no further back than `specs` read.

    Only facts with `occurred_at < as_of` and `known_at < as_of`, in the version that held then,
    and `occurred_at >= as_of − w` for the longest window w, if all have one. Columns: `account`,
    `as_of`, `occurred_at`, `known_at` and those asked for.
    """
    seen = [spine.account == source.account, seen_before(spine.as_of, source)]
    reaches = [lookback_days(spec) for spec in specs]
    longest = max((reach for reach in reaches if reach is not None), default=0)
    if None not in reaches:
        seen.append(source.occurred_at >= spine.as_of - ibis.interval(days=longest))
    wanted = {"occurred_at", "known_at", *columns} - {"account"}
    return spine.join(source, seen).select(
        spine.account, spine.as_of, *(source[c] for c in source.columns if c in wanted)
    )


def columns_read(specs: Sequence[FeatureSpec]) -> set[str]:
    """Columns of the source that the features read, besides its times."""
    read: set[str] = set()
    for spec in specs:
        read.update(column for column, _ in spec.where)
        read.update(c for c in (spec.measure, spec.per, spec.category) if c)
        if spec.aggregation in NEED_ENDS:
            read.update(ENDS)
    return read


def row_features(source: ir.Table, spine: ir.Table, specs: Sequence[FeatureSpec]) -> ir.Table:
    """`account`, `as_of` and each feature, for the spine rows that see any fact."""
    joined = seen_rows(source, spine, specs, columns_read(specs))
    totals = RowTotals(joined)

    def value(spec: FeatureSpec) -> ir.Value:
        if spec.aggregation in FORMULAS:
            return FORMULAS[spec.aggregation](totals, spec)
        return ROW_FORMULAS[spec.aggregation](joined, spec, selected(joined, window_of(spec)))

    return joined.group_by("account", "as_of").agg(
        [value(spec).cast(dt.float64).name(spec.name) for spec in specs]
    )


def _distinct(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    return joined[spec.category].nunique(where=rows).nullif(0)


def _distinct_days(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    return joined.occurred_at.date().nunique(where=rows).nullif(0)


def _still_open(joined: ir.Table) -> ir.BooleanValue:
    return open_as_of(joined.as_of, joined.ended_at, joined.ended_known_at)


def _open(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    any_rows = joined.count(where=rows) > 0
    return any_rows.ifelse(joined.count(where=rows & _still_open(joined)), ibis.null(dt.int64))


def _oldest_open(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    earliest = joined.occurred_at.min(where=rows & _still_open(joined))
    return days_between(joined.as_of.max(), earliest)


def _lasted(joined: ir.Table) -> ir.IntegerValue:
    """Microseconds from the start to the end if known before as_of, else to as_of."""
    until = _still_open(joined).ifelse(joined.as_of, joined.ended_at)
    return until.delta(joined.occurred_at, unit="microsecond").cast(dt.int64)


def _mean_duration(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    micros = _lasted(joined).cast(dt.Decimal(38, 0)).sum(where=rows).cast(dt.float64)
    return micros / joined.count(where=rows).nullif(0).cast(dt.float64) / _DAY


def _max_duration(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    return _lasted(joined).max(where=rows).cast(dt.float64) / _DAY


_DAY = 86_400_000_000.0

ROW_FORMULAS: dict[str, Callable[[ir.Table, FeatureSpec, ir.BooleanValue], ir.Value]] = {
    "distinct": _distinct,
    "distinct_days": _distinct_days,
    "open": _open,
    "oldest_open": _oldest_open,
    "mean_duration": _mean_duration,
    "max_duration": _max_duration,
}
"""(joined rows, feature, rows of its window) -> the feature."""
