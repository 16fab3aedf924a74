"""By which pattern the values of an unmapped column are read as times, if they are times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from npsight.tables import times
from npsight.tables.engine import one_row
from npsight.tables.months import english_text

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_SHORT = ("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y")
_NAMED = (
    *("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y"),
    *("%d/%b/%Y", "%d/%b/%y"),
    *("%d. %B %Y", "%d. %b %Y", "%d de %B de %Y", "%d de %b de %Y", "%m %d, %Y"),
)
MONTH_FORMATS = (
    *("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%m-%Y"),
    *("%B %Y", "%b %Y", "%B-%Y", "%b-%Y", "%b-%y", "%B %y", "%b %y", "%Y %B", "%Y %b", "%B de %Y"),
)
"""A month is read as its first day."""
TIME_FORMATS = (
    "",
    "%Y%m%d",
    *(day + clock for clock in _CLOCKS for day in _SHORT),
    *(day + clock for clock in _CLOCKS for day in _DAYS),
    *(day + clock for clock in (*_CLOCKS, ", %H:%M") for day in _NAMED),
    *MONTH_FORMATS,
)
"""What reads most values is taken; of equals the first. The empty one is ISO 8601."""
_NAME = r"[^\W\d_]{3,10}\.?"
_CLOCK = r"(,? \d{1,2}:\d{2}.*)?"
_LIKE_A_DATE = re.compile(
    r"^(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?!\d)|\d{8}$|\d{4}[-/]\d{1,2}$|\d{1,2}[-/.](19|20)\d{2}$|"
    rf"{_NAME}( \d{{4}}| de \d{{4}}|-\d{{4}}|-\d{{2}}| [1-9]\d)$|\d{{4}} {_NAME}$|"
    rf"({_NAME}|\d{{2}}) \d{{1,2}}, \d{{4}}{_CLOCK}$|"
    rf"\d{{1,2}}(st|nd|rd|th|er|\.)?(-|/| | de ){_NAME}(-|/| | de )\d{{2,4}}{_CLOCK}$)"
)
_ORDINAL = re.compile(times.ORDINAL)
_A_NUMBER = re.compile(r"(?i)(nr|nummer|number|numero|((^|[^a-z])(id|no|num|key|code)))\.?$")
_MOSTLY = 0.95
_TRIED = 20
_EPOCH_DIGITS = {"epoch_s": 10, "epoch_ms": 13, "epoch_us": 16}
_EPOCH_YEARS = (946_684_800, 2_051_222_400)
"""Seconds from 1970 to the years 2000 and 2035: of other numbers it is not guessed."""


@dataclass(frozen=True)
class Reading:
    """How the values of a column are read as times.

    `pattern` is None where they are no times, and empty for ISO 8601. `is_naive` says that some
    lack a zone, and `is_either_way` that the day and the month could as well change places: no
    day above 12 tells them apart.
    """

    pattern: str | None = None
    is_naive: bool = False
    is_either_way: bool = False


def turned(pattern: str) -> str:
    """The pattern with day and month in each other's place."""
    return pattern.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")


def time_of(table: ir.Table, sample: Sequence[str], name: str = "") -> Reading:
    """By which pattern nearly all of `given` is read; a column that is named as a number of
    documents does not count seconds. Such a 0 is no time.
    """
    for pattern, digits in _EPOCH_DIGITS.items():
        counted = [text for text in sample if text not in times.NO_COUNT]
        if (
            counted
            and not _A_NUMBER.search(name)
            and all(_counts_from_1970(text, digits) for text in counted)
        ):
            return Reading(pattern)
    dated = [text for text in sample if _LIKE_A_DATE.match(text)]
    if not dated or len(dated) < _MOSTLY * len(sample):
        return Reading()
    fitting = [pattern for pattern in TIME_FORMATS if _may_fit(pattern, dated[:_TRIED])]
    some = _read_by(ibis.memtable(pa.table({"given": dated})), fitting)
    likely = [pattern for pattern in fitting if some[pattern] >= 0.9 * len(dated)]
    found = _read_by(table, likely)
    best = max(likely, key=lambda pattern: found[pattern], default="")
    if not likely or found[best] < _MOSTLY * found["filled"]:
        return Reading()
    other = turned(best)
    either = other != best and found.get(other) == found[best]
    return Reading(best, found[f"{best} naive"] > 0, either)


def _counts_from_1970(text: str, digits: int) -> bool:
    whole = text.removesuffix(".0")
    low, high = _EPOCH_YEARS
    return whole.isdecimal() and len(whole) == digits and low <= int(whole[:10]) < high


def _may_fit(pattern: str, texts: Sequence[str]) -> bool:
    """Whether a pattern reads some of the texts; the engine, which is slower to ask, decides."""
    if not pattern:
        return True
    for text in texts:
        with suppress(ValueError):
            datetime.strptime(english_text(_ORDINAL.sub(r"\1", text), pattern), pattern)
            return True
    return False


def _read_by(table: ir.Table, patterns: Sequence[str]) -> dict[str, int]:
    """How many values each pattern reads, and how many of those without a zone."""
    counts = {"filled": table.given.notnull().sum()}
    for pattern in patterns:
        reading = times.parse_text(table.given, None, [pattern] if pattern else [])
        counts[pattern] = (reading.at.notnull() | reading.naive).sum()
        counts[f"{pattern} naive"] = reading.naive.sum()
    named = {f"n{place}": count for place, count in enumerate(counts.values())}
    found = one_row(table.aggregate(**named))
    return {key: int(found[name] or 0) for key, name in zip(counts, named, strict=True)}
