"""NPS as reported: intervals that cover, accounts as draws, and when a difference says something."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from npsight.models.reported import (
    Difference,
    Reported,
    answers_needed,
    beyond_chance,
    design_effect,
    difference,
    reported,
    smallest_telling_difference,
)

counts = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30
)


def of(rows) -> Reported:
    """From (detractors, passives, promoters) by account."""
    table = np.array(rows, dtype=float)
    return reported(table.sum(axis=1), table[:, 0], table[:, 2])


def test_the_margins_of_the_literature():
    """p = .45, d = .20 at 95 %: n = 100 gives ±15, 1,000 gives ±4.8 (facts about the field)."""
    for n, margin in ((100, 15.0), (400, 7.5), (1000, 4.8)):
        low, high = Reported(n, n, round(0.2 * n), round(0.45 * n)).interval(95)
        assert (high - low) / 2 == pytest.approx(margin, rel=0.03)


def test_by_hand():
    """4 promoters, 1 detractor of 10: p' = 4.75/13, d' = 1.75/13."""
    found = Reported(10, 10, 1, 4)
    p, d = 4.75 / 13, 1.75 / 13
    assert found.nps == 30.0
    assert found.level == pytest.approx(100 * (p - d))
    assert found.variance == pytest.approx(1e4 * (p + d - (p - d) ** 2) / 13)
    low, high = found.interval(80)
    assert high - low == pytest.approx(2 * norm.ppf(0.9) * sqrt(found.variance))


def test_without_an_answer_anything_is_possible():
    found = of([(0, 0, 0)])
    assert (found.accounts, found.answers, found.nps) == (0, 0, None)
    assert found.interval(95) == (-100.0, 100.0)


def test_answers_that_are_all_alike_leave_doubt():
    low, high = Reported(5, 5, 0, 5).interval(95)
    assert low < 90
    assert high <= 100


def test_one_answer_each_has_no_design_effect():
    assert of([(1, 0, 0), (0, 1, 0), (0, 0, 1)]).design == 1.0


def test_accounts_whose_answers_are_the_same_count_once():
    """Twice the answers of the same people say nothing new."""
    once = [(1, 0, 0)] * 10 + [(0, 1, 0)] * 7 + [(0, 0, 1)] * 13
    twice = [tuple(2 * n for n in row) for row in once]
    assert of(twice).design == pytest.approx(2.0)
    assert of(twice).interval(95) == pytest.approx(of(once).interval(95))


def test_where_nothing_differs_the_most_is_assumed():
    assert of([(0, 0, 3), (0, 0, 3)]).design == 3.0
    assert of([(1, 1, 2)]).design == 4.0


@given(counts)
def test_the_design_effect_stays_in_its_bounds(rows):
    found, table = of(rows), np.array(rows, dtype=float).sum(axis=1)
    if found.answers:
        assert 1.0 <= found.design <= max(float(table @ table / table.sum()), 1.0) + 1e-9
        low, high = found.interval(95)
        assert -100.0 <= low <= high <= 100.0
        inner = found.interval(80)
        assert low <= inner[0] <= inner[1] <= high


@given(counts)
def test_turning_the_scale_round_turns_the_result_round(rows):
    found, turned = of(rows), of([(p, n, d) for d, n, p in rows])
    assert turned.level == pytest.approx(-found.level)
    assert turned.variance == pytest.approx(found.variance)


@pytest.mark.parametrize(("level", "share"), [(80, 0.80), (95, 0.95)])
def test_the_interval_covers_when_accounts_are_alike_inside(level, share):
    """Oracle: 60 accounts with 1–6 answers that share a level; the true NPS is known."""
    rng = np.random.default_rng(5)
    covered, naive, draws = 0, 0, 1500
    truth = 100 * (0.45 - 0.25)
    for _ in range(draws):
        n = rng.integers(1, 7, 60)
        shares = rng.dirichlet(2 * np.array([0.25, 0.30, 0.45]), 60)
        drawn = np.array([rng.multinomial(k, s) for k, s in zip(n, shares, strict=True)])
        found = of(drawn)
        low, high = found.interval(level)
        covered += low <= truth <= high
        alone = Reported(found.accounts, found.answers, found.detractors, found.promoters)
        low, high = alone.interval(level)
        naive += low <= truth <= high
    assert covered / draws == pytest.approx(share, abs=0.03)
    assert naive / draws < share - 0.05, "without clustering it would not cover"


# --- Differences --------------------------------------------------------------------------------


def test_a_difference_by_hand():
    found = difference(Reported(50, 50, 10, 30), Reported(40, 40, 20, 10))
    one, other = Reported(50, 50, 10, 30), Reported(40, 40, 20, 10)
    assert found.points == pytest.approx(one.level - other.level)
    assert found.error == pytest.approx(sqrt(one.variance + other.variance))
    assert found.chance == pytest.approx(2 * norm.sf(found.points / found.error))
    assert difference(one, Reported(0, 0, 0, 0)) is None


def test_chance_without_any_error():
    assert Difference(0.0, 0.0).chance == 1.0
    assert Difference(3.0, 0.0).chance == 0.0


def test_the_smallest_telling_difference_is_found_four_times_in_five():
    """Oracle: simulate surveys whose true difference is just that, and count what is found."""
    rng = np.random.default_rng(2)
    n, rest = 120, 500
    base = np.array([0.25, 0.35, 0.40])
    planned = smallest_telling_difference(
        Reported(n, n, n // 4, int(0.40 * n)), Reported(rest, rest, rest // 4, int(0.40 * rest))
    )
    shift = planned / 200
    better = base + np.array([-shift, 0.0, shift])
    found = 0
    for _ in range(2000):
        a, b = rng.multinomial(n, better), rng.multinomial(rest, base)
        apart = difference(Reported(n, n, a[0], a[2]), Reported(rest, rest, b[0], b[2]))
        found += apart.chance < 0.05
    assert found / 2000 == pytest.approx(0.80, abs=0.05)


@pytest.mark.parametrize("design", [1.0, 1.8])
def test_the_answers_needed_make_the_difference_tell(design):
    """Oracle: both sets grown by the same factor, shares and design effects as they are."""
    one, rest = Reported(30, 54, 14, 22, design), Reported(400, 900, 200, 400, 1.3)
    needed = answers_needed(one, rest, 10.0)

    def telling(answers):
        factor = (answers / design + 3) / (one.effective + 3)
        variance = one.answer_variance / (answers / design + 3)
        variance += rest.answer_variance / ((rest.effective + 3) * factor)
        return (norm.ppf(0.975) + norm.ppf(0.8)) * sqrt(variance)

    assert needed > 54
    assert telling(needed) <= 10.0 < telling(needed - 1)
    assert smallest_telling_difference(one, rest) == pytest.approx(telling(54))


def test_where_less_would_do_fewer_are_needed():
    one, rest = Reported(900, 900, 200, 400), Reported(2000, 2000, 500, 800)
    assert answers_needed(one, rest, 20.0) < 900


def test_without_answers_nothing_is_needed_or_told():
    nobody, some = Reported(0, 0, 0, 0), Reported(900, 900, 200, 400)
    assert answers_needed(nobody, some, 10.0) is None
    assert answers_needed(some, nobody, 10.0) is None
    assert smallest_telling_difference(nobody, some) is None


# --- Many differences at once -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chances", "sure"),
    [
        ([], []),
        ([0.04], [True]),
        ([0.05], [True]),
        ([0.0501], [False]),
        ([0.04, 0.9], [False, False]),
        ([0.9, 0.025], [False, True]),
        ([0.025, 0.05], [True, True]),
        ([0.026, 0.026], [False, False]),
        ([None, 0.04, None], [None, True, None]),
        ([0.01, 0.04, 0.03], [True, False, False]),
        ([0.01, 0.05, 0.02], [True, True, True]),
    ],
)
def test_holm(chances, sure):
    assert beyond_chance(chances) == sure


def test_the_bounds_of_the_design_effect_without_answers():
    nothing = np.zeros(0)
    assert design_effect(nothing, nothing, nothing) == 1.0
