"""Whether a table has not been loaded for longer than it ever was, told by when it grew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

LOOK_BACK_DAYS = 400
"""More than a year, so that every holiday of the year was seen."""
LEAST_GAPS = 8
TIMES = 2
BUSY = 0.1
"""A day grew the table in earnest with this part of the rows of the day that a typical row came."""


@dataclass(frozen=True)
class Late:
    """A table of which nothing became known for longer than ever before.

    Attributes
    ----------
    source
        Its name.
    newest
        The last UTC day on which its rows became known.
    longest
        The most days between two such days, in `[newest − 400 days, newest]`.
    held_at
        The instant at which it was last up to date: as_of's time of day, on the day after `newest`.
    """

    source: str
    newest: date
    longest: int
    held_at: datetime


def late(source: str, grew: Mapping[date, int], as_of: datetime) -> Late | None:
    """What is to be said at as_of of a table that grew by so many rows on these days (UTC).

    Only days before as_of's own count. It is late where the days from `newest` to as_of's day are
    more than twice `longest`, and not more than 400: then it has ended. It is not where fewer than
    8 gaps tell its rhythm. Stray rows make no day.
    """
    days = _busy({day: rows for day, rows in grew.items() if day < as_of.date()})
    if not days:
        return None
    newest = days[-1]
    since = newest - timedelta(days=LOOK_BACK_DAYS)
    gaps = [(later - day).days for day, later in pairwise(days) if day >= since]
    passed = (as_of.date() - newest).days
    if len(gaps) < LEAST_GAPS or not TIMES * max(gaps) < passed <= LOOK_BACK_DAYS:
        return None
    return Late(source, newest, max(gaps), as_of - timedelta(days=passed - 1))


def _busy(grew: Mapping[date, int]) -> list[date]:
    """The days with at least a tenth of the rows of the day on which the middle row came."""
    sizes, passed = sorted(grew.values()), 0
    for size in sizes:
        passed += size
        if 2 * passed >= sum(sizes):
            return sorted(day for day, rows in grew.items() if rows >= BUSY * size)
    return []
