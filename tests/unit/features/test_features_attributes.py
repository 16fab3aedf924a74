"""Attributes as of the day, through validity."""

from __future__ import annotations

from datetime import timedelta

import pytest
from handmade import (
    AS_OF,
    DAY,
    LONG_AGO,
    TICK,
    World,
    fact,
    facts_of,
    features_of,
    rows_of,
    spine_of,
    world_of,
)

from npsight.config.specs import FeatureSpec
from npsight.features.attributes import versions_as_of

PLAN = FeatureSpec(source="accounts", aggregation="value", measure="plan", dtype="category")
SEATS = FeatureSpec(source="accounts", aggregation="value", measure="seats")
AGE = FeatureSpec(source="accounts", aggregation="age")
RENEWAL = FeatureSpec(source="accounts", aggregation="days_until_renewal")


def plan(engine, *versions) -> str | None:
    return features_of(engine, world_of(versions=list(versions)), [PLAN])[PLAN.name]


def version(at, known=None, *, until=None, **values):
    return fact(at, known, **values) | {"ended_at": until, "ended_known_at": until}


OLD = version(LONG_AGO, plan="free")


@pytest.mark.parametrize(
    ("at", "known", "expected"),
    [
        (AS_OF - TICK, AS_OF - TICK, "gold"),
        (AS_OF, AS_OF - TICK, "free"),
        (AS_OF - TICK, AS_OF, "free"),
        (AS_OF + DAY, AS_OF - DAY, "free"),
    ],
    ids=["1us-before", "valid-from-as-of", "known-at-as-of", "scheduled"],
)
def test_a_change_counts_once_it_is_valid_and_known(engine, at, known, expected):
    assert plan(engine, OLD, version(at, known, plan="gold")) == expected


def test_of_two_versions_from_the_same_instant_the_one_known_last_counts(engine):
    at = AS_OF - 9 * DAY
    first, mended = version(at, plan="free"), version(at, at + DAY, plan="gold")
    not_yet = version(at, AS_OF, plan="trial")
    for order in ([first, mended, not_yet], [not_yet, mended, first]):
        assert plan(engine, *order) == "gold"


@pytest.mark.parametrize(
    ("until", "expected"),
    [(AS_OF - TICK, None), (AS_OF, "free"), (AS_OF + DAY, "free"), (None, "free")],
    ids=["ended-1us-before", "ends-at-as-of", "ends-later", "no-end"],
)
def test_nothing_is_in_force_once_the_newest_version_has_ended(engine, until, expected):
    assert plan(engine, version(LONG_AGO, until=until, plan="free")) == expected


def test_in_a_gap_between_two_versions_nothing_is_in_force(engine):
    before = version(LONG_AGO, until=AS_OF - DAY, plan="free")
    after = version(AS_OF + DAY, AS_OF - 2 * DAY, plan="gold")
    assert plan(engine, before, after) is None


def test_an_older_version_does_not_come_back_when_a_newer_ends(engine):
    newer = version(AS_OF - 9 * DAY, until=AS_OF - DAY, plan="gold")
    assert plan(engine, OLD, newer) is None


def test_another_account_has_its_own_versions(engine):
    theirs = version(AS_OF - DAY, plan="gold", account="b")
    world = world_of(("a", "b"), versions=[OLD, theirs])
    assert features_of(engine, world, [PLAN], account="a")[PLAN.name] == "free"
    assert features_of(engine, world, [PLAN], account="b")[PLAN.name] == "gold"


def test_an_account_without_a_version_has_no_attributes(engine):
    world = world_of(("a", "b"), versions=[version(LONG_AGO, account="b", seats=3)])
    found = features_of(engine, world, [PLAN, SEATS, RENEWAL])
    assert found == {PLAN.name: None, SEATS.name: None, RENEWAL.name: None}


@pytest.mark.parametrize(("missing", "expected"), [("zero", 0.0), ("unknown", None)])
def test_what_a_missing_number_means_is_declared(engine, missing, expected):
    specs = [
        FeatureSpec(source="accounts", aggregation="value", measure="seats", missing=missing),
        FeatureSpec(source="accounts", aggregation="days_until_renewal", missing=missing),
    ]
    found = features_of(engine, world_of(versions=[OLD]), specs)
    assert found == dict.fromkeys(found, expected)


def test_a_number_is_a_float(engine):
    world = world_of(versions=[version(LONG_AGO, seats=12.5)])
    assert features_of(engine, world, [SEATS])[SEATS.name] == 12.5


@pytest.mark.parametrize(
    "ahead", [3 * DAY, timedelta(0), -3 * DAY, timedelta(hours=6), TICK], ids=str
)
def test_days_until_renewal_are_counted_from_as_of(engine, ahead):
    world = world_of(versions=[version(LONG_AGO, renewal_at_=AS_OF + ahead)])
    assert features_of(engine, world, [RENEWAL])[RENEWAL.name] == ahead / DAY


def test_a_renewal_moved_later_is_read_once_that_is_known(engine):
    first = version(LONG_AGO, renewal_at_=AS_OF + 10 * DAY)
    moved = version(AS_OF - 5 * DAY, AS_OF, renewal_at_=AS_OF + 99 * DAY)
    world = world_of(versions=[first, moved])
    assert features_of(engine, world, [RENEWAL])[RENEWAL.name] == 10.0
    assert features_of(engine, world, [RENEWAL], AS_OF + DAY)[RENEWAL.name] == 98.0


def test_age_is_counted_from_the_beginning_over_a_leap_day(engine):
    world = World([{"account": "a", "began_at": AS_OF - 366 * DAY - TICK}], versions=[])
    assert features_of(engine, world, [AGE])[AGE.name] == (366 * DAY + TICK) / DAY


def test_age_needs_no_versions(engine):
    assert features_of(engine, world_of(), [AGE])[AGE.name] == (AS_OF - LONG_AGO) / DAY


def test_each_account_has_its_own_age(engine):
    begun = [{"account": "a", "began_at": AS_OF - DAY}, {"account": "b", "began_at": LONG_AGO}]
    assert features_of(engine, World(begun), [AGE])[AGE.name] == 1.0


def test_versions_as_of_keeps_every_column_but_the_times(engine):
    world = world_of(("a", "b"), versions=[version(LONG_AGO, plan="free", seats=2, owner_="ann")])
    spine = spine_of(engine, [("a", AS_OF), ("b", AS_OF), ("a", LONG_AGO)])
    found = rows_of(engine, versions_as_of(facts_of(engine, world), spine))
    nothing = {"plan": None, "seats": None, "owner_": None, "renewal_at_": None}
    assert found == {
        ("a", AS_OF): nothing | {"plan": "free", "seats": 2, "owner_": "ann"},
        ("b", AS_OF): nothing,
        ("a", LONG_AGO): nothing,
    }
