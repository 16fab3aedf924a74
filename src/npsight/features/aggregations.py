"""One expression for each aggregation over facts, all reading only what a window lets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ibis

from npsight.config.specs import FeatureSpec
from npsight.temporal.windows import in_window, open_as_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

Build = Callable[["ir.Table", FeatureSpec, "ir.BooleanValue"], "ir.Value"]
"""(spine joined with its seen facts, feature, rows of its window) -> aggregate expression."""

MICROSECONDS_A_DAY = 86_400_000_000


def expression(joined: ir.Table, spec: FeatureSpec) -> ir.Value:
    """The aggregate of one feature over `joined`.

    `joined` holds only facts with `occurred_at < as_of` and `known_at < as_of`; the window
    `[as_of − w, as_of)` and the categories of `where` are applied here. Returns float64; null
    where the window holds no fact, also for counts, so that `missing` alone says what that means.
    """
    rows = _matching(joined, spec)
    if spec.window_days is not None and spec.aggregation != "trend":
        rows = rows & in_window(joined.as_of, joined.occurred_at, spec.window_days)
    return BUILD[spec.aggregation](joined, spec, rows).cast("float64").name(spec.name)


def lookback_days(spec: FeatureSpec) -> int | None:
    """How far back the feature reads; None is all history."""
    if spec.window_days is None:
        return None
    return spec.window_days * (2 if spec.aggregation == "trend" else 1)


def days_between(later: ir.TimestampValue, earlier: ir.TimestampValue) -> ir.FloatingValue:
    """Days from `earlier` to `later`, fractions included, exact to the microsecond."""
    micros = later.delta(earlier, unit="microsecond")
    return micros.cast("float64") / float(MICROSECONDS_A_DAY)


def _matching(joined: ir.Table, spec: FeatureSpec) -> ir.BooleanValue:
    rows = joined.account.notnull()
    for column, value in spec.where:
        rows = rows & (joined[column] == value).fill_null(False)
    return rows


def _measure(joined: ir.Table, spec: FeatureSpec) -> ir.DecimalValue:
    return joined[spec.measure]


def _count(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    return joined.count(where=rows).nullif(0)


def _sum(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    return _measure(joined, spec).sum(where=rows)


def _mean(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    """Exact sum over exact count, so that the order of rows cannot show in the last bits."""
    measure = _measure(joined, spec)
    total = measure.sum(where=rows).cast("float64")
    return total / measure.count(where=rows).nullif(0).cast("float64")


def _ratio(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    above = _measure(joined, spec).sum(where=rows).cast("float64")
    return above / joined[spec.per].sum(where=rows).cast("float64").nullif(0)


def _min(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    return _measure(joined, spec).min(where=rows)


def _max(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    return _measure(joined, spec).max(where=rows)


def _last(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    measure = _measure(joined, spec)
    order = ibis.struct({"o": joined.occurred_at, "k": joined.known_at, "m": measure})
    return measure.argmax(order, where=rows & measure.notnull())


def _days_since_last(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    return days_between(joined.as_of.max(), joined.occurred_at.max(where=rows))


def _distinct_days(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    return joined.occurred_at.date().nunique(where=rows).nullif(0)


def _trend(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    days = spec.window_days
    if days is None:
        raise ValueError(f"{spec.name}: a trend needs a window")
    now_rows = rows & in_window(joined.as_of, joined.occurred_at, days)
    before_rows = rows & in_window(joined.as_of, joined.occurred_at, days, back=days)
    if spec.measure is None:
        now, before = joined.count(where=now_rows), joined.count(where=before_rows)
    else:
        measure = _measure(joined, spec)
        now = measure.sum(where=now_rows).fill_null(0)
        before = measure.sum(where=before_rows).fill_null(0)
    now, before = now.cast("float64"), before.cast("float64")
    return (now - before) / (now.abs() + before.abs()).nullif(0)


def _open(joined: ir.Table, spec: FeatureSpec, rows: ir.BooleanValue) -> ir.Value:
    still = open_as_of(joined.as_of, joined.ended_at, joined.ended_known_at)
    any_rows = joined.count(where=rows) > 0
    return any_rows.ifelse(joined.count(where=rows & still), ibis.null("int64"))


BUILD: dict[str, Build] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "ratio": _ratio,
    "min": _min,
    "max": _max,
    "last": _last,
    "days_since_last": _days_since_last,
    "distinct_days": _distinct_days,
    "trend": _trend,
    "open": _open,
}
