"""Instants as callers write and read them: ISO 8601, always with an offset."""

from __future__ import annotations

from datetime import UTC, datetime

LONGEST = 40


def instant_of(text: str) -> datetime:
    """The UTC instant of an ISO 8601 text such as `2026-06-01T00:00:00Z`.

    Raises
    ------
    ValueError
        It is no instant, has no offset, or lies outside the years 1 to 9999. The message fits
        behind the name of the field.
    """
    try:
        read = datetime.fromisoformat(text) if len(text) <= LONGEST else None
    except ValueError:
        read = None
    if read is None:
        raise ValueError("must be an instant in ISO 8601, such as 2026-06-01T00:00:00Z")
    if read.tzinfo is None:
        raise ValueError("must have an offset: end it with Z for UTC, or with one such as +02:00")
    try:
        return read.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999") from None


def instant_text(instant: datetime) -> str:
    """ISO 8601 in UTC, such as `2026-06-01T00:00:00Z`."""
    return instant.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def text_or_none(instant: datetime | None) -> str | None:
    """The same; null for none."""
    return None if instant is None else instant_text(instant)
