"""The oracle by hand: what each aggregation means, on rows that can be counted on fingers."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import sqrt

import pytest

from npsight.audit import oracle
from npsight.audit.oracle import World, feature, placed
from npsight.audit.oracle.durations import DURATIONS
from npsight.audit.oracle.features import AHEAD, OF_ROWS, OF_VALUES
from npsight.config.aggregations import AGGREGATIONS
from npsight.config.specs import FeatureSpec

AS_OF = datetime(2024, 3, 1)
TICK = timedelta(microseconds=1)


def ago(days):
    return AS_OF - timedelta(days=days)


def fact(days, known=None, **values):
    """A fact so many days ago, known at once unless told."""
    at = ago(days)
    return {"account": "a", "occurred_at": at, "known_at": known or at, **values}


def lasting(days, end=None, end_known=None, **values):
    ended = None if end is None else ago(end)
    known = ended if end_known is None else ago(end_known)
    return fact(days, ended_at=ended, ended_known_at=known, **values)


def value(rows, aggregation, window=None, **rest):
    own = rest.pop("own", None)
    spec = FeatureSpec(source="usage", aggregation=aggregation, window_days=window, **rest)
    world = World([{"account": "a", "began_at": ago(900)}], [], {"usage": rows})
    return feature(spec, world, "a", AS_OF, own)


FOUR = [fact(10, m=4), fact(6, m=None), fact(4, m=1), fact(2, m=1)]


@pytest.mark.parametrize(
    ("aggregation", "window", "expected"),
    [
        ("std", None, sqrt(3)),
        ("std", 3, None),  # one value
        ("std", 5, 0.0),
        ("first", None, 4.0),
        ("last", None, 1.0),
        ("slope", 5, 0.0),
        ("slope", 3, None),  # one date
        ("slope", None, -14 / (104 / 3)),
        ("min", None, 1.0),
        ("max", None, 4.0),
    ],
)
def test_of_a_measure(aggregation, window, expected):
    found = value(FOUR, aggregation, window, measure="m")
    assert found == (None if expected is None else pytest.approx(expected))


def test_first_and_last_at_one_instant_go_by_when_they_were_known_then_by_size():
    rows = [fact(3, ago(1), m=5), fact(3, ago(2), m=7), fact(3, ago(2), m=6)]
    assert value(rows, "first", measure="m") == 6
    assert value(rows, "last", measure="m") == 5
    assert value([*rows, fact(3, ago(1), m=9)], "last", measure="m") == 9


@pytest.mark.parametrize(
    ("aggregation", "window", "expected"),
    [
        ("days_since_first", None, 10.0),
        ("days_since_first", 5, 4.0),
        ("longest_gap", None, 4.0),
        ("longest_gap", 30, 20.0),  # the window's start to the first fact
        ("longest_gap", 3, 2.0),  # the last fact to as_of
        ("mean_gap", None, 8 / 3),
        ("mean_gap", 5, 2.0),
        ("mean_gap", 3, None),
        ("longest_gap", 1, None),
        ("vs_usual", 5, (2 / 5 - 2 / 5) / (4 / 5)),
        ("vs_usual", 1, -1.0),  # nothing now, something before
        ("vs_usual", 20, None),  # nothing before the window
    ],
)
def test_of_times(aggregation, window, expected):
    found = value(FOUR, aggregation, window)
    assert found == (None if expected is None else pytest.approx(expected))


def test_against_the_usual_sum_a_day():
    # 2 in 5 days, against 4 in the 5 days from the first fact to the window's start.
    assert value(FOUR, "vs_usual", 5, measure="m") == pytest.approx((0.4 - 0.8) / 1.2)
    assert value([fact(9, m=0), fact(1, m=0)], "vs_usual", 5, measure="m") is None


def test_share_of_facts_and_of_a_sum():
    rows = [fact(3, k="x", m=3), fact(2, k="y", m=1), fact(1, k=None, m=None)]
    where = (("k", "x"),)
    assert value(rows, "share", where=where) == pytest.approx(1 / 3)
    assert value(rows, "share", where=where, measure="m") == pytest.approx(0.75)
    assert value(rows, "share", 2, where=where) == 0
    assert value(rows, "share", 2, where=where, measure="m") == 0
    assert value(rows, "share", 1, where=where, measure="m") is None  # no measure in the window
    assert value([], "share", where=where) is None


def test_distinct_leaves_blanks_aside():
    rows = [fact(4, k="x"), fact(3, k="y"), fact(2, k="x"), fact(1, k=None)]
    assert value(rows, "distinct", category="k") == 2
    assert value(rows, "distinct", 1, category="k") is None
    assert value(rows, "distinct", 1, category="k", missing="zero") == 0


THINGS = [
    lasting(20, 15),  # over after 5 days
    lasting(12),  # open
    lasting(8, 3, -1),  # over, but nobody knows yet
    lasting(6, -4, 1),  # will end in 4 days, as is known
    lasting(5, -2, -1),  # will end in 2 days, as nobody knows
]


@pytest.mark.parametrize(
    ("aggregation", "window", "expected"),
    [
        ("open", None, 4.0),
        ("open", 7, 2.0),
        ("oldest_open", None, 12.0),
        ("oldest_open", 7, 6.0),
        ("mean_duration", None, (5 + 12 + 8 + 6 + 5) / 5),
        ("mean_duration", 7, 5.5),
        ("max_duration", None, 12.0),
        ("days_until_end", None, 4.0),
    ],
)
def test_of_things_that_last(aggregation, window, expected):
    assert value(THINGS, aggregation, window) == pytest.approx(expected)


def test_an_end_counts_once_it_has_passed_and_was_known_a_tick_before():
    row = {**fact(5), "ended_at": AS_OF - TICK, "ended_known_at": AS_OF - TICK}
    assert value([row], "open") == 0
    assert value([row | {"ended_at": AS_OF}], "open") == 1
    assert value([row | {"ended_known_at": AS_OF}], "open") == 1
    assert value([row], "oldest_open") is None


def test_the_nearest_end_may_be_now_and_must_be_known():
    row = {**fact(5), "ended_at": AS_OF, "ended_known_at": AS_OF - TICK}
    assert value([row], "days_until_end") == 0
    assert value([row | {"ended_known_at": AS_OF}], "days_until_end") is None
    assert value([row | {"ended_at": AS_OF - TICK}], "days_until_end") is None


def test_scheduled_facts_lie_ahead_and_are_known():
    rows = [fact(-3, ago(1)), fact(-1, AS_OF), fact(2), fact(-9, ago(5))]
    assert value(rows, "days_until_next") == 3
    assert value([fact(0, ago(1))], "days_until_next") == 0
    assert value([fact(2)], "days_until_next") is None
    assert value(rows, "count") == 1  # what lies ahead has not happened


def test_own_expressions_need_their_plain_function():
    rows = [fact(9, m=1), fact(2, m=5)]
    spec = {"expression": "mine.py:total", "window": 7}
    own = {"mine.py:total": lambda seen, as_of: float(sum(row["m"] for row in seen))}
    assert value(rows, "own", own=own, **spec) == 5
    with pytest.raises(NotImplementedError, match=r"mine\.py:total"):
        value(rows, "own", **spec)


def test_a_place_among_peers():
    peers = [1.0, 2.0, 2.0, 4.0, None]
    assert placed(1.0, peers) == 0.125
    assert placed(2.0, peers) == 0.5
    assert placed(4.0, peers) == 0.875
    assert placed(None, peers) is None
    assert placed(3.0, [3.0]) == 0.5


# --- Corrections, merges, versions --------------------------------------------------------------


def test_a_version_counts_until_its_correction_is_known():
    rows = [fact(9, m=1, corrected_at=ago(3)), fact(9, ago(3), m=2, corrected_at=None)]
    assert value(rows, "sum", measure="m") == 2
    late = [fact(9, m=1, corrected_at=AS_OF), fact(9, AS_OF, m=2, corrected_at=None)]
    assert value(late, "sum", measure="m") == 1


def test_a_row_counts_where_its_account_is_as_far_as_known():
    moved = ago(3)
    rows = [
        fact(9, m=1) | {"account": "b", "owned_from": None, "moved_at": moved},
        fact(9, moved, m=1) | {"owned_from": moved, "moved_at": None},
    ]
    assert value(rows, "count") == 1
    b = World([], [], {"usage": rows})
    spec = FeatureSpec(source="usage", aggregation="count")
    assert feature(spec, b, "b", AS_OF) is None
    assert feature(spec, b, "b", moved) == 1  # not yet known on the day itself
    assert feature(spec, b, "a", moved) is None


def test_outcomes_are_read_of_the_owner_and_in_their_final_version():
    early = fact(-5, AS_OF, owned_from=None, moved_at=AS_OF)  # moved on the day: not yet known
    copy = fact(-5, AS_OF, owned_from=AS_OF, moved_at=None)
    assert oracle.is_owned(early, AS_OF)
    assert not oracle.is_owned(copy, AS_OF)
    assert oracle.is_owned(copy, AS_OF + TICK)
    assert not oracle.is_owned(early, AS_OF + TICK)
    assert not oracle.is_owned(fact(-5, corrected_at=ago(-9)), AS_OF)


def test_an_attribute_ends_when_that_is_known():
    version = {**fact(50), "seats": 5, "ended_at": ago(10), "ended_known_at": ago(-1)}
    assert oracle.version_in_force(World([], [version]), "a", AS_OF) is version
    over = version | {"ended_known_at": ago(5)}
    assert oracle.version_in_force(World([], [over]), "a", AS_OF) is None


def test_the_mean_of_a_window_against_that_of_the_one_before():
    rows = [
        fact(9, m=3),
        fact(8, m=None),
        fact(7, m=5),
        fact(2, m=8),
        fact(1, m=4),
        fact(1, m=None),
    ]
    assert value(rows, "mean_trend", 5, measure="m") == pytest.approx((6 - 4) / (6 + 4))
    assert value(rows, "mean_trend", 3, measure="m") is None  # nothing in the 3 days before
    assert value([fact(9, m=0), fact(1, m=0)], "mean_trend", 5, measure="m") is None


def test_a_merged_account_leaves_the_spine_once_that_is_known():
    begun = [{"account": "a", "began_at": ago(100)}]
    merge = {"account": "a", "into": "b", "known_at": ago(3)}
    assert not oracle.in_spine(World(begun, merges=[merge]), "a", AS_OF)
    assert oracle.in_spine(World(begun, merges=[merge]), "a", ago(3))
    assert oracle.in_spine(World(begun, merges=[merge | {"account": "c"}]), "a", AS_OF)


def test_every_aggregation_of_the_catalogue_has_a_loop():
    alone = {
        "trend",
        "mean_trend",
        "vs_usual",
        "share",
        "own",
        "value",
        "age",
        "days_until_renewal",
    }
    assert {*DURATIONS, *AHEAD, *OF_ROWS, *OF_VALUES} | alone == set(AGGREGATIONS)


def test_an_unknown_aggregation_is_refused():
    with pytest.raises(NotImplementedError, match="median"):
        value(FOUR, "median", measure="m")


def test_an_answer_of_the_year_1_weighs_nothing_and_fails_nothing():
    """Some programs date a blank so; half-lives of 60 days make 0 of 177 years, in floats."""
    old = {"account": "a", "occurred_at": datetime(1, 1, 1), "known_at": datetime(1, 1, 1)}
    old |= {"band": "detractor", "respondent": "ann"}
    as_of = datetime(2024, 3, 1)
    new = old | {"occurred_at": as_of - timedelta(days=90), "respondent": "bob"}
    assert oracle.one_vote_each([old], as_of, "detractor", 60) == 0.0
    assert oracle.one_vote_each([old, new], as_of, "detractor", 90) == pytest.approx(0.5)
