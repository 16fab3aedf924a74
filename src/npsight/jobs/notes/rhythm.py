"""Whether a table notes a level of most accounts once a week or month, told by its profile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from npsight.jobs.notes.words import words

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

LEAST_DAYS, MOST_DAYS = 3, 400
"""Different days; a sample of more does not show the gaps between them."""
SELDOM_DAYS = 6
MOSTLY = 0.5
"""Share of all pairs of account and day that must have a row."""
FROM_FIRST_DAY, FROM_WEEKDAY, FROM_LAST_DAY = 744, 168, 24
"""Hours until a month or week is over that is named by its first, or last, day."""
_ENDING = {"end", "ending", "ended", "ende", "endend", "bis", "fin", "finissant"}
_EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}


def notes_levels(table: TableProfile, time: ColumnProfile | None, key: str) -> bool:
    """Whether the days of `time` lie at least 6 apart, with a row for most accounts on each."""
    account = table.column(key)
    if time is None or account is None or time.distinct > MOST_DAYS:
        return False
    days = sorted(set(_days(time)))
    if len(days) < LEAST_DAYS or table.rows < MOSTLY * len(days) * account.distinct:
        return False
    return median((later - day).days for day, later in pairwise(days)) >= SELDOM_DAYS


def period_hours(table: TableProfile, time: ColumnProfile | None, key: str) -> int:
    """Hours after which what a row says of its month or week is complete, where all rows of a table
    of levels are of the first or the last day of a month, or of one day of the week; else 0.
    """
    if time is None or not notes_levels(table, time, key):
        return 0
    days = set(_days(time))
    if all(day.day == 1 for day in days):
        return FROM_FIRST_DAY
    if all((day + timedelta(days=1)).day == 1 for day in days):
        return FROM_LAST_DAY
    if len({day.weekday() for day in days}) > 1:
        return 0
    return FROM_LAST_DAY if words(time.name) & _ENDING else FROM_WEEKDAY


def _days(time: ColumnProfile) -> Iterator[date]:
    """The days of the sample that can be read."""
    written = time.time_format or ""
    for text in time.sample:
        try:
            if written in _EPOCHS:
                yield datetime.fromtimestamp(float(text) / _EPOCHS[written], UTC).date()
            elif written:
                yield datetime.strptime(text.strip(), written).date()
            else:
                yield datetime.fromisoformat(text.strip()).date()
        except (ValueError, OverflowError, OSError):
            continue
