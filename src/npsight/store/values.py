"""Python values -> what a database keeps: no NaN, no NumPy scalar, no local time."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer
from sqlalchemy.types import TypeDecorator

Number = BigInteger().with_variant(Integer, "sqlite")
"""A number that rows are given in order; SQLite counts up only what it calls an integer."""

DIGITS = 12
"""Enough to equal what was computed to 1e-9, and to keep JSON short."""


class UtcInstant(TypeDecorator[datetime]):
    """An instant kept as UTC without a zone, the same on every database; read back as aware.

    An instant without a zone is UTC, as everywhere inside npsight.
    """

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC without a zone, to the microsecond."""
        # NaT is a datetime that is not equal to itself.
        if value is None or value != value:
            return None
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        utc = aware.astimezone(UTC)
        return datetime(
            utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond
        )

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


def utc_text(instant: datetime) -> str:
    """ISO 8601 in UTC, such as `2026-06-01T00:00:00Z`; without a zone it is UTC already."""
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def rounded(value: Any) -> Any:
    """A float with as many digits as scores are told with, wherever they are told."""
    return round(value, DIGITS) if isinstance(value, float) else value


def clean(value: Any) -> Any:
    """NaN and infinities become None, NumPy scalars Python's own, within lists and mappings too."""
    if hasattr(value, "item") and not isinstance(value, (list, tuple, dict)):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return None if value is not None and type(value).__name__ in ("NAType", "NaTType") else value


def to_json(value: Any) -> str:
    """Compact JSON; floats in their shortest form that reads back to the same bits."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
