"""Every aggregation of the catalogue as a plain loop over the rows of one account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from math import sqrt

from npsight.audit.oracle.durations import DURATIONS
from npsight.audit.oracle.rows import (
    DAY,
    Row,
    World,
    between,
    days,
    is_known,
    seen_rows,
    version_in_force,
    when,
)
from npsight.config.specs import FeatureSpec

Value = float | str | None
Own = Mapping[str, Callable[[list[Row], datetime], float | None]]
"""Own expression -> the plain function it is held to: (rows of the window, as_of) -> number."""


def feature(
    spec: FeatureSpec, world: World, account: str, as_of: datetime, own: Own | None = None
) -> Value:
    """One feature of one account on one day, before any comparison with peers; None is missing.

    `spec.against` is left aside: `placed` makes it of the values of all peers.

    Raises
    ------
    NotImplementedError
        For an aggregation that has no loop here, and for an own expression that `own` lacks.
    """
    if spec.source == "accounts":
        value = _of_account(spec, world, account, as_of)
    elif spec.aggregation in AHEAD:
        value = _ahead(spec, world.sources[spec.source], account, as_of)
    else:
        seen = seen_rows(world.sources[spec.source], account, as_of)
        value = _of_facts(spec, seen, as_of, own or {})
    if value is None and spec.missing == "zero" and spec.dtype == "number":
        return 0.0
    return value


def placed(value: float | None, peers: Sequence[float | None]) -> float | None:
    """Share of the peers with a lower value, equal ones counting half; None for None.

    `peers` are the values of all accounts of the segment on that day, the account's own included.
    """
    if value is None:
        return None
    known = [peer for peer in peers if peer is not None]
    lower = sum(1 for peer in known if peer < value)
    equal = sum(1 for peer in known if peer == value)
    return float(Fraction(2 * lower + equal, 2 * len(known)))


def _of_account(spec: FeatureSpec, world: World, account: str, as_of: datetime) -> Value:
    if spec.aggregation == "age":
        rows = [row for row in world.accounts if row["account"] == account]
        return days(as_of, rows[0].get("created_at") or rows[0]["began_at"]) if rows else None
    version = version_in_force(world, account, as_of) or {}
    if spec.aggregation == "days_until_renewal":
        renewal = version.get("renewal_at_")
        return None if renewal is None else days(renewal, as_of)
    if spec.aggregation != "value":
        raise _no_loop(spec)
    value: Value = version.get(str(spec.measure))
    return value if spec.dtype == "category" or value is None else float(value)


def _ahead(spec: FeatureSpec, rows: list[Row], account: str, as_of: datetime) -> float | None:
    """Days to the nearest instant that lies ahead and is known."""
    known = [row for row in rows if row["account"] == account and is_known(row, as_of)]
    instants = AHEAD[spec.aggregation](matching(spec, known), as_of)
    return min((days(at, as_of) for at in instants if at >= as_of), default=None)


def _booked_ends(rows: list[Row], as_of: datetime) -> list[datetime]:
    begun = [row for row in rows if row["occurred_at"] < as_of]
    ended = [row for row in begun if row.get("ended_at") is not None]
    return [row["ended_at"] for row in ended if row["ended_known_at"] < as_of]


AHEAD: dict[str, Callable[[list[Row], datetime], list[datetime]]] = {
    "days_until_next": lambda rows, as_of: [row["occurred_at"] for row in rows],
    "days_until_end": _booked_ends,
}


def matching(spec: FeatureSpec, rows: list[Row]) -> list[Row]:
    """Rows whose categories have the values of `where`."""
    return [row for row in rows if all(row.get(c) == wanted for c, wanted in spec.where)]


def _of_facts(spec: FeatureSpec, seen: list[Row], as_of: datetime, own: Own) -> float | None:
    if spec.aggregation == "trend":
        return _trend(spec, matching(spec, seen), as_of)
    if spec.aggregation == "mean_trend":
        return _mean_trend(spec, matching(spec, seen), as_of)
    if spec.aggregation == "vs_usual":
        return _against_usual(spec, matching(spec, seen), as_of)
    if spec.window_days is not None:
        seen = between(seen, as_of - spec.window_days * DAY, as_of)
    rows = matching(spec, seen)
    if spec.aggregation == "share":
        return _share(spec, rows, seen)
    if spec.aggregation == "own":
        if spec.expression not in own:
            raise NotImplementedError(
                f"`{spec.expression}` has no plain function here; the physical cut judges it"
            )
        return own[spec.expression](rows, as_of)
    if not rows:
        return None
    if spec.aggregation in DURATIONS:
        return DURATIONS[spec.aggregation](rows, as_of, spec.window_days)
    if spec.aggregation in OF_ROWS:
        return OF_ROWS[spec.aggregation](spec, rows)
    if spec.aggregation in OF_VALUES:
        values = _values(rows, spec.measure)
        return OF_VALUES[spec.aggregation](values) if values else None
    raise _no_loop(spec)


def _no_loop(spec: FeatureSpec) -> NotImplementedError:
    """An aggregation that was declared, but not written here from its meaning."""
    return NotImplementedError(
        f"the oracle has no loop for `{spec.aggregation}` of {spec.source}; write one from its "
        "meaning in npsight.config.aggregations"
    )


def _measured(rows: list[Row], measure: str | None) -> list[Row]:
    return [row for row in rows if row.get(str(measure)) is not None]


def _values(rows: list[Row], measure: str | None) -> list[Fraction]:
    """The measure of those rows that have one, exactly."""
    return [Fraction(str(row[str(measure)])) for row in _measured(rows, measure)]


def _total(rows: list[Row], measure: str | None) -> Fraction:
    """The sum of the measure, or the number of rows without one."""
    if measure is None:
        return Fraction(len(rows))
    return sum(_values(rows, measure), Fraction(0))


def _compared(now: Fraction, before: Fraction) -> float | None:
    """(now − before) / (|now| + |before|); None where both are 0."""
    size = abs(now) + abs(before)
    return float((now - before) / size) if size else None


def _trend(spec: FeatureSpec, rows: list[Row], as_of: datetime) -> float | None:
    """The window against the one before it."""
    now, before = _two_windows(spec, rows, as_of)
    return _compared(_total(now, spec.measure), _total(before, spec.measure))


def _mean_trend(spec: FeatureSpec, rows: list[Row], as_of: datetime) -> float | None:
    """The mean of the window against that of the one before it; None where either has none."""
    now, before = (_values(part, spec.measure) for part in _two_windows(spec, rows, as_of))
    if not now or not before:
        return None
    return _compared(sum(now) / Fraction(len(now)), sum(before) / Fraction(len(before)))


def _two_windows(
    spec: FeatureSpec, rows: list[Row], as_of: datetime
) -> tuple[list[Row], list[Row]]:
    width = (spec.window_days or 0) * DAY
    return between(rows, as_of - width, as_of), between(rows, as_of - 2 * width, as_of - width)


def _against_usual(spec: FeatureSpec, rows: list[Row], as_of: datetime) -> float | None:
    """The window a day, against a day from the first fact to the window's start."""
    window = spec.window_days or 0
    start = as_of - window * DAY
    earlier = [row for row in rows if row["occurred_at"] < start]
    if not earlier:
        return None
    span = Fraction((start - min(row["occurred_at"] for row in earlier)) // _TICK, _DAY_TICKS)
    now = _total(between(rows, start, as_of), spec.measure) / window
    return _compared(now, _total(earlier, spec.measure) / span)


_TICK = DAY.resolution
_DAY_TICKS = DAY // _TICK


def _share(spec: FeatureSpec, rows: list[Row], window: list[Row]) -> float | None:
    """What matches `where`, of all of the window."""
    whole = _total(window, spec.measure)
    return float(_total(rows, spec.measure) / whole) if whole else None


# --- Of the rows of a window, at least one --------------------------------------------------------


def _count(spec: FeatureSpec, rows: list[Row]) -> float | None:
    return float(len(rows))


def _ratio(spec: FeatureSpec, rows: list[Row]) -> float | None:
    above, below = _values(rows, spec.measure), _total(rows, spec.per)
    return float(sum(above) / below) if above and below else None


def _first(spec: FeatureSpec, rows: list[Row]) -> float | None:
    pairs = [(*when(row), row[str(spec.measure)]) for row in _measured(rows, spec.measure)]
    return float(min(pairs)[2]) if pairs else None


def _last(spec: FeatureSpec, rows: list[Row]) -> float | None:
    pairs = [(*when(row), row[str(spec.measure)]) for row in _measured(rows, spec.measure)]
    return float(max(pairs)[2]) if pairs else None


def _distinct(spec: FeatureSpec, rows: list[Row]) -> float | None:
    """None where no fact has the category."""
    return float(len({row.get(str(spec.category)) for row in rows} - {None})) or None


def _distinct_days(spec: FeatureSpec, rows: list[Row]) -> float | None:
    return float(len({row["occurred_at"].date() for row in rows}))


def _slope(spec: FeatureSpec, rows: list[Row]) -> float | None:
    rows = _measured(rows, spec.measure)
    values = _values(rows, spec.measure)
    at = [Fraction(row["occurred_at"].date().toordinal()) for row in rows]
    if len(set(at)) < 2:
        return None
    middle, level = sum(at) / len(at), sum(values) / len(values)
    rise = sum((x - middle) * (y - level) for x, y in zip(at, values, strict=True))
    return float(rise / sum((x - middle) ** 2 for x in at))


OF_ROWS: dict[str, Callable[[FeatureSpec, list[Row]], float | None]] = {
    "count": _count,
    "ratio": _ratio,
    "first": _first,
    "last": _last,
    "distinct": _distinct,
    "distinct_days": _distinct_days,
    "slope": _slope,
}


# --- Of the values of a measure, at least one -----------------------------------------------------


def _std(values: list[Fraction]) -> float | None:
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


OF_VALUES: dict[str, Callable[[list[Fraction]], float | None]] = {
    "sum": lambda values: float(sum(values)),
    "mean": lambda values: float(sum(values) / len(values)),
    "std": _std,
    "min": lambda values: float(min(values)),
    "max": lambda values: float(max(values)),
}
