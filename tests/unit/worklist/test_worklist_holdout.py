"""Who is drawn, when, and by what chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.specs import OutcomeWindow
from npsight.worklist.holdout import (
    Standing,
    chance_of,
    draw_arm,
    enrol,
    measured,
    measuring_days,
)

QUEUE = [(f"a{k}", "Ada") for k in range(8)]


def drawn(queue=QUEUE, standing=None, capacity=3, share=0.0, seed="s"):
    found = enrol(queue, standing or {}, capacity=capacity, share=share, seed=seed)
    return {one.account: one.arm for one in found}


def held_by(seed, share, accounts):
    return {a for a in accounts if draw_arm(seed, a, 0, share) == "hold out"}


def test_only_accounts_within_reach_are_drawn():
    assert list(drawn()) == ["a0", "a1", "a2"]


def test_each_owner_has_a_capacity_and_accounts_without_one_share_theirs():
    queue = [("a", "Ada"), ("b", None), ("c", "Bo"), ("d", ""), ("e", "Ada")]
    assert list(drawn(queue, capacity=1)) == ["a", "b", "c"]


def test_the_next_moves_up_for_one_that_is_held_out():
    found = drawn(share=0.5, seed="passed over")
    assert "hold out" in found.values()
    assert list(found.values()).count("call") == 3


def test_an_account_that_stands_back_takes_no_place_and_is_not_drawn():
    found = drawn(standing={"a1": Standing(stands_back=True)})
    assert list(found) == ["a0", "a2", "a3"]


def test_an_account_somebody_works_on_takes_its_place_and_is_not_drawn():
    found = drawn(standing={"a1": Standing(followed=True)})
    assert list(found) == ["a0", "a2"]


def test_an_enrolment_that_runs_is_not_drawn_again():
    running = {"a0": Standing(arm="call", drawn=1), "a1": Standing(arm="hold out", drawn=1)}
    assert list(drawn(standing=running)) == ["a2", "a3"]


def test_after_its_end_the_account_is_drawn_with_the_next_number():
    found = enrol(QUEUE[:1], {"a0": Standing(drawn=2)}, capacity=1, share=0.3, seed="s")
    assert [(one.account, one.number, one.hold_out_prob) for one in found] == [("a0", 2, 0.3)]


def test_at_share_nought_nobody_is_held_out():
    many = [f"a{k}" for k in range(1000)]
    assert held_by("s", 0.0, many) == set()


def test_the_share_is_kept_and_the_numbers_of_an_account_are_independent():
    first = np.array([chance_of("s", f"a{k}", 0) for k in range(20_000)])
    second = np.array([chance_of("s", f"a{k}", 1) for k in range(20_000)])
    assert abs((first < 0.2).mean() - 0.2) < 0.01
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert first.min() >= 0
    assert first.max() < 1


def test_a_larger_share_holds_the_same_accounts_out_and_more():
    many = [f"a{k}" for k in range(500)]
    assert held_by("s", 0.1, many) < held_by("s", 0.3, many)


def test_another_seed_is_another_draw():
    many = [f"a{k}" for k in range(500)]
    assert held_by("s", 0.3, many) != held_by("t", 0.3, many)


def test_texts_cannot_be_taken_for_one_another():
    assert chance_of("s", "a1", 0) != chance_of("sa", "1", 0)


@given(
    owners=st.lists(st.sampled_from(["Ada", "Bo", None]), max_size=40),
    capacity=st.integers(1, 5),
    share=st.floats(0, 0.5),
    seed=st.text(max_size=5),
    days=st.integers(1, 3),
)
def test_a_run_and_its_repetition_draw_each_account_once(owners, capacity, share, seed, days):
    queue = [(f"a{k}", owner) for k, owner in enumerate(owners)]
    standing: dict[str, Standing] = {}
    for _ in range(days):
        new = enrol(queue, standing, capacity=capacity, share=share, seed=seed)
        assert {one.account for one in new}.isdisjoint(standing)
        standing |= {one.account: Standing(arm=one.arm, drawn=1) for one in new}
    # The first run enrolled all there was to enrol.
    assert enrol(queue, standing, capacity=capacity, share=share, seed=seed) == []
    for owner in ("Ada", "Bo", None):
        arms = [standing[a].arm for a, o in queue if o == owner and a in standing]
        listed = sum(o == owner for _, o in queue)
        assert arms.count("call") == min(capacity, listed - arms.count("hold out"))


@pytest.mark.parametrize(
    ("period", "gap", "horizon", "days", "end"),
    [(90, 14, 90, 90, 90), (180, 14, 90, 180, 104), (90, 0, 90, 90, 90), (30, 30, 60, 90, 90)],
    ids=["cut", "whole", "no gap", "period ends before the window begins"],
)
def test_answers_count_within_the_enrolment(period, gap, horizon, days, end):
    window = OutcomeWindow(gap, horizon)
    assert measuring_days(period, [window]) == days
    cut = measured(days, window)
    assert (cut.gap_days, cut.gap_days + cut.horizon_days) == (gap, end)
