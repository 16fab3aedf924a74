"""Answers by period: every boundary, and what was not yet known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from handmade import AS_OF, DAY, TICK, answer, builder_of, fact, facts_of, rows_of, world_of

from npsight.features.attributes import versions_as_of
from npsight.features.periods import answers_by_period_expr, period_ends

PERIOD = 90
LAST, BEFORE = AS_OF, AS_OF - PERIOD * DAY


def found(engine, *answers):
    facts = facts_of(engine, world_of(("a", "b"), responses=list(answers)))
    table = answers_by_period_expr(facts, [BEFORE, LAST], AS_OF, PERIOD)
    rows = rows_of(engine, table)
    return {key: tuple(row.values()) for key, row in rows.items()}


@pytest.mark.parametrize(
    ("at", "known", "end"),
    [
        (AS_OF - TICK, AS_OF - TICK, LAST),
        (AS_OF, AS_OF - TICK, None),
        (AS_OF - TICK, AS_OF, None),
        (AS_OF - DAY, AS_OF - TICK, LAST),
        (AS_OF - DAY, AS_OF + DAY, None),
        (AS_OF - PERIOD * DAY, None, LAST),
        (AS_OF - PERIOD * DAY - TICK, None, BEFORE),
        (AS_OF - 2 * PERIOD * DAY, None, BEFORE),
        (AS_OF - 2 * PERIOD * DAY - TICK, None, None),
        (AS_OF - PERIOD * DAY - TICK, AS_OF - TICK, BEFORE),
        (AS_OF - PERIOD * DAY - TICK, AS_OF, None),
    ],
    ids=["1us-before", "at-as-of", "known-at-as-of", "known-1us-before", "known-later",
         "at-period-start", "1us-before-start", "at-second-start", "1us-before-second",
         "late-but-known", "too-late"],
)  # fmt: skip
def test_an_answer_counts_in_one_period_once_it_is_known(engine, at, known, end):
    expected = {} if end is None else {("a", end): (1, 1, 0)}
    assert found(engine, answer(at, 3, known)) == expected


def test_bands_are_counted_by_account(engine):
    rows = [answer(AS_OF - DAY, score) for score in (0, 6, 7, 8, 9)]
    rows.append(answer(AS_OF - 2 * DAY, 10, account="b"))
    assert found(engine, *rows) == {("a", LAST): (5, 2, 1), ("b", LAST): (1, 0, 1)}


@pytest.mark.parametrize(
    ("since", "count"),
    [(89 * DAY, 0), (90 * DAY - TICK, 0), (90 * DAY, 1), (180 * DAY - TICK, 1), (180 * DAY, 2),
     (timedelta(0), 0), (-DAY, 0)],
)  # fmt: skip
def test_only_whole_periods_are_listed(since, count):
    ends = period_ends(AS_OF - since, AS_OF, PERIOD)
    assert len(ends) == count
    assert ends == sorted(ends)
    assert ends[-1:] == ([AS_OF] if count else [])


def test_a_builder_gives_ends_and_counts(engine):
    world = world_of(responses=[answer(AS_OF - DAY, 9)])
    ends, rows = builder_of(engine, world).reported(AS_OF, PERIOD)
    assert ends[-2:] == [BEFORE, LAST]
    assert rows.to_dict("records") == [
        {"account": "a", "as_of": AS_OF, "answers": 1, "detractors": 0, "promoters": 1}
    ]


@pytest.mark.parametrize(("ended_too", "plan"), [(False, None), (True, "pro")])
def test_an_account_that_has_left_keeps_its_last_attributes_when_asked(engine, ended_too, plan):
    versions = [
        fact(AS_OF - 90 * DAY, until=AS_OF - 60 * DAY, plan="basic"),
        fact(AS_OF - 60 * DAY, until=AS_OF - 30 * DAY, plan="pro"),
    ]
    world = world_of(versions=versions)
    facts = facts_of(engine, world)
    from handmade import spine_of

    spine = spine_of(engine, [("a", AS_OF)])
    row = rows_of(engine, versions_as_of(facts, spine, ended_too))["a", AS_OF]
    assert row["plan"] == plan


def test_attributes_keep_the_order_of_the_rows_asked_for(engine):
    import pandas as pd

    versions = [
        fact(AS_OF - 9 * DAY, account=name, plan=f"plan {name}", seats=seats)
        for name, seats in (("a", 3), ("b", 5))
    ]
    keys = pd.DataFrame({"account": ["b", "c", "a"], "as_of": [AS_OF] * 3})
    world = world_of(("a", "b", "c"), versions=versions)
    rows = builder_of(engine, world).attributes(keys, ["plan", "seats"])
    assert list(rows["account"]) == ["b", "c", "a"]
    assert [v if isinstance(v, str) else None for v in rows["plan"]] == ["plan b", None, "plan a"]
    assert [float(v) for v in rows["seats"].dropna()] == [5.0, 3.0]
