"""When to try again: exponential waits with jitter, and `Retry-After` obeyed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRIED = frozenset((408, 423, 425, 429, 477))
"""Besides 5xx; 423 and 477 are HubSpot's for a record in use and an account that is being moved."""


def is_passing(status: int) -> bool:
    """Whether the same call may succeed later."""
    return status >= 500 or status in RETRIED


def backoff_seconds(
    attempt: int,
    base: float,
    factor: float,
    longest: float,
    draw: Callable[[], float] = random.random,
) -> float:
    """Wait after the `attempt`-th failure (from 1): half of it fixed, half drawn from [0, 1)."""
    # Beyond a few dozen doublings a float would overflow long after the cap has won.
    full = min(longest, base * factor ** min(attempt - 1, 60))
    return full * (0.5 + 0.5 * draw())


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """What `Retry-After` asks for, in seconds or as an HTTP date; None where it says nothing."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        # `float` would read `nan`, `inf` and `1_0` too.
        if value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdecimal():
            return float(value)
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())
