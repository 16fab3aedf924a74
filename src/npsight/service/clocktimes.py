"""Instants as callers write them: ISO 8601, read by the same rule as the tables."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_FORM = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(Z|[+-]\d{2}(?::?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)


class InstantError(ValueError):
    """A text that is no instant; the message says why, without the text."""


def read_instant(text: str, zone: str | None = None) -> datetime:
    """The instant in UTC.

    A text without an offset is a clock time in `zone`. Where clocks jump forward, a time in the
    gap moves forward by its length; where they are set back, the second reading is taken.

    Raises
    ------
    InstantError
        It is no ISO 8601 date and time, or has no offset and there is no zone.
    """
    found = _FORM.fullmatch(text)
    try:
        at = datetime.fromisoformat(text.upper()) if found else None
    except ValueError:
        at = None
    if at is None or found is None:
        raise InstantError("is no instant; write it as 2026-06-01T09:30:00Z")
    try:
        if found.group(1) is not None:
            return at.astimezone(UTC)
        if zone is None:
            raise InstantError("has no offset; write it as 2026-06-01T09:30:00Z or …+02:00")
        local = ZoneInfo(zone)
        # In a gap the offset before it is the smaller one, in a fold the one after it.
        readings = [at.replace(tzinfo=local, fold=fold) for fold in (0, 1)]
        return max(reading.astimezone(UTC) for reading in readings)
    except OverflowError:
        raise InstantError("lies outside the years 1 to 9999") from None
