"""Instants of callers: one reader, whatever wrote them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from npsight.service.instants import MILLISECONDS_FROM, day_of, instant_of, instant_text, written

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2026-11-20T10:00:00Z", 0),
        ("2026-11-20t10:00:00z", 0),
        ("2026-11-20 10:00Z", 0),
        (" 2026-11-20T11:00:00+01:00\n", 0),
        ("2026-11-20T11:00:00+01", 0),
        ("2026-11-20T11:00:00.5+0100", 500_000),
        ("2026-11-20T10:00:00,5Z", 500_000),
        ("20261120T100000Z", 0),
        ("2026-11-20T10:00:00.1234567Z", 123_456),
        ("2026-11-20T10:00:00.9999999Z", 999_999),
        ("2026-11-20T10:00:00.123456789012Z", 123_456),
    ],
)
def test_ways_to_write_an_instant(text, microseconds) -> None:
    assert instant_of(text) == AT.replace(microsecond=microseconds)
    assert instant_of(text, "Europe/Berlin") == AT.replace(microsecond=microseconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20",
        "2026-11-20T10Z",
        "2026-W47-5T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-11-20T10:00:00.Z",
        "2026-11-20T10:00:00 Z",
        "٢٠٢٦-11-20T10:00:00Z",
        "-1795168800",
        "1795168800.5",
        "1.7951688e9",
        "1" * 21,
        "2026-11-20T10:00:00." + "1" * 60 + "Z",
    ],
)
def test_what_is_no_instant(text) -> None:
    with pytest.raises(ValueError, match="must be an instant in ISO 8601"):
        instant_of(text)


def test_an_offset_is_needed_unless_there_is_a_zone() -> None:
    with pytest.raises(ValueError, match="must have an offset"):
        instant_of("2026-11-20T11:00:00.1234567")
    assert instant_of("2026-11-20T11:00:00", "Europe/Berlin") == AT


@pytest.mark.parametrize(
    ("clock", "utc"),
    [
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),
        ("2026-10-25T02:30:00", "2026-10-25T01:30:00Z"),
    ],
)
def test_clocks_that_jump_are_read_as_in_the_tables(clock, utc) -> None:
    assert instant_text(instant_of(clock, "Europe/Berlin")) == utc


@pytest.mark.parametrize(
    ("number", "utc"),
    [
        (1795168800, "2026-11-20T10:00:00Z"),
        (1795168800000, "2026-11-20T10:00:00Z"),
        (1795168800123, "2026-11-20T10:00:00.123000Z"),
        (" 1795168800000 ", "2026-11-20T10:00:00Z"),
        (946684800, "2000-01-01T00:00:00Z"),
        (946684800000, "2000-01-01T00:00:00Z"),
        (4102444799, "2099-12-31T23:59:59Z"),
        (4102444799999, "2099-12-31T23:59:59.999000Z"),
    ],
)
def test_whole_numbers_count_from_1970(number, utc) -> None:
    assert instant_text(instant_of(written(number))) == utc
    assert instant_text(instant_of(written(number), "Europe/Berlin")) == utc


@pytest.mark.parametrize(
    ("number", "counts"),
    [
        (0, "seconds"),
        (46000, "seconds"),
        (20261120, "seconds"),
        (946684799, "seconds"),
        (4102444800, "seconds"),
        (MILLISECONDS_FROM - 1, "seconds"),
        (MILLISECONDS_FROM, "milliseconds"),
        (202611201000, "milliseconds"),
        (946684799999, "milliseconds"),
        (4102444800000, "milliseconds"),
        (20261120100000, "milliseconds"),
        (1795168800123456, "milliseconds"),
        (1795168800123456789, "milliseconds"),
    ],
)
def test_numbers_that_no_survey_can_mean_are_refused_with_how_they_were_read(
    number, counts
) -> None:
    with pytest.raises(ValueError, match=f"is read as {counts} since 1970.*ISO 8601"):
        instant_of(written(number))


@pytest.mark.parametrize("value", [True, 1795168800.0, None, [], 10**20])
def test_only_whole_numbers_are_written_as_texts(value) -> None:
    assert written(value) is value


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-06-01", "2026-06-01"),
        (" 2026-06-01 ", "2026-06-01"),
        ("2026-06-01T21:59:59Z", "2026-06-01"),
        ("2026-06-01T22:00:00Z", "2026-06-02"),
        ("2026-06-01T23:30:00+02:00", "2026-06-01"),
        ("2026-06-01T23:30:00", "2026-06-01"),
        ("1780272000000", "2026-06-01"),
        ("1780272000", "2026-06-01"),
        ("1780351199999", "2026-06-01"),
        ("1780351200000", "2026-06-02"),
    ],
)
def test_days_and_instants_on_them(text, day) -> None:
    """In Berlin; but midnight in UTC is that day, also as HubSpot writes it for New York."""
    assert day_of(text, "Europe/Berlin").isoformat() == day
    if text == "1780272000000":
        assert day_of(text, "America/New_York").isoformat() == day


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-02-30", "is no day of the calendar"),
        ("01.06.2026", "must be a day such as 2026-06-01"),
        ("20260601", "must be a day such as 2026-06-01; as an instant it is read as seconds"),
    ],
)
def test_what_is_no_day(text, said) -> None:
    with pytest.raises(ValueError, match=said):
        day_of(text, "UTC")


def test_instants_beyond_the_calendar() -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        instant_of("9999-12-31T23:59:59-01:00")
