"""Waits between attempts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from npsight.outgoing.retrying import backoff_seconds, is_passing, retry_after_seconds

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_waits_grow_to_a_cap_and_are_half_drawn() -> None:
    assert [backoff_seconds(n, 5, 4, 300, lambda: 1.0) for n in (1, 2, 3, 4, 5)] == [
        5, 20, 80, 300, 300,
    ]  # fmt: skip
    assert backoff_seconds(1, 5, 4, 300, lambda: 0.0) == 2.5
    assert backoff_seconds(10_000, 5, 4, 300, lambda: 1.0) == 300


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0), ("7", 7), (" 7 ", 7), ("1.5", 1.5),
        ("Mon, 01 Jun 2026 12:00:30 GMT", 30), ("Mon, 01 Jun 2026 11:00:00 GMT", 0),
        ("", None), ("soon", None), ("-3", None), ("nan", None), ("inf", None), ("1e9", None),
        ("٣", None),
    ],
)  # fmt: skip
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after_seconds({"retry-after": value}, NOW) == seconds
    assert retry_after_seconds({}, NOW) is None


def test_passing_faults() -> None:
    assert [s for s in (200, 400, 401, 404, 408, 409, 410, 423, 429, 477, 500, 503, 524)
            if is_passing(s)] == [408, 423, 429, 477, 500, 503, 524]  # fmt: skip
