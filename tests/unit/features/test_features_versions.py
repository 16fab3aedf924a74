"""Corrected facts and merged accounts, at every boundary, by panes and by rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from handmade import (
    AS_OF,
    DAY,
    TICK,
    World,
    fact,
    facts_of,
    features_of,
    rows_of,
    spine_of,
    world_of,
)

from npsight.config.schema import ChurnTarget
from npsight.config.specs import FeatureSpec, OutcomeWindow
from npsight.targets.outcomes import answers_expr, churn_expr, complete
from npsight.temporal.spine import spine_expr

SUM = FeatureSpec(source="usage", aggregation="sum", measure="logins", window_days=30)
EVER = FeatureSpec(source="usage", aggregation="sum", measure="logins")
WINDOW = OutcomeWindow(14, 90)
AT = AS_OF - 10 * DAY


def versioned(world: World, **rest) -> World:
    return replace(world, versioned=True, **rest)


def value(engine, world: World, spec: FeatureSpec = SUM, account: str = "a"):
    return features_of(engine, world, [spec, EVER], account=account)[spec.name]


@pytest.mark.parametrize(
    ("corrected", "expected"),
    [(AS_OF - TICK, 5.0), (AS_OF, 7.0), (AS_OF + TICK, 7.0), (AS_OF - 5 * DAY, 5.0)],
    ids=["1us-before", "at-as-of", "after", "long-before"],
)
def test_a_correction_replaces_from_when_it_was_known(engine, corrected, expected):
    rows = [fact(AT, logins=7, corrected_at=corrected), fact(AT, corrected, logins=5)]
    assert value(engine, versioned(world_of(usage=rows))) == expected


def test_a_correction_may_move_a_fact_out_of_the_window_or_past_as_of(engine):
    for moved_to in (AS_OF - 31 * DAY, AS_OF):
        known = max(moved_to, AS_OF - 2 * DAY) if moved_to < AS_OF else AS_OF - DAY
        rows = [
            fact(AT, logins=7, corrected_at=known),
            fact(moved_to, known, logins=7),
            fact(AT, logins=1),
        ]
        assert value(engine, versioned(world_of(usage=rows))) == 1.0


def test_a_withdrawn_fact_is_gone_without_a_successor(engine):
    rows = [fact(AT, logins=7, corrected_at=AS_OF - DAY), fact(AT, logins=1)]
    assert value(engine, versioned(world_of(usage=rows))) == 1.0


def test_three_versions_each_hold_in_their_time(engine):
    first, second = AS_OF - 8 * DAY, AS_OF - 4 * DAY
    rows = [
        fact(AT, logins=1, corrected_at=first),
        fact(AT, first, logins=2, corrected_at=second),
        fact(AT, second, logins=4),
    ]
    world = versioned(world_of(usage=rows))
    days = {AT: None, AT + TICK: 1.0, first: 1.0, first + TICK: 2.0, second: 2.0, AS_OF: 4.0}
    for day, expected in days.items():
        assert features_of(engine, world, [SUM], as_of=day)[SUM.name] == expected


def merged(known, at=AT) -> World:
    """b was merged into a, known at `known`; b's fact lies at `at`."""
    rows = [
        fact(AT, logins=1, account="a"),
        fact(at, logins=6, account="b", moved_at=known),
        fact(at, max(at, known), logins=6, account="a", owned_from=known),
    ]
    merges = [{"account": "b", "into": "a", "known_at": known}]
    return versioned(world_of(("a", "b"), usage=rows), merges=merges)


@pytest.mark.parametrize(
    ("known", "of_a", "of_b", "alive"),
    [
        (AS_OF - TICK, 7.0, None, {"a"}),
        (AS_OF, 1.0, 6.0, {"a", "b"}),
        (AS_OF + DAY, 1.0, 6.0, {"a", "b"}),
    ],
    ids=["1us-before", "at-as-of", "after"],
)
def test_history_follows_a_merge_from_when_it_was_known(engine, known, of_a, of_b, alive):
    world = merged(known)
    assert value(engine, world, account="a") == of_a
    assert value(engine, world, account="b") == of_b
    spine = rows_of(engine, spine_expr(facts_of(engine, world), [AS_OF]))
    assert {account for account, _ in spine} == alive


def answered(known, at) -> World:
    rows = [
        fact(at, account="b", score=3, raw_score=3, band="detractor", moved_at=known),
        fact(
            at,
            max(at, known),
            account="a",
            score=3,
            raw_score=3,
            band="detractor",
            owned_from=known,
        ),
    ]
    merges = [{"account": "b", "into": "a", "known_at": known}]
    return versioned(world_of(("a", "b"), responses=rows), merges=merges)


@pytest.mark.parametrize(
    ("known", "owner"),
    [(AS_OF - TICK, {"a"}), (AS_OF, {"b"}), (AS_OF + 200 * DAY, {"b"})],
    ids=["known-before", "known-at-as-of", "known-long-after"],
)
def test_an_answer_is_an_outcome_of_whoever_it_belonged_to_on_the_day(engine, known, owner):
    facts = facts_of(engine, answered(known, AS_OF + 20 * DAY))
    spine = spine_of(engine, [("a", AS_OF), ("b", AS_OF)])
    found = rows_of(engine, answers_expr(facts, spine, WINDOW))
    assert {account for account, _ in found} == owner


@pytest.mark.parametrize(
    ("known", "kept"),
    [(AS_OF + 104 * DAY - TICK, {"a"}), (AS_OF + 104 * DAY, {"a", "b"})],
    ids=["1us-before-the-end", "at-the-end"],
)
def test_an_account_merged_within_its_window_is_censored(engine, known, kept):
    facts = facts_of(engine, answered(known, AS_OF))
    spine = spine_of(engine, [("a", AS_OF), ("b", AS_OF)])
    found = rows_of(engine, complete(facts, spine, WINDOW))
    assert {account for account, _ in found} == kept


def test_the_final_version_of_an_answer_is_the_outcome(engine):
    at, known = AS_OF + 20 * DAY, AS_OF + 300 * DAY
    rows = [
        fact(at, score=3, raw_score=3, band="detractor", corrected_at=known),
        fact(at, known, score=9, raw_score=9, band="promoter"),
    ]
    facts = facts_of(engine, versioned(world_of(responses=rows)))
    found = rows_of(engine, answers_expr(facts, spine_of(engine, [("a", AS_OF)]), WINDOW))
    assert found["a", AS_OF] == {
        "answers": 1,
        "detractors": 0,
        "promoters": 1,
        "label_known_at": known,
    }


def test_a_contract_that_moved_with_its_account_still_runs(engine):
    known = AS_OF - DAY
    rows = [
        fact(AS_OF - 99 * DAY, account="b", moved_at=known),
        fact(AS_OF - 99 * DAY, known, account="a", owned_from=known),
        fact(AS_OF - 99 * DAY, account="a", until=AS_OF - 50 * DAY),
    ]
    merges = [{"account": "b", "into": "a", "known_at": known}]
    world = versioned(world_of(("a", "b"), subscriptions=rows), merges=merges)
    facts = facts_of(engine, world)
    assert set(rows_of(engine, spine_expr(facts, [AS_OF]))) == {("a", AS_OF)}
    target = ChurnTarget(event="subscription_end")
    found = rows_of(engine, churn_expr(facts, spine_of(engine, [("a", AS_OF)]), target, WINDOW))
    assert found["a", AS_OF]["churned"] == 0
