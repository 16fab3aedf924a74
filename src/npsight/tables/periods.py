"""Periods as people write them in the names of columns -> the last day of each."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date

from npsight.config.schema import Wide
from npsight.tables.months import MONTHS

_SEP = r"[-_/. ]?"
_DAY = re.compile(r"^(\d{4})[-_/. ]?(\d{2})[-_/. ]?(\d{2})$")
_YEAR_MONTH = re.compile(rf"^(\d{{4}}){_SEP}[mM]?(\d{{1,2}})$")
_PART = re.compile(r"^(\d+|[qQ][1-4]|[hH][12])$")
_MONTH_YEAR = re.compile(r"^(\d{1,2})[-_/. ](\d{4})$")
_NAMED = re.compile(rf"^([^\W\d_]{{3,10}})\.?{_SEP}'?(\d{{4}}|\d{{2}})$")
_NAMED_LAST = re.compile(rf"^(\d{{4}}){_SEP}([^\W\d_]{{3,10}})\.?$")
_QUARTER = re.compile(rf"^[qQ]([1-4]){_SEP}'?(\d{{4}}|\d{{2}})$")
_YEAR_QUARTER = re.compile(rf"^(\d{{4}}){_SEP}[qQ]([1-4])$")
_YEAR = re.compile(r"^((?:19|20)\d{2})$")


def last_day(period: str) -> date | None:
    """The last day of a day, month, quarter or year; None where it is none of them.

    A day of which it is unclear whether it or the month comes first is none.
    """
    text = period.strip()
    if match := _DAY.match(text):
        return _day(*map(int, match.groups()))
    if match := _YEAR.match(text):
        return _end(int(match[1]), 12)
    for pattern, year, month in ((_YEAR_MONTH, 1, 2), (_MONTH_YEAR, 2, 1)):
        if match := pattern.match(text):
            return _end(int(match[year]), int(match[month]))
    for pattern, year, month in ((_NAMED, 2, 1), (_NAMED_LAST, 1, 2)):
        if match := pattern.match(text):
            return _end(_whole(match[year]), MONTHS.get(match[month].lower(), 0))
    for pattern, year, quarter in ((_QUARTER, 2, 1), (_YEAR_QUARTER, 1, 2)):
        if match := pattern.match(text):
            return _end(_whole(match[year]), 3 * int(match[quarter]))
    return None


def _whole(year: str) -> int:
    return int(year) + (2000 if len(year) == 2 else 0)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _end(year: int, month: int) -> date | None:
    if not (1 <= month <= 12 and 1900 <= year <= 2200):
        return None
    return date(year, month, calendar.monthrange(year, month)[1])


def periods_of(names: Sequence[str], wide: Wide) -> dict[str, date | None]:
    """Each column that a pattern fits, with the last day of its period, None where it has none.

    The pattern `*` alone fits all columns whose names are periods, and no others.
    """
    found: dict[str, date | None] = {}
    for pattern in wide.columns:
        before, star, behind = pattern.partition("*")
        for name in names:
            if not star and name == pattern:
                found[name] = last_day(name)
            elif star and _fits(name, before, behind):
                found[name] = last_day(name[len(before) : len(name) - len(behind)])
    if "*" in wide.columns:
        found = {name: day for name, day in found.items() if day is not None}
    return found


def is_part(text: str) -> bool:
    """Whether it tells one part of a table from the next: a period, with or without its year, or
    a number.
    """
    month_alone = text.rstrip(".").lower() in MONTHS
    return month_alone or bool(_PART.match(text)) or last_day(text) is not None


def _fits(name: str, before: str, behind: str) -> bool:
    long_enough = len(name) > len(before) + len(behind)
    return long_enough and name.startswith(before) and name.endswith(behind)


def pattern_of(names: Sequence[str]) -> str | None:
    """The pattern that fits at least three of the columns, and of which each fit is a period."""
    best: dict[str, int] = {}
    for name in names:
        for before, behind in _around(name):
            pattern = f"{before}*{behind}"
            if pattern not in best:
                fits = periods_of(names, Wide.model_validate({"columns": pattern}))
                best[pattern] = len(fits) if all(fits.values()) else 0
    pattern = max(best, key=lambda p: (best[p], len(p)), default="")
    return pattern if pattern and best[pattern] >= 3 else None


def _around(name: str) -> list[tuple[str, str]]:
    """What may stand before and behind the period in a name: each cut that leaves one."""
    words = [0, *(match.end() for match in re.finditer(r"[-_/. :]+", name))]
    ends = [len(name), *(match.start() for match in re.finditer(r"[-_/. :]+", name))]
    return [
        (name[:start], name[end:])
        for start in words
        for end in ends
        if end > start and last_day(name[start:end]) is not None
    ]
