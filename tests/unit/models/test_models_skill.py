"""Skill: found where predictions tell accounts apart, and nowhere else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.models import skill as module
from npsight.models.backtest import backtest, origin_days, time_pairs
from npsight.models.fitting import FitSettings
from npsight.models.logits import logit, probability
from npsight.models.milder import STRENGTHS
from npsight.models.prior import RatePrior
from npsight.models.skill import (
    LEAST_EVENTS,
    DayRows,
    at_prior,
    at_prior_then,
    centred,
    judge,
    skill_of,
)
from npsight.models.splits import TimeSplits
from npsight.models.trees import TreeSettings

# Level 0.01; of 300 draws, 9 or fewer come with 99.9 % chance.
DRAWS, MOST = 300, 9


def world(
    seed: int,
    accounts: int = 150,
    days: int = 4,
    base: float = 0.2,
    shock: float = 0.0,
    own: float = 0.0,
    spread: float = 0.2,
    signal: float = 0.0,
    extreme: float = 0.0,
) -> DayRows:
    """Predictions with a part of their own for each account (`spread`), outcomes with another
    (`own`), a level of the day (`shock`), and a common part (`signal`).

    `extreme` is the share of accounts predicted near zero for no reason.
    """
    rng = np.random.default_rng(seed)
    account, day = np.tile(np.arange(accounts), days), np.repeat(np.arange(days), accounts)
    known = rng.normal(0, 1, accounts)[account]
    odds = logit(base) + rng.normal(0, shock, days)[day] + rng.normal(0, own, accounts)[account]
    happened = rng.random(len(account)) < probability(odds + signal * known)
    said = logit(base) + rng.normal(0, spread, accounts)[account] + signal * known
    said = np.where((rng.random(accounts) < extreme)[account], -6.0, said)
    answered = rng.random(len(account)) < 0.8
    return DayRows(
        probability(said)[answered],
        happened.astype(float)[answered],
        np.ones(int(answered.sum())),
        day[answered],
        account.astype(object)[answered],
    )


NOISE = {
    "one day, few accounts": {"accounts": 60, "days": 1, "base": 0.3},
    "levels of the days differ": {"shock": 0.6, "base": 0.1},
    "an account's answers resemble each other": {"own": 2.0, "days": 8, "spread": 0.02},
    "some are called safe for no reason": {"base": 0.05, "extreme": 0.05, "days": 2, "spread": 0.0},
    "all of it": {"own": 1.0, "shock": 0.4, "base": 0.08, "extreme": 0.02},
}


@pytest.mark.parametrize("kind", NOISE)
def test_noise_is_hardly_ever_called_skill(kind, monkeypatch):
    """Neither whole nor drawn to its mean, all tries of `npsight.models.milder` together."""
    monkeypatch.setattr(module, "ARRANGEMENTS", 199)

    def shown(seed: int) -> bool:
        rows = world(seed, **NOISE[kind])
        whole = judge(rows, seed)
        if whole.shown or whole.rank_p_value > module.LEVEL:
            return whole.shown
        odds = logit(rows.predicted)
        milder = (dataclasses.replace(rows, predicted=probability(s * odds)) for s in STRENGTHS)
        return any(judge(other, seed).shown for other in milder)

    assert sum(shown(seed) for seed in range(DRAWS)) <= MOST


def test_each_of_the_two_tests_is_needed(monkeypatch):
    """The t-test alone is fooled by rare events, the rearrangements by accounts' own levels."""
    safe, alike = NOISE["some are called safe for no reason"], {**NOISE[
        "an account's answers resemble each other"]}  # fmt: skip
    monkeypatch.setattr(module, "ARRANGEMENTS", 199)
    with monkeypatch.context() as without:
        without.setattr(module, "_among_arrangements", lambda *_: (0.0, 0.0))
        fooled = sum(judge(world(seed, accounts=300, **safe)).shown for seed in range(100))
    assert fooled > 10
    with monkeypatch.context() as without:
        without.setattr(module, "_beyond", lambda *_: 0.0)
        fooled = sum(judge(world(seed, accounts=100, **alike)).shown for seed in range(150))
    assert fooled > 5


def test_a_signal_is_found_under_shocks_of_the_day():
    for seed in range(10):
        found = judge(world(seed, accounts=250, signal=1.0, shock=0.5))
        assert found.shown
        assert found.gain > 2 * found.error > 0
        assert found.brier_gain > 0


@settings(max_examples=25)
@given(shift=st.floats(-2, 2), seed=st.integers(0, 50))
def test_a_level_that_is_off_changes_nothing(shift, seed):
    """A day's predictions moved in log-odds are judged alike: a lucky level is no skill."""
    rows = world(seed, signal=0.5, days=2)
    moved = np.where(rows.day == 0, shift, -shift)
    other = dataclasses.replace(rows, predicted=probability(logit(rows.predicted) + moved))
    ours, theirs = judge(rows), judge(other)
    assert ours.gain == pytest.approx(theirs.gain, abs=1e-6)
    assert ours.p_value == pytest.approx(theirs.p_value, abs=0.02)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), shock=st.floats(0, 1))
def test_shifted_predictions_have_the_days_own_level(seed, shock):
    rows = world(seed, accounts=80, shock=shock)
    odds, levels = centred(rows)
    for day in range(4):
        those = rows.day == day
        seen = rows.share[those].mean()
        if 0 < seen < 1:
            assert probability(odds[those]).mean() == pytest.approx(seen, abs=1e-8)
            assert probability(levels[those]) == pytest.approx(seen, abs=1e-9)


def test_one_number_for_all_accounts_of_a_day_is_no_skill_however_right_it_is():
    rows = world(3, shock=1.0, days=8)
    level = np.array([rows.share[rows.day == d].mean() for d in range(8)])[rows.day]
    found = judge(dataclasses.replace(rows, predicted=level))
    assert not found.shown
    assert found.gain == pytest.approx(0, abs=1e-9)


def test_a_day_of_one_class_only_is_no_obstacle():
    rows = world(1, signal=1.0)
    share = np.where(rows.day == 0, 0.0, rows.share)
    assert judge(dataclasses.replace(rows, share=share)).shown


def test_predictions_that_rank_but_are_too_extreme_are_not_called_chance():
    rows = world(5, accounts=400, signal=0.8)
    odds = logit(rows.predicted)
    extreme = dataclasses.replace(rows, predicted=probability(odds * 6 + 8))
    found = judge(extreme)
    assert found.gain < 0
    assert not found.shown
    assert found.rank_p_value <= 0.01
    assert "may rank accounts (events stand higher within their day than by chance, p = 0.0" in (
        found.sentence()
    )
    noise = judge(world(5, accounts=400))
    assert noise.rank_p_value > 0.01
    assert "no better than chance" in noise.sentence()


def test_the_order_of_ranks_counts_within_days_only():
    """All events on the one day that is predicted highest: within days they stand anywhere."""
    rng = np.random.default_rng(3)
    day = np.repeat([0, 1], 200)
    share = ((day == 1) & (rng.random(400) < 0.5)).astype(float)
    said = np.where(day == 1, 0.8, 0.1) + 0.05 * rng.random(400)
    rows = DayRows(said, share, np.ones(400), day, np.arange(400).astype(object))
    assert judge(rows).rank_p_value > 0.01


def test_too_few_events_are_not_tested():
    rows = world(0, accounts=40, days=1)
    share = np.zeros(len(rows))
    share[: LEAST_EVENTS - 1] = 1.0
    found = judge(dataclasses.replace(rows, share=share, predicted=0.1 + 0.8 * share))
    assert not found.shown
    assert "at least 10 events" in found.why_not_tested
    share[LEAST_EVENTS - 1] = 1.0
    found = judge(dataclasses.replace(rows, share=share, predicted=0.1 + 0.8 * share))
    assert found.shown
    assert found.why_not_tested == ""


def test_without_a_backtest_nothing_is_claimed():
    found = skill_of([])
    assert not found.shown
    assert found.sentence().startswith("not tested: history is too short")


def test_the_same_rows_give_the_same_figures():
    rows = world(5, signal=0.3)
    assert judge(rows, seed=7) == judge(rows, seed=7)


@pytest.fixture
def origins(examples, specs):
    def rate(rows):
        return RatePrior(float(np.average(rows.share, weights=rows.weight)))

    fit = FitSettings(specs, rate, TreeSettings(max_trees=20, threads=1), TimeSplits(90), 10)
    return backtest("churn", time_pairs(examples, origin_days(examples, 90, 2, 10)), fit, None)


def test_a_backtest_is_judged_over_all_its_days(origins):
    found = skill_of(origins)
    assert found.shown
    assert found.days == 2
    assert found.rows == sum(len(origin.test) for origin in origins)
    assert "tells accounts apart: gain +0." in found.sentence()


def test_kept_at_the_prior_means_without_learners_and_marked(origins):
    kept = at_prior_then(origins[-1])
    chosen = kept.fitted.chosen
    assert origins[-1].fitted.chosen.linear is not None or origins[-1].fitted.chosen.trees
    assert chosen.linear is chosen.trees is None
    assert not chosen.has_skill
    assert chosen == at_prior(origins[-1].fitted).chosen
    np.testing.assert_array_equal(kept.predicted["chosen"], kept.predicted["prior"])
    assert kept.quality["chosen"] == kept.quality["prior"]
