"""What is said of each aggregation, and that words and numbers always agree."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.aggregations import AGGREGATIONS
from npsight.config.expand import expand
from npsight.config.schema import Feature
from npsight.config.specs import FeatureSpec
from npsight.drivers.peers import Peers
from npsight.drivers.phrases import PHRASES
from npsight.drivers.readings import Readings, before_of, sentences_of
from npsight.models.rows import rows_of

NAN = float("nan")
FORBIDDEN = re.compile(r"\b(cause[sd]?|because|due to|nan|none|inf)\b", re.IGNORECASE)


def spec(aggregation, measure=None, window=None, source="usage", **rest):
    return FeatureSpec(
        source=source, aggregation=aggregation, measure=measure, window_days=window, **rest
    )


def say(feature, now, past=NAN, peer=None, others=(), segment="pro"):
    """One sentence; `others` are (spec, now, past) of further features, `peer` the segment's."""
    table = [(feature, now, past), *others]
    here = {s.name: [n] for s, n, _ in table} | {"segment_": [segment]}
    medians = {} if peer is None else {s.name: peer for s, _, _ in table}
    readings = Readings(
        tuple(s for s, _, _ in table),
        rows_of(pd.DataFrame(here)),
        rows_of(pd.DataFrame({s.name: [p] for s, _, p in table})),
        Peers({"pro": medians}, medians),
    )
    return sentences_of(readings, feature, np.array([0]))[0]


LOGINS = spec("sum", "logins", 30, label="logins")
TREND = spec("trend", "logins", 30, label="logins")
ADOPTION = spec("mean", "adoption", 30, label="adoption")
LEVEL_TREND = spec("mean_trend", "users", 90, label="active users")
ADOPTION_TREND = spec("trend", "adoption", 30, label="adoption")
TICKETS = spec("count", None, 90, "tickets", label="tickets")
TICKET_TREND = spec("trend", None, 90, "tickets", label="tickets")
OPEN = spec("open", None, None, "tickets", label="open tickets")
STILL = spec("open", None, 60, "tickets", label="tickets")
HOURS = spec("mean", "hours", 90, "resolutions", label="time to resolve", unit="h")
RATIO = spec("ratio", "errors", 30, per="logins", label="errors per login")
LONGEST = spec("max", "hours", 90, "resolutions", label="time to resolve", unit="h")
SHORTEST = spec("min", "hours", None, "resolutions", label="time to resolve", unit="h")
LAST = spec("last", "seats", label="seats booked")
SINCE = spec("days_since_last", None, 180, "touches", label="contacts")
DAYS = spec("distinct_days", None, 30, label="logins")
PLAN = spec("value", "plan", None, "accounts", label="plan", dtype="category")
SEATS = spec("value", "seats", None, "accounts", label="seats")
AGE = spec("age", None, None, "accounts", label="contract")
RENEWAL = spec("days_until_renewal", None, None, "accounts", label="contract")

SPREAD = spec("std", "logins", 30, label="logins")
FIRST = spec("first", "seats", label="seats booked")
SHARE = spec("share", None, 30, "tickets", label="high tickets", where=(("severity", "high"),))
HOURS_SHARE = spec("share", "hours", None, "tickets", label="high hours")
KINDS = spec("distinct", None, 90, label="modules used", category="module")
BEGAN = spec("days_since_first", None, None, "touches", label="contacts")
SILENCE = spec("longest_gap", None, 30, label="logins")
RHYTHM = spec("mean_gap", None, 30, label="logins")
SLOPE = spec("slope", "logins", 30, label="logins")
USUAL = spec("vs_usual", "logins", 7, label="logins")
OLDEST = spec("oldest_open", None, None, "tickets", label="tickets")
LASTED = spec("mean_duration", None, 30, "tickets", label="tickets")
AT_MOST = spec("max_duration", None, 30, "tickets", label="tickets")
ENDS = spec("days_until_end", None, None, "subscriptions", label="subscriptions")
NEXT = spec("days_until_next", None, None, "meetings", label="meetings")
OWN = spec("own", None, 30, label="weekend share", expression="own.py:weekend_share")

NEW_EXAMPLES = [
    (SPREAD, 4.24, 2, 3, "Logins in 30 days varied by ±4.2, up from ±2; similar accounts: ±3"),
    (SPREAD, 4.24, NAN, None, "Logins in 30 days varied by ±4.2"),
    (SPREAD, 2.04, 2, None, "Logins in 30 days varied by ±2, unchanged"),
    (SPREAD, 0, 2, 3, "Logins in 30 days did not vary, before by ±2; similar accounts: ±3"),
    (SPREAD, 0, 0, None, "Logins in 30 days did not vary"),
    (SPREAD, NAN, 2, None, "Variation of logins in 30 days: not on record"),
    (
        replace(SPREAD, label="time to resolve", unit="h", window_days=None),
        5,
        7,
        4,
        "Time to resolve varied by ±5 h; similar accounts: ±4 h; before: ±7 h",
    ),
    (FIRST, 20, 25, 18, "First seats booked 20 (was 25); similar accounts: 18"),
    (FIRST, 20, 20, None, "First seats booked 20"),
    (replace(FIRST, label="first order", unit="$"), 20, NAN, None, "First order $20"),
    (FIRST, NAN, 20, None, "First seats booked: not on record"),
    (
        SHARE,
        0.4,
        0.2,
        0.35,
        "High tickets: 40 % of tickets in 30 days, up from 20 %; similar accounts: 35 %",
    ),
    (SHARE, 0.4, 0.4, None, "High tickets: 40 % of tickets in 30 days, unchanged"),
    (SHARE, 0.4, NAN, None, "High tickets: 40 % of tickets in 30 days"),
    (SHARE, 0, 0.5, None, "High tickets: 0 % of tickets in 30 days, down from 50 %"),
    (
        SHARE,
        0.4,
        0.5,
        0.2,
        "High tickets: 40 % of tickets in 30 days; similar accounts: 20 %; before: 50 %",
    ),
    (SHARE, NAN, 0.5, 0.35, "No tickets on record in 30 days; similar accounts: 35 %"),
    (HOURS_SHARE, 1, 0.042, None, "High hours: 100 % of hours, up from 4.2 %"),
    (replace(SHARE, unit="h"), 0.4, 0.2, None, "High tickets: 40 % of tickets in 30 days, up from 20 %"),
    (KINDS, 3, 2, 2, "Modules used in 90 days: 3 different, up from 2; similar accounts: 2"),
    (KINDS, 3, NAN, None, "Modules used in 90 days: 3 different"),
    (KINDS, 0, 2, 5, "No modules used in 90 days, down from 2; similar accounts: 5"),
    (KINDS, NAN, 2, None, "No modules used on record in 90 days"),
    (replace(KINDS, label=""), 1, 1, None, "Kinds of usage by module in 90 days: 1 different, unchanged"),
    (BEGAN, 52.9, 10, 90.3, "First contacts: 52 days ago; similar accounts: 90 days"),
    (replace(BEGAN, window_days=90), 1.2, NAN, None, "First contacts of the last 90 days: 1 day ago"),
    (BEGAN, 0.4, NAN, None, "First contacts: within the last day"),
    (BEGAN, NAN, NAN, None, "No contacts on record"),
    (replace(BEGAN, missing="zero"), 0, 0, None, "No contacts on record"),
    (
        SILENCE,
        12.2,
        5,
        4,
        "Longest time without logins in 30 days: 12 days, up from 5; similar accounts: 4 days",
    ),
    (
        SILENCE,
        6.25,
        9,
        1,
        "Longest time without logins in 30 days: 6.2 days; similar accounts: 1 day; before: 9 days",
    ),
    (SILENCE, 1, NAN, None, "Longest time without logins in 30 days: 1 day"),
    (replace(SILENCE, missing="zero"), 0, 12, None, "No logins on record in 30 days"),
    (SILENCE, NAN, 5, None, "No logins on record in 30 days"),
    (RHYTHM, 4.24, 2, None, "Mean time between logins in 30 days: 4.2 days, up from 2"),
    (RHYTHM, 0.04, 0.04, 1, "Mean time between logins in 30 days: under 0.1 days, unchanged; similar accounts: 1 day"),
    (RHYTHM, 0.5, 0.01, None, "Mean time between logins in 30 days: 0.5 days, up from under 0.1 days"),
    (RHYTHM, NAN, 2, None, "No two logins on record in 30 days"),
    (SLOPE, -0.42, 0.1, -0.03, "Logins in 30 days fell by 0.42 a day (before: up 0.1 a day); similar accounts: down 0.03 a day"),
    (SLOPE, 0.42, NAN, 0, "Logins in 30 days rose by 0.42 a day; similar accounts: level"),
    (SLOPE, 0, -0.5, None, "Logins in 30 days neither rose nor fell (before: down 0.5 a day)"),
    (SLOPE, 0.4, 0.4, None, "Logins in 30 days rose by 0.4 a day"),
    (replace(SLOPE, unit="$", window_days=None), -5, NAN, 2, "Logins fell by $5 a day; similar accounts: up $2 a day"),
    (SLOPE, NAN, 1, None, "No two days with logins on record in 30 days"),
    (USUAL, -297 / 661, NAN, -0.01, "Logins in 7 days 62 % below the account's own usual; similar accounts: down 2 %"),
    (USUAL, 0.1, -0.4, None, "Logins in 7 days 22 % above the account's own usual"),
    (USUAL, 0.6, NAN, 0.6, "Logins in 7 days 4 times the account's own usual; similar accounts: 4 times as much"),
    (USUAL, 0.0, NAN, None, "Logins in 7 days level with the account's own usual"),
    (USUAL, -1, NAN, 0.1, "Logins stopped in the last 7 days; similar accounts: up 22 %"),
    (USUAL, 1, NAN, -1, "Logins began in the last 7 days; similar accounts: stopped"),
    (USUAL, NAN, 0.2, None, "Usual logins: not on record"),
    (OLDEST, 12.9, 5.5, 4, "Tickets still open: the oldest for 12 days, up from 5; similar accounts: 4 days"),
    (OLDEST, 8, 12, 4, "Tickets still open: the oldest for 8 days; similar accounts: 4 days; before: 12 days"),
    (replace(OLDEST, label="open tickets", window_days=60), 12, NAN, None, "Open tickets from the last 60 days: the oldest for 12 days"),
    (OLDEST, 0.5, 12, None, "No open tickets for a day or more, before for up to 12 days"),
    (OLDEST, NAN, 12, 4, "No open tickets on record, before for up to 12 days; similar accounts: 4 days"),
    (replace(OLDEST, missing="zero"), 0, 0, None, "No open tickets on record"),
    (LASTED, 7.125, 3, 2, "Tickets in 30 days lasted 7.1 days on average, up from 3; similar accounts: 2 days"),
    (LASTED, 0.02, NAN, None, "Tickets in 30 days lasted under 0.1 days on average"),
    (LASTED, NAN, 3, 2, "No tickets on record in 30 days; similar accounts: 2 days"),
    (AT_MOST, 12, 12, None, "Tickets in 30 days lasted 12 days at most, unchanged"),
    (AT_MOST, 1, 12, None, "Tickets in 30 days lasted 1 day at most, down from 12"),
    (AT_MOST, NAN, 12, None, "No tickets on record in 30 days"),
    (ENDS, 30.4, 120, 200, "Subscriptions: next end in 30 days; similar accounts: 200 days"),
    (ENDS, 0.0, NAN, None, "Subscriptions: next end within a day"),
    (ENDS, NAN, 3, 200, "No end of subscriptions ahead on record"),
    (NEXT, 3.5, NAN, None, "Meetings: the next in 3 days"),
    (NEXT, 0.9, NAN, None, "Meetings: the next within a day"),
    (NEXT, NAN, 3, None, "No meetings ahead on record"),
    (OWN, 0.314, 0.2, 0.1, "Weekend share in 30 days rose from 0.2 to 0.31; similar accounts: 0.1"),
    (OWN, 0.3, NAN, None, "Weekend share in 30 days: 0.3"),
    (OWN, 0.3, 0.3, None, "Weekend share in 30 days unchanged at 0.3"),
    (replace(OWN, label="", window_days=None), 0, 0.3, None, "Weekend share fell from 0.3 to 0"),
    (OWN, NAN, 0.3, None, "Weekend share in 30 days: not on record"),
]  # fmt: skip


EXAMPLES = [
    (LOGINS, 182, 540, 511, "Logins in 30 days fell from 540 to 182; similar accounts: 511"),
    (LOGINS, 1240.4, 540, None, "Logins in 30 days rose from 540 to 1,240"),
    (LOGINS, 182.4, 181.6, 511, "Logins in 30 days unchanged at 182; similar accounts: 511"),
    (LOGINS, 182, NAN, 511, "Logins in 30 days: 182; similar accounts: 511"),
    (LOGINS, 0, 540, 511, "No logins in 30 days, down from 540; similar accounts: 511"),
    (LOGINS, 0, 0, 3.5, "No logins in 30 days; similar accounts: 3.5"),
    (LOGINS, NAN, 540, 511, "No logins on record in 30 days; similar accounts: 511"),
    (LOGINS, 0, -5, None, "Logins in 30 days rose from -5 to 0"),
    (replace(LOGINS, window_days=1), 3, 2, None, "Logins in 1 day rose from 2 to 3"),
    (replace(LOGINS, label=""), 3, 2, None, "Logins in 30 days rose from 2 to 3"),
    (
        replace(LOGINS, unit="$"),
        48_000,
        2_345_678,
        None,
        "Logins in 30 days fell from $2.35 million to $48,000",
    ),
    (
        replace(LOGINS, unit="%"),
        62,
        80.04,
        71,
        "Logins in 30 days fell from 80 to 62 %; similar accounts: 71 %",
    ),
    (TICKETS, 4, 1, 0, "Tickets in 90 days: 4, up from 1; similar accounts: 0"),
    (TICKETS, 4, 4, 0, "Tickets in 90 days: 4, unchanged; similar accounts: 0"),
    (TICKETS, 0, 3, 1, "No tickets in 90 days, down from 3; similar accounts: 1"),
    (TICKETS, 0, NAN, 1, "No tickets in 90 days; similar accounts: 1"),
    (OPEN, 4, 1, 0, "Open tickets: 4, up from 1; similar accounts: 0"),
    (OPEN, 0, 1, 0, "No open tickets, down from 1; similar accounts: 0"),
    (OPEN, 0, 0, None, "No open tickets"),
    (
        STILL,
        2,
        3,
        1,
        "Tickets still open from the last 60 days: 2; similar accounts: 1; before: 3",
    ),
    (STILL, 0, 0, 1, "No open tickets from the last 60 days; similar accounts: 1"),
    (
        HOURS,
        30.2,
        12.4,
        14,
        "Time to resolve rose from 12 to 30 h (90-day average); similar accounts: 14 h",
    ),
    (HOURS, NAN, 12.4, 14, "Time to resolve in 90 days: not on record; similar accounts: 14 h"),
    (
        ADOPTION,
        0.314,
        0.62,
        0.6,
        "Adoption fell from 0.62 to 0.31 (30-day average); similar accounts: 0.6",
    ),
    (
        RATIO,
        0.0314,
        0.02,
        0.0042,
        "Errors per login in 30 days rose from 0.02 to 0.031; similar accounts: 0.0042",
    ),
    (RATIO, NAN, 0.02, 0.1, "Errors per login in 30 days: not on record; similar accounts: 0.1"),
    (replace(RATIO, label=""), 2, NAN, None, "Errors per logins in 30 days: 2"),
    (
        LONGEST,
        70,
        20,
        30,
        "Highest time to resolve in 90 days: 70 h, up from 20; similar accounts: 30 h",
    ),
    (
        LONGEST,
        NAN,
        20,
        30,
        "Highest time to resolve in 90 days: not on record; similar accounts: 30 h",
    ),
    (SHORTEST, 2.5, 2.5, 3, "Lowest time to resolve: 2.5 h, unchanged; similar accounts: 3 h"),
    (LAST, 20, 25, 18, "Last seats booked 20 (was 25); similar accounts: 18"),
    (LAST, 20, 20, None, "Last seats booked 20"),
    (replace(LAST, label="last order"), 20, NAN, None, "Last order 20"),
    (LAST, NAN, 20, None, "Last seats booked: not on record"),
    (SINCE, 37.9, 12.2, 20.5, "No contacts for 37 days, up from 12; similar accounts: 20 days"),
    (SINCE, 1.2, 9, 1, "No contacts for 1 day, down from 9; similar accounts: 1 day"),
    (SINCE, 0.4, 9, 1, "Contacts within the last day; similar accounts: 1 day"),
    (SINCE, NAN, 9, 1, "No contacts on record in 180 days; similar accounts: 1 day"),
    (DAYS, 12, 20, 18, "Logins on 12 of 30 days, down from 20; similar accounts: 18 days"),
    (DAYS, 0, 20, 18, "No logins in 30 days, down from 20; similar accounts: 18 days"),
    (replace(DAYS, window_days=None), 1, NAN, None, "Logins on 1 day"),
    (
        TREND,
        (182 - 479) / (182 + 479),
        NAN,
        -0.01,
        "Logins 62 % below the 30 days before; similar accounts: down 2 %",
    ),
    (
        TREND,
        0.1,
        NAN,
        0.6,
        "Logins 22 % above the 30 days before; similar accounts: 4 times as much",
    ),
    (TREND, 0.6, NAN, 0.1, "Logins 4 times the 30 days before; similar accounts: up 22 %"),
    (TREND, 0.0, NAN, 0.0, "Logins level with the 30 days before; similar accounts: unchanged"),
    (TREND, -1.0, NAN, 1.0, "Logins stopped in the last 30 days; similar accounts: began"),
    (TREND, 1.0, NAN, -1.0, "Logins began in the last 30 days; similar accounts: stopped"),
    (TREND, -0.9999, NAN, None, "Logins 99 % below the 30 days before"),
    (TREND, NAN, NAN, None, "No logins on record in 60 days"),
    (TREND, NAN, NAN, 0.0, "No logins on record in 60 days"),
    (
        LEVEL_TREND,
        1 / 11,
        NAN,
        -0.1,
        "Active users on average 20 % above the 90 days before; similar accounts: down 18 %",
    ),
    (LEVEL_TREND, 0.0, NAN, None, "Active users on average level with the 90 days before"),
    (LEVEL_TREND, -1.0, NAN, None, "Active users down to 0 on average in 90 days"),
    (LEVEL_TREND, 1.0, NAN, None, "Active users up from 0 on average in 90 days"),
    (LEVEL_TREND, NAN, NAN, None, "No active users on record to compare with the 90 days before"),
    (SEATS, 20, 10, 15, "Seats rose from 10 to 20; similar accounts: 15"),
    (SEATS, NAN, 10, 15, "Seats: not on record; similar accounts: 15"),
    (PLAN, "basic", "pro", None, "Plan changed from pro to basic"),
    (PLAN, "basic", "basic", None, "Plan: basic"),
    (PLAN, "basic", None, None, "Plan: basic"),
    (PLAN, None, "pro", None, "Plan: not on record"),
    *NEW_EXAMPLES,
    (AGE, 412.7, 322, 900, "Customer for 412 days; similar accounts: 2.5 years"),
    (AGE, NAN, NAN, None, "Start date not on record"),
    (RENEWAL, 73.5, 163, 180, "Renews in 73 days; similar accounts: 180 days"),
    (RENEWAL, 1.5, 91, -3, "Renews in 1 day; similar accounts: 3 days ago"),
    (RENEWAL, 0.5, NAN, None, "Renews today"),
    (RENEWAL, -12.2, NAN, None, "Renewal was 12 days ago"),
    (RENEWAL, NAN, NAN, None, "No renewal date on record"),
]


@pytest.mark.parametrize(("feature", "now", "past", "peer", "sentence"), EXAMPLES)
def test_examples(feature, now, past, peer, sentence):
    assert say(feature, now, past, peer) == sentence


def test_every_aggregation_has_words_and_an_example():
    assert set(PHRASES) == set(AGGREGATIONS)
    assert {feature.aggregation for feature, *_ in EXAMPLES} == set(AGGREGATIONS)


def test_peers_of_another_segment_are_called_all_accounts():
    assert say(LOGINS, 182, 540, 511, segment="new").endswith("; all accounts: 511")
    assert say(LOGINS, 182, 540, 511, segment=None).endswith("; all accounts: 511")


TREND_EXAMPLES = [
    (TREND, -297 / 661, [(LOGINS, 182, 9)], "Logins in 30 days fell from 479 to 182"),
    (TREND, 1.0, [(LOGINS, 182, 9)], "Logins in 30 days rose from 0 to 182"),
    (TREND, -1.0, [(LOGINS, 0, 9)], "Logins stopped in the last 30 days"),
    (TREND, -0.5, [(LOGINS, NAN, 9)], "Logins 67 % below the 30 days before"),
    (TREND, -0.5, [(LOGINS, -30, 9)], "Logins in 30 days fell from -10 to -30"),
    (
        TREND,
        -0.5,
        [(replace(LOGINS, window_days=90), 182, 9)],
        "Logins 67 % below the 30 days before",
    ),
    (
        TREND,
        -0.5,
        [(replace(LOGINS, where=(("a", "b"),)), 182, 9)],
        "Logins 67 % below the 30 days before",
    ),
    (TICKET_TREND, 0.6, [(TICKETS, 4, 9)], "Tickets in 90 days: 4, up from 1"),
    (
        ADOPTION_TREND,
        -0.5,
        [(ADOPTION, 0.31, 0.62)],
        "Adoption fell from 0.62 to 0.31 (30-day average)",
    ),
    (ADOPTION_TREND, 0.5, [(ADOPTION, 0.31, 0.62)], "Adoption 3 times the 30 days before"),
    (
        replace(ADOPTION_TREND, aggregation="mean_trend"),
        -1 / 3,
        [(ADOPTION, 0.31, 9)],
        "Adoption fell from 0.62 to 0.31 (30-day average)",
    ),
    (ADOPTION_TREND, 0.5, [(ADOPTION, 0.31, NAN)], "Adoption 3 times the 30 days before"),
]


@pytest.mark.parametrize(("feature", "trend", "others", "sentence"), TREND_EXAMPLES)
def test_a_trend_is_told_in_numbers_where_its_window_is_known(feature, trend, others, sentence):
    assert say(feature, trend, NAN, None, others) == sentence


@given(now=st.integers(-10_000, 10_000).map(float), before=st.integers(-10_000, 10_000).map(float))
def test_the_window_before_is_recovered_from_the_trend(now, before):
    if now == before == 0:
        return
    trend = (now - before) / (abs(now) + abs(before))
    found = float(before_of(np.array([now]), np.array([trend]))[0])
    if now == 0 or now * before < 0:
        assert np.isnan(found) or found == 0.0
    else:
        assert found == pytest.approx(before, rel=1e-6, abs=1e-6)


amounts = st.one_of(
    st.floats(-1e7, 1e7), st.integers(-20, 20).map(float), st.floats(-2, 2), st.just(NAN)
)


def shown_numbers(text):
    """The numbers of a sentence's first half, in the order they stand there."""
    head = text.split(";")[0].replace("in 30 days", "").replace("(30-day average)", "")
    found = re.findall(r"(-?\d[\d,]*(?:\.\d+)?)( million)?", head)
    return [float(n.replace(",", "")) * (1e6 if m else 1) for n, m in found]


@given(
    now=amounts,
    past=amounts,
    kind=st.sampled_from(
        ["sum", "mean", "ratio", "count", "open", "max", "own", "distinct", "share"]
    ),
)
def test_direction_words_agree_with_the_numbers_beside_them(now, past, kind):
    measure = None if kind in ("count", "open", "own", "distinct") else "logins"
    window = None if kind == "open" else 30
    text = say(spec(kind, measure, window, label="logins"), now, past, 10.0)
    numbers = shown_numbers(text)
    if " fell from " in text:
        assert numbers[0] > numbers[1]
    elif " rose from " in text:
        assert numbers[0] < numbers[1]
    elif "up from" in text:
        assert numbers[0] > numbers[1]
    elif "down from" in text and not text.startswith("No "):
        assert numbers[0] < numbers[1]
    elif "unchanged" in text:
        assert len(numbers) == 1
    elif text.startswith("No ") and "down from" in text:
        assert numbers[0] > 0
    else:
        assert np.isnan(past) or len(numbers) <= 1
    assert "-0" not in re.sub(r"-0\.", "", text)
    assert not FORBIDDEN.search(text)


@pytest.mark.parametrize("feature", [f for f, *_ in EXAMPLES], ids=lambda f: f.name)
@pytest.mark.parametrize(
    "label", ["{x} %s %(a)d", "<b>&'\"", "a\nb\t\x00c\u202ed", "  ", "é" * 500, "100 %"]
)
def test_hostile_labels_stay_one_short_plain_line(feature, label):
    value = "p\nro{}" if feature.dtype == "category" else 0.5
    text = say(replace(feature, label=label, unit="\n{h}"), value, value, 0.5)
    assert text
    assert text.isprintable()
    assert len(text) <= 200


@pytest.mark.parametrize("value", [NAN, np.inf, -np.inf])
@pytest.mark.parametrize(
    "feature", [f for f, *_ in EXAMPLES if f.dtype == "number"], ids=lambda f: f.name
)
def test_missing_and_infinite_values_are_never_shown(feature, value):
    text = say(feature, value, value, NAN)
    assert text[:2] == "No" or "not on record" in text
    assert not FORBIDDEN.search(text)


# ------------------------------------------------------------------ against the segment

HIGH = (("severity", "high"),)
AGAINST = [
    (LOGINS, 0.2, 0.45, "Logins in 30 days: higher than 20 % of similar accounts, down from 45 %"),
    (LOGINS, 0.2, NAN, "Logins in 30 days: higher than 20 % of similar accounts"),
    (LOGINS, 0.204, 0.196, "Logins in 30 days: higher than 20 % of similar accounts, unchanged"),
    (LOGINS, 0.0, 0.45, "Logins in 30 days: lower than almost all similar accounts, down from 45 %"),
    (LOGINS, 0.004, NAN, "Logins in 30 days: lower than almost all similar accounts"),
    (LOGINS, 1.0, 0.5, "Logins in 30 days: higher than almost all similar accounts, up from 50 %"),
    (LOGINS, NAN, 0.5, "Logins in 30 days: not on record"),
    (ADOPTION, 0.2, NAN, "Adoption (30-day average): higher than 20 % of similar accounts"),
    (SPREAD, 0.2, NAN, "Variation of logins in 30 days: higher than 20 % of similar accounts"),
    (LONGEST, 0.2, NAN, "Highest time to resolve in 90 days: higher than 20 % of similar accounts"),
    (LAST, 0.2, NAN, "Last seats booked: higher than 20 % of similar accounts"),
    (SHARE, 0.2, NAN, "Share of high tickets in 30 days: higher than 20 % of similar accounts"),
    (DAYS, 0.2, NAN, "Days with logins in 30 days: higher than 20 % of similar accounts"),
    (SINCE, 0.2, NAN, "Time since the last contacts: higher than 20 % of similar accounts"),
    (TREND, 0.2, NAN, "Trend of logins in 30 days: higher than 20 % of similar accounts"),
    (USUAL, 0.2, NAN, "Logins in 7 days against the usual: higher than 20 % of similar accounts"),
    (SLOPE, 0.2, NAN, "Daily change of logins in 30 days: higher than 20 % of similar accounts"),
    (STILL, 0.2, NAN, "Tickets still open from the last 60 days: higher than 20 % of similar accounts"),
    (OLDEST, 0.2, NAN, "Age of the oldest open tickets: higher than 20 % of similar accounts"),
    (LASTED, 0.2, NAN, "Mean duration of tickets in 30 days: higher than 20 % of similar accounts"),
    (ENDS, 0.2, NAN, "Time to the next end of subscriptions: higher than 20 % of similar accounts"),
    (SEATS, 0.2, NAN, "Seats: higher than 20 % of similar accounts"),
    (AGE, 0.2, NAN, "Time as a customer: higher than 20 % of similar accounts"),
    (RENEWAL, 0.2, NAN, "Time to the renewal: higher than 20 % of similar accounts"),
]  # fmt: skip


@pytest.mark.parametrize(("feature", "now", "past", "sentence"), AGAINST)
def test_a_place_among_the_segment(feature, now, past, sentence):
    # The median place of the peers is a half, whoever they are: it is not told.
    assert say(replace(feature, against="segment"), now, past, 0.5) == sentence


@pytest.mark.parametrize("feature", [f for f, *_ in EXAMPLES if f.dtype == "number"])
def test_every_aggregation_can_be_told_against_the_segment(feature):
    text = say(replace(feature, against="segment"), 0.3, 0.4, 0.5)
    assert text.endswith(": higher than 30 % of similar accounts, down from 40 %")
    missing = say(replace(feature, against="segment"), NAN, 0.4, 0.5)
    assert missing == text.partition(":")[0] + ": not on record"


def test_a_trend_of_places_is_not_told_by_the_places_of_its_sum():
    ranked = replace(TREND, against="segment")
    others = [(replace(LOGINS, against="segment"), 0.9, 0.1)]
    text = say(ranked, 0.2, NAN, None, others)
    assert text == "Trend of logins in 30 days: higher than 20 % of similar accounts"


# ------------------------------------------------------------------ labels nobody wrote


def said_of(line, now, past=NAN):
    feature = Feature.model_validate(line)
    return [say(found, now, past) for found in expand(feature, None)]


def test_each_value_of_by_stands_in_its_own_sentence():
    by = {"source": "tickets", "windows": 30, "by": {"severity": ["high", "low"]}}
    assert said_of({**by, "aggregate": "count"}, 4, 1) == [
        "High tickets in 30 days: 4, up from 1",
        "Low tickets in 30 days: 4, up from 1",
    ]
    assert said_of({**by, "aggregate": "share", "label": "cases"}, 0.4, 0.2) == [
        "High cases: 40 % of tickets in 30 days, up from 20 %",
        "Low cases: 40 % of tickets in 30 days, up from 20 %",
    ]
    assert said_of({**by, "aggregate": "count", "against": "segment"}, 0.4) == [
        "High tickets in 30 days: higher than 40 % of similar accounts",
        "Low tickets in 30 days: higher than 40 % of similar accounts",
    ]


def test_what_is_counted_is_named_without_a_label():
    line = {"source": "tickets", "aggregate": ["count", "distinct"], "category": "severity"}
    assert said_of(line, 3, 2) == [
        "Tickets: 3, up from 2",
        "Kinds of tickets by severity: 3 different, up from 2",
    ]
    own = {"source": "usage", "aggregate": ["own", "count"], "expression": "a/b.py:night_owls"}
    assert said_of(own, 3) == ["Night owls: 3", "Usage: 3"]
    ratio = {"source": "usage", "measure": "errors", "per": "logins", "aggregate": ["ratio", "sum"]}
    assert said_of(ratio, 3) == ["Errors per logins: 3", "Errors: 3"]
