"""When a table was last loaded, and whether its features are to be taken as of then."""

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
SELDOM_DAYS = 6
SELDOM_GAPS = 4
SELDOM_ROWS = 10
"""Rows of the day that a typical row came; with fewer, days far apart may be mere chance."""


@dataclass(frozen=True)
class Held:
    """A table whose features are taken as of its last load.

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
    late
        Nothing became known for longer than ever before; else the table is one that is loaded
        seldom, between two loads.
    """

    source: str
    newest: date
    longest: int
    held_at: datetime
    late: bool = True


def held_table(source: str, grew: Mapping[date, int], as_of: datetime) -> Held | None:
    """What is to be held at as_of of a table that grew by so many rows on these days (UTC).

    Only days before as_of's own count, and stray rows make no day. With at least 8 gaps in
    `[newest − 400 days, newest]`, a table is late where the days from `newest` to as_of's day are
    more than twice the longest. It is loaded seldom where at least 4 gaps all have 6 days or more
    and the usual load has 10 rows: then it is held from two days after a load on, and told late
    as any other. After 400 days a table has ended, and is held no more.
    """
    past = {day: rows for day, rows in grew.items() if day < as_of.date()}
    usual = _usual(past)
    days = sorted(day for day, rows in past.items() if rows >= BUSY * usual)
    if not days:
        return None
    newest = days[-1]
    since = newest - timedelta(days=LOOK_BACK_DAYS)
    gaps = [(later - day).days for day, later in pairwise(days) if day >= since]
    passed = (as_of.date() - newest).days
    if not gaps or not 1 < passed <= LOOK_BACK_DAYS:
        return None
    seldom = len(gaps) >= SELDOM_GAPS and min(gaps) >= SELDOM_DAYS and usual >= SELDOM_ROWS
    overdue = passed > TIMES * max(gaps)
    if not seldom and not (overdue and len(gaps) >= LEAST_GAPS):
        return None
    return Held(source, newest, max(gaps), as_of - timedelta(days=passed - 1), late=overdue)


def _usual(grew: Mapping[date, int]) -> int:
    """The rows of the day on which the middle row came; 0 without any."""
    sizes, passed = sorted(grew.values()), 0
    for size in sizes:
        passed += size
        if 2 * passed >= sum(sizes):
            return size
    return 0
