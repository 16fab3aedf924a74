"""Periods as people write them in the names of columns, files and sheets -> their days."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from npsight.config.schema import Wide
from npsight.tables.months import MONTHS

_SEP = r"[-_/. ]?"
_DAY = re.compile(r"^(\d{4})[-_/. ]?(\d{2})[-_/. ]?(\d{2})$")
_YEAR_MONTH = re.compile(rf"^(\d{{4}}){_SEP}[mM]?(\d{{1,2}})$")
_PART = re.compile(r"^(\d+|[qQ][1-4]|[hH][12])$")
_MONTH_YEAR = re.compile(r"^(\d{1,2})[-_/. ](\d{4})$")
_NAMED = re.compile(rf"^([^\W\d_]{{3,10}})\.?(?:{_SEP}|[ _]de[ _])'?(\d{{4}}|\d{{2}})$")
_NAMED_LAST = re.compile(rf"^(\d{{4}}){_SEP}([^\W\d_]{{3,10}})\.?$")
_WEEK = re.compile(rf"(?i)^(?:W|KW|CW){_SEP}(\d{{1,2}}){_SEP}(\d{{4}})$")
_YEAR_WEEK = re.compile(rf"(?i)^(\d{{4}}){_SEP}(?:W|KW|CW){_SEP}(\d{{1,2}})$")
_PARTS_OF_A_YEAR = (("[qQ]([1-4])", 3), ("[hH]([12])", 6))
"""Quarters and halves, with the number of months of each."""
_YEAR = re.compile(r"^((?:19|20)\d{2})$")


class Span(NamedTuple):
    """The first and the last day of a period."""

    first: date
    last: date

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def span_of(period: str) -> Span | None:
    """The days of a day, ISO week, month, quarter, half-year or year; None where it is none.

    A day of which it is unclear whether it or the month comes first is none.
    """
    text = unicodedata.normalize("NFC", period.strip())
    if match := _DAY.match(text):
        return _day(*map(int, match.groups()))
    if match := _YEAR.match(text):
        return _months(int(match[1]), 12, 12)
    for pattern, year, month in ((_YEAR_MONTH, 1, 2), (_MONTH_YEAR, 2, 1)):
        if match := pattern.match(text):
            return _months(int(match[year]), int(match[month]))
    for pattern, year, week in ((_YEAR_WEEK, 1, 2), (_WEEK, 2, 1)):
        if match := pattern.match(text):
            return _week(int(match[year]), int(match[week]))
    for pattern, year, month in ((_NAMED, 2, 1), (_NAMED_LAST, 1, 2)):
        if match := pattern.match(text):
            return _months(_whole(match[year]), MONTHS.get(match[month].lower(), 0))
    return _part_of_a_year(text)


def last_day(period: str) -> date | None:
    """The last day of a period (see `span_of`); None where it is none."""
    span = span_of(period)
    return span.last if span else None


def _part_of_a_year(text: str) -> Span | None:
    for part, months in _PARTS_OF_A_YEAR:
        if match := re.match(rf"^{part}{_SEP}'?(\d{{4}}|\d{{2}})$", text):
            return _months(_whole(match[2]), months * int(match[1]), months)
        if match := re.match(rf"^(\d{{4}}){_SEP}{part}$", text):
            return _months(int(match[1]), months * int(match[2]), months)
    return None


def _whole(year: str) -> int:
    return int(year) + (2000 if len(year) == 2 else 0)


def _day(year: int, month: int, day: int) -> Span | None:
    try:
        return Span(date(year, month, day), date(year, month, day))
    except ValueError:
        return None


def _week(year: int, week: int) -> Span | None:
    try:
        monday = date.fromisocalendar(year, week, 1)
    except ValueError:
        return None
    return Span(monday, monday + timedelta(days=6))


def _months(year: int, last: int, count: int = 1) -> Span | None:
    """So many months of a year, up to the end of the month `last`."""
    if not (1 <= last <= 12 and 1900 <= year <= 2200):
        return None
    end = date(year, last, calendar.monthrange(year, last)[1])
    return Span(date(year, last - count + 1, 1), end)


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
