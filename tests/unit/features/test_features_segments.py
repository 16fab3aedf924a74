"""A number's place among the accounts of its segment."""

from __future__ import annotations

import pytest
from handmade import AS_OF, DAY, LONG_AGO, TICK, fact, features_of, world_of

from npsight.config.specs import FeatureSpec

SEATS = FeatureSpec(source="accounts", aggregation="value", measure="seats", against="segment")
LOGINS = FeatureSpec(source="usage", aggregation="sum", measure="logins", against="segment")


def account(name, plan, seats=None, at=LONG_AGO, known=None):
    return fact(at, known, account=name, plan=plan, seats=seats)


def place(engine, world, spec=SEATS, name="a", as_of=AS_OF):
    return features_of(engine, world, [spec], as_of, name)[spec.name]


FIVE = [
    account("a", "pro", 40),
    account("b", "pro", 15),
    account("c", "pro", 40),
    account("d", "pro", 80),
    account("e", "basic", 1),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a", (1 + 2 / 2) / 4, id="two-alike-count-half"),
        pytest.param("b", (1 / 2) / 4, id="the-lowest"),
        pytest.param("d", (3 + 1 / 2) / 4, id="the-highest"),
        pytest.param("e", 0.5, id="alone-in-its-segment"),
    ],
)
def test_the_place_is_the_share_below_and_half_of_those_alike(engine, name, expected):
    assert place(engine, world_of("abcde", FIVE), name=name) == expected


def test_who_has_no_value_has_no_place_and_is_left_out(engine):
    versions = [account("a", "pro", 40), account("b", "pro"), account("c", "pro", 10)]
    world = world_of("abc", versions)
    assert place(engine, world, name="a") == 0.75
    assert place(engine, world, name="b") is None


def test_no_fact_that_means_zero_is_a_value_like_any_other(engine):
    versions = [account(name, "pro") for name in "abcd"]
    usage = [fact(AS_OF - DAY, account="a", logins=5)]
    zero = FeatureSpec(**(vars(LOGINS) | {"missing": "zero"}))
    world = world_of("abcd", versions, usage=usage)
    assert place(engine, world, zero) == 3.5 / 4
    assert place(engine, world, zero, "b") == 1.5 / 4
    assert place(engine, world, LOGINS) == 0.5


def test_the_segment_is_the_one_of_the_day(engine):
    moved = [
        *FIVE[:4],
        account("e", "basic", 1),
        account("a", "basic", 40, AS_OF - DAY),
        account("b", "basic", 15, AS_OF - DAY, known=AS_OF),
        account("c", "basic", 40, AS_OF),
    ]
    world = world_of("abcde", moved)
    assert place(engine, world) == 0.75
    assert place(engine, world, name="b") == 0.5 / 3
    assert place(engine, world, as_of=AS_OF + TICK) == (2 + 2 / 2) / 4


def test_accounts_without_a_segment_are_compared_with_each_other(engine):
    versions = [account("a", None, 40), account("b", None, 10), account("c", "pro", 1)]
    assert place(engine, world_of("abc", versions)) == 0.75


def test_accounts_that_do_not_exist_on_the_day_are_not_compared_with(engine):
    world = world_of("abcde", FIVE)
    for row in world.accounts:
        if row["account"] == "d":
            row["began_at"] = AS_OF
    assert place(engine, world) == (1 + 2 / 2) / 3
    gone = world_of("abcde", FIVE, churn=[fact(AS_OF - DAY, account="b")])
    assert place(engine, gone) == (2 / 2) / 3


def test_one_who_is_asked_for_though_gone_is_placed_among_those_that_are_there(engine):
    gone = world_of("abcde", FIVE, churn=[fact(AS_OF - DAY, account="d")])
    assert place(engine, gone, name="d") == 1.0
    gone = world_of("abcde", FIVE, churn=[fact(AS_OF - DAY, account="b")])
    assert place(engine, gone, name="b") == 0.0
