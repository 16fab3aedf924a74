"""Times as users write them -> UTC instants.

What each form becomes:

- a text with an offset or `Z`, or a column that knows its zone, is converted to UTC;
- a number since 1970 is in UTC, where `time_format` says what it counts;
- such a number that is 0 is read as blank: tools write it where there is no time;
- a text or a column without one is a clock time in the zone that the project file names. A zone
  is never guessed: without one, such times are refused;
- where clocks jump forward, a time in the gap moves forward by the length of the gap
  (02:30 on 2024-03-31 in Berlin, which no clock showed, is read as 03:30 = 01:30 UTC);
- where clocks are set back, the second of the two readings (standard time) is taken
  (02:30 on 2024-10-27 in Berlin is 01:30 UTC);
- a day before the name of its month may be written `5th` or `1er`;
- `%B` and `%b` read the names of months in English, German, French and Spanish, with or without a
  point behind a shortened one; `jui` is neither June nor July;
- an end in the year 9000 or later is a database's way to write "never" and is read as blank.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.tables.engine import (
    AWARE,
    instant_in_zone,
    is_finite_time,
    parse_aware,
    parse_local,
    utc_of,
    utc_of_epoch,
)
from npsight.tables.months import english, has_month_name
from npsight.temporal.instants import INSTANT

NEVER_YEAR = 9000
EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
"""Names of `time_format` for numbers since 1970 -> how many make a second."""
NO_COUNT = ("0", "0.0")
"""Such a number since 1970 is how tools write that there is no time; it is read as blank."""
_YEAR_9999 = 253_000_000_000_000_000

_OFFSET = r"(?i)[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(\s*(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))$"
_BOTH = r"^([0-9]{1,2})[/-]([0-9]{1,2})[/-]"
_HAS_OFFSET = re.compile(r"%[zZ]")
ORDINAL = r"^([0-9]{1,2})(st|nd|rd|th|er)\b"


@dataclass(frozen=True)
class ParsedTime:
    """`at` is the UTC instant, null where blank, unreadable or without a zone.

    `naive` is true where the text is a readable clock time whose zone nobody named; `unreadable`
    where it is no time at all.
    """

    at: ir.TimestampValue
    naive: ir.BooleanValue
    unreadable: ir.BooleanValue


def is_typed_time(column: ir.Value) -> bool:
    """Whether the engine knows the column as a time already."""
    return bool(column.type().is_timestamp() or column.type().is_date())


def is_naive_type(column: ir.Value) -> bool:
    """Whether every value of a typed time column lacks a zone."""
    kind = column.type()
    return bool(kind.is_date() or (kind.is_timestamp() and kind.timezone is None))


def parse_typed(column: ir.Value, zone: str | None) -> ParsedTime:
    """Read a timestamp or date column; without a zone, `naive` where it needs one."""
    no = ibis.literal(False)
    if not is_naive_type(column):
        aware = cast(ir.TimestampValue, column.cast(AWARE))
        at = utc_of(aware)
        return ParsedTime(at, no, column.notnull() & at.isnull())
    local = cast(ir.TimestampValue, column.cast(INSTANT))
    if zone is None:
        return ParsedTime(ibis.null(INSTANT), column.notnull(), no)
    return ParsedTime(_in_zone(local, zone), no, column.notnull() & ~is_finite_time(local))


def is_either_way(pattern: str) -> bool:
    """Whether a pattern begins with day and month in an order that others write the other way."""
    return pattern.startswith(("%d/%m", "%m/%d", "%d-%m", "%m-%d"))


def day_read(text: ir.StringValue, pattern: str) -> ir.IntegerValue:
    """What such a pattern reads as the day; null where the text is written otherwise."""
    place = 1 if pattern.startswith("%d") else 2
    return cast(ir.IntegerValue, text.re_extract(_BOTH, place).try_cast(dt.int64))


def parse_text(text: ir.StringValue, zone: str | None, patterns: Sequence[str]) -> ParsedTime:
    """Read trimmed text by the first strptime pattern that fits, or as ISO 8601 without any."""
    if not patterns:
        return _parse_iso(text, zone)
    readings = [_parse_pattern(text, zone, pattern) for pattern in patterns]
    parsed = readings[0]
    for other in readings[1:]:
        parsed = ParsedTime(
            ibis.ifelse(parsed.unreadable, other.at, parsed.at),
            (parsed.naive | (parsed.unreadable & other.naive)),
            parsed.unreadable & other.unreadable,
        )
    return parsed


def _parse_pattern(text: ir.StringValue, zone: str | None, pattern: str) -> ParsedTime:
    if pattern in EPOCHS:
        return _parse_epoch(text, EPOCHS[pattern])
    if has_month_name(pattern):
        text = english(text.re_replace(ORDINAL, r"\1"), pattern)
    if _HAS_OFFSET.search(pattern):
        at = utc_of(parse_aware(text, pattern))
        return ParsedTime(at, ibis.literal(False), text.notnull() & at.isnull())
    return _from_local(text, parse_local(text, pattern), zone)


def _parse_epoch(text: ir.StringValue, per_second: int) -> ParsedTime:
    number = text.try_cast(dt.float64)
    microseconds = number * (1_000_000 / per_second)
    within = (microseconds.abs() < _YEAR_9999).fill_null(False)
    whole = ibis.ifelse(within, microseconds, ibis.null(dt.float64)).round().cast(dt.int64)
    at = utc_of_epoch(whole)
    return ParsedTime(at, ibis.literal(False), text.notnull() & at.isnull())


def _parse_iso(text: ir.StringValue, zone: str | None) -> ParsedTime:
    offset = text.re_extract(_OFFSET, 1)
    has_offset = offset != ""
    body = text.substr(0, text.length() - offset.length())
    # DuckDB would read the words `epoch` and `infinity` as times.
    local = ibis.ifelse(body.like("____-%"), body.try_cast(INSTANT), ibis.null(INSTANT))
    suffix = offset.strip().upper().re_replace("^(Z|UTC|GMT)$", "+00")
    stamped = (local.cast(dt.string) + suffix).try_cast(AWARE)
    aware = utc_of(stamped)
    plain = _from_local(text, local, zone)
    at = ibis.ifelse(has_offset, aware, plain.at)
    readable = ibis.ifelse(has_offset, aware.notnull(), local.notnull())
    return ParsedTime(at, plain.naive & ~has_offset, text.notnull() & ~readable)


def _from_local(text: ir.StringValue, local: ir.TimestampValue, zone: str | None) -> ParsedTime:
    unreadable = text.notnull() & local.isnull()
    if zone is None:
        return ParsedTime(ibis.null(INSTANT), local.notnull(), unreadable)
    return ParsedTime(_in_zone(local, zone), ibis.literal(False), unreadable)


def _in_zone(local: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    if zone in ("UTC", "Etc/UTC"):
        return _finite(local)
    return utc_of(instant_in_zone(zone, local))


def _finite(at: ir.TimestampValue) -> ir.TimestampValue:
    return cast(ir.TimestampValue, ibis.ifelse(is_finite_time(at), at, ibis.null(INSTANT)))


def never_is_blank(at: ir.TimestampValue) -> ir.TimestampValue:
    """Blank where an end lies in the year 9000 or later."""
    return cast(ir.TimestampValue, ibis.ifelse(at.year() < NEVER_YEAR, at, ibis.null(INSTANT)))
