"""The formula of each aggregation over facts: totals in, one number out.

A formula is written once and read from rows (`rows.py`) as well as from panes (`panes.py`).
Results are null where the window holds no fact, also for counts, so that `missing` alone says
what that means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ibis.expr.datatypes as dt

from npsight.config.specs import FeatureSpec
from npsight.features.totals import Selection, Totals
from npsight.temporal.panes import Span

if TYPE_CHECKING:
    import ibis.expr.types as ir

Formula = Callable[[Totals, FeatureSpec], "ir.Value"]

MICROSECONDS_A_DAY = 86_400_000_000
SMALLEST_VARIANCE = 1e-12
"""A variance below this share of the mean square is rounding, and counts as none."""


def days_between(
    later: ir.TimestampValue, earlier: ir.TimestampValue, but: int = 0
) -> ir.FloatingValue:
    """Days from `earlier` to `later`, `but` so many, fractions included, exact to the microsecond.

    Whole days are taken off before the division: of 7 days and a microsecond, 7 leave a microsecond
    and not what floats make of it.
    """
    micros = later.delta(earlier, unit="microsecond").cast(dt.float64)
    left = micros - float(but * MICROSECONDS_A_DAY) if but else micros
    return left / float(MICROSECONDS_A_DAY)


def spans_of(spec: FeatureSpec) -> tuple[Span, ...]:
    """The windows that the feature reads; the last one reaches furthest back."""
    now = Span(spec.window_days)
    if spec.window_days is None:
        return (now,)
    if spec.aggregation in ("trend", "mean_trend"):
        return now, Span(spec.window_days, spec.window_days)
    if spec.aggregation == "vs_usual":
        return now, Span(None, spec.window_days)
    return (now,)


def lookback_days(spec: FeatureSpec) -> int | None:
    """How far back the feature reads; None is all history."""
    return spans_of(spec)[-1].reach


def window_of(spec: FeatureSpec) -> Selection:
    """The facts of the feature's own window."""
    return Selection(spec.where, spans_of(spec)[0])


def _number(value: ir.Value) -> ir.FloatingValue:
    return value.cast(dt.float64)


def _count(totals: Totals, spec: FeatureSpec) -> ir.Value:
    return totals.total("count", window_of(spec)).nullif(0)


def _plain(kind: str) -> Formula:
    def formula(totals: Totals, spec: FeatureSpec) -> ir.Value:
        return totals.total(kind, window_of(spec), spec.measure or "")

    return formula


def _mean(totals: Totals, spec: FeatureSpec) -> ir.Value:
    """Exact sum over exact count, so that the order of rows cannot show in the last bits."""
    return _mean_of(totals, spec, window_of(spec))


def _mean_of(totals: Totals, spec: FeatureSpec, window: Selection) -> ir.FloatingValue:
    total, n = _sum_and_count(totals, spec, window)
    return total / n


def _sum_and_count(
    totals: Totals, spec: FeatureSpec, window: Selection
) -> tuple[ir.FloatingValue, ir.FloatingValue]:
    """Sum and number of the values; the number is null where it is 0."""
    measure = spec.measure or ""
    n = totals.total("count_of", window, measure).nullif(0)
    return _number(totals.total("sum", window, measure)), _number(n)


def _std(totals: Totals, spec: FeatureSpec) -> ir.Value:
    """From exact sums of values and squares: s² = (Σx² − (Σx)²/n) / (n − 1)."""
    total, n = _sum_and_count(totals, spec, window_of(spec))
    squares = _number(totals.total("squares", window_of(spec), spec.measure or ""))
    spread = squares - total * total / n
    spread = (spread <= squares * SMALLEST_VARIANCE).ifelse(0.0, spread)
    return (spread / (n - 1.0).nullif(0.0)).sqrt()


def _ratio(totals: Totals, spec: FeatureSpec) -> ir.Value:
    window = window_of(spec)
    above = _number(totals.total("sum", window, spec.measure or ""))
    return above / _number(totals.total("sum", window, spec.per or "")).nullif(0.0)


def _share(totals: Totals, spec: FeatureSpec) -> ir.Value:
    matching, everything = window_of(spec), Selection((), Span(spec.window_days))
    if spec.measure is None:
        part = totals.total("count", matching)
        whole = totals.total("count", everything)
    else:
        part = totals.total("sum", matching, spec.measure).fill_null(0)
        whole = totals.total("sum", everything, spec.measure)
    return _number(part) / _number(whole).nullif(0.0)


def _days_since(kind: str) -> Formula:
    def formula(totals: Totals, spec: FeatureSpec) -> ir.Value:
        return days_between(totals.as_of, totals.total(kind, window_of(spec)))

    return formula


def _mean_gap(totals: Totals, spec: FeatureSpec) -> ir.Value:
    window = window_of(spec)
    gaps = _number(totals.total("count", window)) - 1.0
    whole = days_between(totals.total("latest", window), totals.total("earliest", window))
    return whole / gaps.nullif(0.0)


def _amount(totals: Totals, spec: FeatureSpec, span: Span) -> ir.FloatingValue:
    """Sum of the measure, or the count without one; 0 where there is nothing."""
    selection = Selection(spec.where, span)
    if spec.measure is None:
        return _number(totals.total("count", selection)).fill_null(0.0)
    return _number(totals.total("sum", selection, spec.measure)).fill_null(0.0)


def _compared(now: ir.FloatingValue, before: ir.FloatingValue) -> ir.FloatingValue:
    """(now − before) / (|now| + |before|), null where both are 0."""
    return (now - before) / (now.abs() + before.abs()).nullif(0.0)


def _trend(totals: Totals, spec: FeatureSpec) -> ir.Value:
    now, before = spans_of(spec)
    return _compared(_amount(totals, spec, now), _amount(totals, spec, before))


def _mean_trend(totals: Totals, spec: FeatureSpec) -> ir.Value:
    now, before = (Selection(spec.where, span) for span in spans_of(spec))
    return _compared(_mean_of(totals, spec, now), _mean_of(totals, spec, before))


def _vs_usual(totals: Totals, spec: FeatureSpec) -> ir.Value:
    now, before = spans_of(spec)
    days = spec.window_days or 0
    began = totals.total("earliest", Selection(spec.where, before))
    usual = _amount(totals, spec, before) / days_between(totals.as_of, began, but=days)
    return _compared(_amount(totals, spec, now) / float(days), usual)


def _slope(totals: Totals, spec: FeatureSpec) -> ir.Value:
    """Least squares: (n·Σty − Σt·Σy) / (n·Σt² − (Σt)²)."""
    window, measure = window_of(spec), spec.measure or ""
    total, n = _sum_and_count(totals, spec, window_of(spec))
    days = _number(totals.total("days", window, measure))
    squared = _number(totals.total("days_squared", window, measure))
    product = _number(totals.total("days_by_measure", window, measure))
    return (n * product - days * total) / (n * squared - days * days).nullif(0.0)


FORMULAS: dict[str, Formula] = {
    "count": _count,
    "sum": _plain("sum"),
    "mean": _mean,
    "std": _std,
    "min": _plain("min"),
    "max": _plain("max"),
    "first": _plain("first"),
    "last": _plain("last"),
    "ratio": _ratio,
    "share": _share,
    "days_since_first": _days_since("earliest"),
    "days_since_last": _days_since("latest"),
    "mean_gap": _mean_gap,
    "trend": _trend,
    "mean_trend": _mean_trend,
    "slope": _slope,
    "vs_usual": _vs_usual,
}
"""The aggregations that totals suffice for; the others need the rows themselves."""
