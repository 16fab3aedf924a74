"""The aggregations of times: how long ago, how long between, how long it lasted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise

from npsight.audit.oracle.rows import DAY, Row, days, is_open

Duration = Callable[[list[Row], datetime, int | None], float | None]
"""(rows of the window, at least one; as_of; length of the window in days) -> number."""


def _instants(rows: list[Row]) -> list[datetime]:
    return sorted(row["occurred_at"] for row in rows)


def _since_first(rows: list[Row], as_of: datetime, window_days: int | None) -> float | None:
    return days(as_of, min(_instants(rows)))


def _since_last(rows: list[Row], as_of: datetime, window_days: int | None) -> float | None:
    return days(as_of, max(_instants(rows)))


def _longest_gap(rows: list[Row], as_of: datetime, window_days: int | None) -> float | None:
    """The silences at both ends count too; without a window nothing is silent before the first."""
    edges = [*_instants(rows), as_of]
    if window_days is not None:
        edges.insert(0, as_of - window_days * DAY)
    return max(days(later, earlier) for earlier, later in pairwise(edges))


def _mean_gap(rows: list[Row], as_of: datetime, window_days: int | None) -> float | None:
    """Facts at the same instant are 0 days apart."""
    if len(rows) < 2:
        return None
    return days(max(_instants(rows)), min(_instants(rows))) / (len(rows) - 1)


def _open(rows: list[Row], as_of: datetime, window_days: int | None) -> float | None:
    return float(len([row for row in rows if is_open(row, as_of)]))


def _oldest_open(rows: list[Row], as_of: datetime, window_days: int | None) -> float | None:
    begun = [row["occurred_at"] for row in rows if is_open(row, as_of)]
    return days(as_of, min(begun)) if begun else None


def _lasted(row: Row, as_of: datetime) -> float:
    return days(as_of if is_open(row, as_of) else row["ended_at"], row["occurred_at"])


def _mean_duration(rows: list[Row], as_of: datetime, window_days: int | None) -> float | None:
    return sum(_lasted(row, as_of) for row in rows) / len(rows)


def _max_duration(rows: list[Row], as_of: datetime, window_days: int | None) -> float | None:
    return max(_lasted(row, as_of) for row in rows)


DURATIONS: dict[str, Duration] = {
    "days_since_first": _since_first,
    "days_since_last": _since_last,
    "longest_gap": _longest_gap,
    "mean_gap": _mean_gap,
    "open": _open,
    "oldest_open": _oldest_open,
    "mean_duration": _mean_duration,
    "max_duration": _max_duration,
}
