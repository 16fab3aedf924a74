"""Instants as callers write and read them, by one rule at every endpoint.

ISO 8601, or a whole number since 1970 as HubSpot and others send it: from 10^11 on milliseconds,
below it seconds. A number is taken within the years 2000 to 2099 only, so that neither digits of
a calendar day nor micro- or nanoseconds are taken for another instant.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

LONGEST = 64
NO_INSTANT = "must be an instant in ISO 8601, such as 2026-06-01T00:00:00Z"
NO_WRITTEN = f"{NO_INSTANT}, or a whole number of milliseconds since 1970"
MILLISECONDS_FROM = 10**11
"""A number from here on counts milliseconds: as seconds it would be after the year 5000."""
FIRST, END = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2000, 2100))
MOST_NUMBER = 10**20
_DIGITS = re.compile(r"[0-9]{1,20}")
_FORM = re.compile(
    r"(?:\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
    r"|\d{8}T\d{4}(?:\d{2}(?:[.,]\d+)?)?)"
    r"(Z|[+-]\d{2}(?::?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)


def instant_of(text: str, zone: str | None = None) -> datetime:
    """The UTC instant of an ISO 8601 text such as `2026-06-01T00:00:00Z`, or of digits.

    Blanks around it do not count, and digits of a second after the sixth are cut: .NET writes
    seven. A text without an offset is a clock time in `zone`, read as the tables read it: where
    clocks jump forward, a time in the gap moves forward by its length; where they are set back,
    the second reading is taken.

    Raises
    ------
    ValueError
        It is no instant, has no offset and there is no zone, or lies outside the years 1 to 9999.
        The message fits behind the name of the field.
    """
    text = text.strip().upper()
    if _DIGITS.fullmatch(text):
        return _of_number(int(text))
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    try:
        at = datetime.fromisoformat(text) if found else None
    except ValueError:
        at = None
    if at is None:
        raise ValueError(NO_INSTANT)
    try:
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        if zone is not None:
            return _of_clock(at, ZoneInfo(zone))
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999") from None
    raise ValueError("must have an offset: end it with Z for UTC, or with one such as +02:00")


def _of_number(number: int) -> datetime:
    counts = "milliseconds" if number >= MILLISECONDS_FROM else "seconds"
    milliseconds = number if counts == "milliseconds" else number * 1000
    if not FIRST * 1000 <= milliseconds < END * 1000:
        raise ValueError(
            f"is read as {counts} since 1970, and such a number must lie in the years 2000 to "
            "2099; write the instant in ISO 8601, such as 2026-06-01T00:00:00Z"
        )
    at = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return at.replace(microsecond=milliseconds % 1000 * 1000)


def written(value: Any) -> Any:
    """The text that a whole number prints as; anything else as it is."""
    return str(value) if type(value) is int and abs(value) < MOST_NUMBER else value


def _read(value: Any) -> Any:
    value = written(value)
    if not isinstance(value, str):
        raise PydanticCustomError("instant_type", NO_WRITTEN)
    return value


Instant = Annotated[str, BeforeValidator(_read)]
"""A field that holds an instant, as a text for `instant_of`."""


Day = Annotated[str, BeforeValidator(_read)]
"""A field that holds a day, or an instant on it, as a text for `day_of`."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
DAY_SECONDS = 86_400


def day_of(text: str, zone: str) -> date:
    """The day that a text such as `2026-06-01` names, or on which an instant is in the zone.

    A number that is midnight in UTC is that day, wherever clocks are: so HubSpot writes days.

    Raises
    ------
    ValueError
        It is neither. The message fits behind the name of the field.
    """
    text = text.strip()
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is no day of the calendar; write it as 2026-06-01") from None
    try:
        at = instant_of(text, zone)
    except ValueError as error:
        raise ValueError(f"must be a day such as 2026-06-01; as an instant it {error}") from None
    is_midnight = at.timestamp() % DAY_SECONDS == 0
    return at.date() if _DIGITS.fullmatch(text) and is_midnight else _in_zone(at, zone)


def _in_zone(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _of_clock(at: datetime, zone: ZoneInfo) -> datetime:
    # In a gap the offset before it is the smaller one, in a fold the one after it.
    return max(at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def instant_text(instant: datetime) -> str:
    """ISO 8601 in UTC, such as `2026-06-01T00:00:00Z`."""
    return instant.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def text_or_none(instant: datetime | None) -> str | None:
    """The same; null for none."""
    return None if instant is None else instant_text(instant)
