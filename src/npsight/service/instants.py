"""Instants as callers write and read them: ISO 8601, by one rule at every endpoint."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

LONGEST = 64
_FORM = re.compile(
    r"(?:\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
    r"|\d{8}T\d{4}(?:\d{2}(?:[.,]\d+)?)?)"
    r"(Z|[+-]\d{2}(?::?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)


def instant_of(text: str, zone: str | None = None) -> datetime:
    """The UTC instant of an ISO 8601 text such as `2026-06-01T00:00:00Z`.

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
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    try:
        at = datetime.fromisoformat(text) if found else None
    except ValueError:
        at = None
    if at is None:
        raise ValueError("must be an instant in ISO 8601, such as 2026-06-01T00:00:00Z")
    try:
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        if zone is not None:
            return _of_clock(at, ZoneInfo(zone))
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999") from None
    raise ValueError("must have an offset: end it with Z for UTC, or with one such as +02:00")


def _of_clock(at: datetime, zone: ZoneInfo) -> datetime:
    # In a gap the offset before it is the smaller one, in a fold the one after it.
    return max(at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def instant_text(instant: datetime) -> str:
    """ISO 8601 in UTC, such as `2026-06-01T00:00:00Z`."""
    return instant.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def text_or_none(instant: datetime | None) -> str | None:
    """The same; null for none."""
    return None if instant is None else instant_text(instant)
