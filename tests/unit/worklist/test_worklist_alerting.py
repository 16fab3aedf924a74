"""When somebody is told: rises, fresh answers, quiet hours over clock changes, the digest's day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.schema import Alerts, Digest, QuietHours
from npsight.worklist.alerting import (
    answer_key,
    answered_lately,
    became_high,
    channels_of,
    digest_week,
    due_key,
    high_risk_key,
    message_id,
    quiet_until,
    used_channels,
)

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
NIGHT = QuietHours(start="20:00", end="07:00", weekends=True)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("before", "after", "rose"),
    [("low", "high", True), ("medium", "high", True), (None, "high", True),
     ("high", "high", False), ("high", "low", False), ("low", "medium", False)],
)  # fmt: skip
def test_a_rise_ends_high_and_began_lower(before: str | None, after: str, rose: bool) -> None:
    assert became_high({"risk_level": before}, {"risk_level": after}) is rose
    assert became_high({}, {"risk_level": "high"})


@pytest.mark.parametrize(
    ("ago", "fresh"),
    [(timedelta(0), False), (timedelta(microseconds=1), True), (timedelta(days=30), True),
     (timedelta(days=30, microseconds=1), False)],
)  # fmt: skip
def test_an_answer_is_fresh_for_thirty_days_before_as_of(ago: timedelta, fresh: bool) -> None:
    as_of = datetime(2026, 6, 1, tzinfo=UTC)
    assert answered_lately(as_of - ago, as_of) is fresh


def test_an_account_without_an_answer_has_no_fresh_one() -> None:
    assert not answered_lately(None, datetime(2026, 6, 1, tzinfo=UTC))


def test_owners_have_their_channels_and_others_the_default() -> None:
    names = {"team": "TEAM", "ada": "ADA", "idle": "IDLE"}
    alerts = Alerts(channels=names, default=["team"], owners={"Ada": ["ada", "ada"], "Bo": []})
    assert channels_of(alerts, "Ada") == ("ada",)
    assert channels_of(alerts, "Bo") == ()
    assert channels_of(alerts, "") == channels_of(alerts, "Cy") == ("team",)
    assert used_channels(alerts) == ("team", "ada")


def test_keys_are_the_event_and_nothing_else() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=BERLIN)
    assert high_risk_key("A:1", 7) == "high_risk:A:1:7"
    assert answer_key("A", at) == "detractor_answer:A:2026-03-01T11:00:00.000000Z"
    assert answer_key("A", at) == answer_key("A", at.astimezone(UTC))
    assert due_key("A", date(2026, 3, 1)) == "follow_up_due:A:2026-03-01"


def test_a_message_of_the_same_events_has_the_same_id() -> None:
    made = message_id("p", "alerts", "Ada", "team", keys=["b", "a"])
    assert made == message_id("p", "alerts", "Ada", "team", keys=["a", "b"])
    others = [
        message_id("p", "alerts", "Ada", "team", keys=["a"]),
        message_id("p", "alerts", "Ada", "mail", keys=["a", "b"]),
        message_id("p", "alerts", "Adat", "eam", keys=["a", "b"]),
        message_id("q", "alerts", "Ada", "team", keys=["a", "b"]),
    ]
    assert len({made, *others}) == 5


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-18T19:59:59", None),
        ("2026-11-18T20:00:00", "2026-11-19T07:00"),
        ("2026-11-19T06:59:59", "2026-11-19T07:00"),
        ("2026-11-19T07:00:00", None),
        ("2026-11-20T21:00:00", "2026-11-23T07:00"),  # Friday evening
        ("2026-11-21T12:00:00", "2026-11-23T07:00"),
        ("2026-11-22T23:59:00", "2026-11-23T07:00"),
        ("2026-11-23T00:00:00", "2026-11-23T07:00"),
    ],
)
def test_nights_and_weekends_are_quiet(now: str, until: str | None) -> None:
    found = quiet_until(berlin(now), NIGHT, BERLIN)
    assert found == (None if until is None else berlin(until))


def test_without_quiet_hours_no_hour_is_quiet() -> None:
    assert quiet_until(berlin("2026-11-21T03:00"), None, BERLIN) is None
    never = QuietHours(start="09:00", end="09:00", weekends=False)
    assert quiet_until(berlin("2026-11-18T09:00"), never, BERLIN) is None


def test_hours_within_a_day() -> None:
    lunch = QuietHours(start="12:00", end="13:00", weekends=False)
    assert quiet_until(berlin("2026-11-21T11:59:59"), lunch, BERLIN) is None
    assert quiet_until(berlin("2026-11-21T12:30"), lunch, BERLIN) == berlin("2026-11-21T13:00")
    assert quiet_until(berlin("2026-11-21T13:00"), lunch, BERLIN) is None


def test_the_same_instant_may_be_quiet_in_one_zone_only() -> None:
    now = datetime(2026, 11, 18, 19, 30, tzinfo=UTC)
    assert quiet_until(now, NIGHT, UTC_ZONE) is None
    assert quiet_until(now, NIGHT, BERLIN) == datetime(2026, 11, 19, 6, tzinfo=UTC)


def test_quiet_ends_with_the_hour_that_the_clock_skips() -> None:
    quiet = QuietHours(start="22:00", end="02:30", weekends=False)
    # On 29 March 2026 the clock goes from 02:00 to 03:00: 02:30 never comes.
    assert quiet_until(berlin("2026-03-29T01:30"), quiet, BERLIN) == datetime(
        2026, 3, 29, 1, tzinfo=UTC
    )
    night = QuietHours(start="22:00", end="07:00", weekends=False)
    assert quiet_until(berlin("2026-03-28T23:00"), night, BERLIN) == berlin("2026-03-29T07:00")


def test_an_hour_that_the_clock_repeats_is_quiet_both_times() -> None:
    quiet = QuietHours(start="02:00", end="02:30", weekends=False)
    for fold in (0, 1):
        assert quiet_until(berlin("2026-10-25T02:10", fold), quiet, BERLIN) == berlin(
            "2026-10-25T02:30", fold
        )
        assert quiet_until(berlin("2026-10-25T02:40", fold), quiet, BERLIN) is None


clocks = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                         "Asia/Kathmandu", "Pacific/Apia"])  # fmt: skip


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), clocks, clocks, st.booleans(), zones
)
def test_quiet_is_what_the_clock_on_the_wall_says(
    at: datetime, start: str, end: str, weekends: bool, name: str
) -> None:
    zone, now = ZoneInfo(name), at.replace(tzinfo=UTC)

    def oracle(instant: datetime) -> bool:
        wall = instant.astimezone(zone)
        minute = f"{wall:%H:%M}"
        night = start <= minute < end if start <= end else not end <= minute < start
        return night or (weekends and wall.strftime("%a") in ("Sat", "Sun"))

    until = quiet_until(now, QuietHours(start=start, end=end, weekends=weekends), zone)
    assert (until is not None) == oracle(now)
    if until is not None:
        assert until > now.replace(second=0, microsecond=0)
        assert not oracle(until)
        assert oracle(until - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("now", "week"),
    [
        ("2026-11-16T07:59:59", None),
        ("2026-11-16T08:00:00", "2026-W47"),
        ("2026-11-22T23:59:59", "2026-W47"),
        ("2026-11-23T00:00:00", None),
        ("2027-01-01T12:00:00", "2026-W53"),
        ("2027-01-04T08:00:00", "2027-W01"),
    ],
)
def test_a_digest_is_due_from_its_day_and_time_until_the_week_ends(
    now: str, week: str | None
) -> None:
    assert digest_week(berlin(now), Digest(), BERLIN) == week


def test_a_digest_without_a_day_is_due_at_once() -> None:
    assert digest_week(berlin("2026-11-16T00:00"), None, BERLIN) == "2026-W47"


def test_a_digest_is_due_though_its_minute_never_came() -> None:
    # In Apia the clock skipped the whole of Friday 30 December 2011.
    apia, friday = ZoneInfo("Pacific/Apia"), Digest(day="friday", at="08:00")
    assert digest_week(datetime(2011, 12, 30, 9, tzinfo=UTC), friday, apia) is None
    assert digest_week(datetime(2011, 12, 30, 10, tzinfo=UTC), friday, apia) == "2011-W52"
