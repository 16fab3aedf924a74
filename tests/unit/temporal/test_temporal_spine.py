"""Who stands in the spine, and the grid of days."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from handmade import AS_OF, DAY, LONG_AGO, TICK, World, fact, facts_of, rows_of, world_of
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.temporal.spine import (
    as_of_grid,
    midnight_after,
    midnight_before,
    midnight_from,
    spine_expr,
)

STEADY = settings(derandomize=True, max_examples=200)
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1))


def members(engine, world: World, *as_ofs: datetime) -> set[tuple[str, datetime]]:
    return set(rows_of(engine, spine_expr(facts_of(engine, world), as_ofs or (AS_OF,))))


@pytest.mark.parametrize(
    ("began_at", "exists"),
    [(AS_OF - TICK, True), (AS_OF, False), (AS_OF + TICK, False)],
    ids=["1us-before", "at-as-of", "after"],
)
def test_an_account_stands_in_the_spine_once_it_has_begun(engine, began_at, exists):
    world = World([{"account": "a", "began_at": began_at}])
    assert bool(members(engine, world)) is exists


@pytest.mark.parametrize(
    ("at", "known", "stays"),
    [
        (AS_OF - 30 * DAY, None, True),
        (AS_OF - 30 * DAY - TICK, None, False),
        (AS_OF - TICK, None, True),
        (AS_OF - TICK, AS_OF, False),
        (AS_OF, None, False),
        (None, None, False),
    ],
    ids=["oldest", "too-old", "newest", "not-yet-known", "not-yet", "never"],
)
def test_an_account_that_is_silent_for_too_long_has_left(engine, at, known, stays):
    own = [] if at is None else [fact(at, known=known or at)] * 2
    facts = facts_of(engine, world_of(("a", "b"), usage=[*own, fact(AS_OF - DAY, account="b")]))
    facts = replace(facts, left_after=("usage", 30))
    found = rows_of(engine, spine_expr(facts, [AS_OF]))
    assert set(found) == {("b", AS_OF)} | ({("a", AS_OF)} if stays else set())


def test_every_account_stands_there_once_a_day(engine):
    days = (AS_OF, AS_OF + DAY)
    world = world_of(("a", "b"), usage=[fact(AS_OF - DAY), fact(AS_OF - DAY)])
    assert members(engine, world, *days) == {(name, day) for name in "ab" for day in days}


@pytest.mark.parametrize(
    ("until", "until_known", "stays"),
    [
        (None, None, True),
        (AS_OF - TICK, AS_OF - TICK, False),
        (AS_OF, AS_OF - TICK, True),
        (AS_OF - TICK, AS_OF, True),
        (AS_OF + DAY, AS_OF - DAY, True),
    ],
    ids=["no-end", "ended", "ends-at-as-of", "end-known-at-as-of", "booked-ahead"],
)
def test_an_account_leaves_when_its_last_contract_is_known_to_be_over(
    engine, until, until_known, stays
):
    contract = fact(LONG_AGO, until=until, until_known=until_known)
    other = fact(LONG_AGO, account="b")
    found = members(engine, world_of(("a", "b"), subscriptions=[contract, other]))
    assert found == ({("a", AS_OF)} if stays else set()) | {("b", AS_OF)}


def test_one_running_contract_is_enough_to_stay(engine):
    over, running = fact(LONG_AGO, until=AS_OF - DAY), fact(LONG_AGO)
    assert members(engine, world_of(subscriptions=[over, over, running]))


@pytest.mark.parametrize(
    ("at", "known", "counts"),
    [
        (AS_OF - TICK, AS_OF - TICK, True),
        (AS_OF, AS_OF - TICK, False),
        (AS_OF - TICK, AS_OF, False),
    ],
    ids=["begun", "begins-at-as-of", "known-at-as-of"],
)
def test_a_contract_not_yet_seen_keeps_nobody(engine, at, known, counts):
    over, following = fact(LONG_AGO, until=AS_OF - DAY), fact(at, known)
    assert bool(members(engine, world_of(subscriptions=[over, following]))) is counts


def test_an_account_that_never_had_a_contract_stays(engine):
    theirs = fact(LONG_AGO, account="b", until=AS_OF - DAY)
    assert members(engine, world_of(("a", "b"), subscriptions=[theirs])) == {("a", AS_OF)}


@pytest.mark.parametrize(
    ("at", "known", "stays"),
    [
        (AS_OF - TICK, AS_OF - TICK, False),
        (AS_OF, AS_OF - TICK, True),
        (AS_OF - TICK, AS_OF, True),
    ],
    ids=["left", "leaves-at-as-of", "known-at-as-of"],
)
def test_an_account_leaves_with_a_churn_event_seen(engine, at, known, stays):
    found = members(engine, world_of(("a", "b"), churn=[fact(at, known), fact(at, known)]))
    assert found == ({("a", AS_OF)} if stays else set()) | {("b", AS_OF)}


def test_an_account_that_leaves_stands_there_until_then(engine):
    days = (AS_OF, AS_OF + DAY)
    contracts = [fact(LONG_AGO, until=AS_OF)]
    assert members(engine, world_of(subscriptions=contracts), *days) == {("a", AS_OF)}
    assert members(engine, world_of(churn=[fact(AS_OF)]), *days) == {("a", AS_OF)}


def test_the_grid_starts_with_its_first_day():
    days = [AS_OF - 70 * DAY, AS_OF - 40 * DAY, AS_OF - 10 * DAY]
    assert as_of_grid(AS_OF - 70 * DAY, AS_OF, 30) == days


def test_the_grid_holds_a_last_day_that_a_step_hits():
    assert as_of_grid(AS_OF - 60 * DAY, AS_OF, 30)[-1] == AS_OF
    assert as_of_grid(AS_OF - 60 * DAY, AS_OF - TICK, 30)[-1] == AS_OF - 30 * DAY


def test_the_grid_of_one_day_is_that_day():
    assert as_of_grid(AS_OF, AS_OF, 30) == [AS_OF]


def test_a_grid_that_ends_before_it_starts_is_empty():
    assert as_of_grid(AS_OF + TICK, AS_OF, 30) == []


@STEADY
@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=900)), st.integers(1, 200))
def test_a_grid_reaches_as_far_as_it_may(first, length, step):
    grid = as_of_grid(first, first + length, step)
    assert grid[0] == first
    assert first + length - step * DAY < grid[-1] <= first + length
    assert all(b - a == step * DAY for a, b in pairwise(grid))


def test_more_data_leave_the_grid_as_it_was():
    grid = as_of_grid(AS_OF, AS_OF + 300 * DAY, 30)
    assert as_of_grid(AS_OF, AS_OF + 301 * DAY, 30) == grid
    assert as_of_grid(AS_OF, AS_OF + 330 * DAY, 30)[:-1] == grid


@STEADY
@given(INSTANTS)
def test_midnights_enclose_an_instant(instant):
    before, after = midnight_before(instant), midnight_after(instant)
    assert before <= instant < after
    assert after - before == DAY
    assert (before.hour, before.minute, before.second, before.microsecond) == (0, 0, 0, 0)
    assert midnight_from(instant) == (before if before == instant else after)


def test_midnight_itself_lies_before_the_next():
    assert midnight_before(AS_OF) == AS_OF
    assert midnight_before(AS_OF - TICK) == AS_OF - DAY
    assert midnight_after(AS_OF) == AS_OF + DAY
