"""Intervals where the truth is known: what they hold, how wide they are, where they end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.models.intervals import NpsSpread, answer_variance, concentration, mean_inverse

NORMAL_80 = 1.2815515655446004
SPREAD = NpsSpread(40.0, 4.0, segment=3.0, dispersion=-0.2)


def beta_shares(rng, detractor, promoter, correlation):
    """True shares of accounts around their prediction: Dirichlet, so that ρ is as asked for."""
    size = 1 / correlation - 1
    mean = np.column_stack([detractor, promoter, 1 - detractor - promoter])
    drawn = rng.gamma(size * mean)
    return drawn / drawn.sum(axis=1, keepdims=True)


def survey(rng, detractor, promoter, expected, correlation, common):
    """NPS that a survey reports when every level is off by `common` points; None if it is empty."""
    true = beta_shares(rng, detractor, promoter, correlation)
    shift = common / 200
    true[:, 1] = np.clip(true[:, 1] + shift, 0, 1)
    true[:, 0] = np.clip(true[:, 0] - shift, 0, 1 - true[:, 1])
    true[:, 2] = np.clip(1 - true[:, 0] - true[:, 1], 0, 1)
    answers = rng.poisson(expected)
    if answers.sum() == 0:
        return None
    drawn = rng.multinomial(answers, true / true.sum(axis=1, keepdims=True))
    return 100 * (drawn[:, 1] - drawn[:, 0]).sum() / answers.sum()


@pytest.mark.parametrize("level", [80, 95])
@pytest.mark.parametrize("accounts", [12, 60, 400])
def test_a_survey_of_random_answers_lies_in_its_interval_as_often_as_promised(level, accounts):
    spread = NpsSpread(40.0, 4.0)
    rng = np.random.default_rng(accounts)
    inside = []
    for _ in range(500):
        detractor = rng.uniform(0.1, 0.4, accounts)
        promoter = rng.uniform(0.2, 0.5, accounts)
        expected = rng.gamma(2, 0.4, accounts)
        seen = survey(rng, detractor, promoter, expected, 0.16, rng.normal(0, 4))
        if seen is not None:
            forecast = spread.survey(detractor, promoter, expected)
            low, high = forecast.bounds(level)
            inside.append(low <= seen <= high)
    assert level / 100 - 0.05 <= np.mean(inside) <= level / 100 + 0.05


@pytest.mark.parametrize("level", [80, 95])
def test_an_account_lies_in_its_interval_as_often_as_promised(level):
    rng = np.random.default_rng(3)
    detractor = rng.uniform(0.02, 0.5, 20_000)
    promoter = rng.uniform(0.02, 0.5, 20_000)
    true = beta_shares(rng, detractor, promoter, 0.16)
    nps = 100 * (true[:, 1] - true[:, 0])
    low, high = NpsSpread(40.0, 0.0).account_interval(detractor, promoter, level)
    assert np.mean((low <= nps) & (nps <= high)) == pytest.approx(level / 100, abs=0.02)


shares = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(
    lambda pair: (pair[0] * (1 - pair[1]), pair[1])
)


@settings(max_examples=150)
@given(
    rows=st.lists(shares, min_size=1, max_size=5),
    account=st.floats(0, 100),
    period=st.floats(0, 60),
    answers=st.floats(0.01, 500),
)
def test_bounds_stay_on_the_scale_around_the_prediction_and_widen_with_the_level(
    rows, account, period, answers
):
    detractor, promoter = np.array(rows).T
    spread = NpsSpread(account, period, segment=period / 2, dispersion=-0.5)
    nps = 100 * (promoter - detractor)
    low_80, high_80 = spread.account_interval(detractor, promoter, 80)
    low_95, high_95 = spread.account_interval(detractor, promoter, 95)
    for bounds in (low_95, low_80, high_80, high_95):
        assert (np.abs(bounds) <= 100 + 1e-9).all()
    assert (low_95 <= low_80 + 1e-6).all()
    assert (high_80 <= high_95 + 1e-6).all()
    assert (low_80 <= nps + 1e-9).all()
    assert (nps <= high_80 + 1e-9).all()
    expected = np.full(len(rows), answers)
    for found in (
        spread.survey(detractor, promoter, expected),
        spread.everyone(detractor, promoter),
    ):
        order = [-100, found.low_95, found.low_80, found.nps, found.high_80, found.high_95, 100]
        assert order == sorted(order)


def test_the_survey_narrows_with_answers_down_to_the_period_and_segment():
    spread = NpsSpread(20.0, 5.0, segment=2.0)

    def width(accounts: int) -> float:
        d = np.full(accounts, 0.3)
        _, low, high = spread.set_interval(d, d, np.ones(accounts), 80)
        return high - low

    widths = [width(n) for n in (1, 10, 100, 100_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(2 * NORMAL_80 * np.hypot(5, 2), rel=0.01)


def test_segments_share_out_their_own_error():
    d, answers = np.full(1000, 0.3), np.full(1000, 1e6)
    spread = NpsSpread(0.0, 0.0, segment=6.0)

    def half(labels) -> float:
        found = spread.survey(d, d, answers, labels)
        return found.high_80 - found.nps

    assert half(None) == pytest.approx(NORMAL_80 * 6, rel=0.01)
    assert half(np.array(["a"] * 1000)) == pytest.approx(NORMAL_80 * 6, rel=0.01)
    assert half(np.repeat(["a", "b", "c", "d"], 250)) == pytest.approx(NORMAL_80 * 3, rel=0.01)


def test_everyone_counts_once_and_has_no_chance_of_answers_in_it():
    detractor, promoter = np.array([0.1, 0.6]), np.array([0.7, 0.1])
    spread = NpsSpread(0.0, 0.0)
    everyone = spread.everyone(detractor, promoter)
    assert everyone.nps == pytest.approx((60 - 50) / 2)
    assert everyone.low_95 == pytest.approx(everyone.high_95)
    heard = spread.survey(detractor, promoter, np.array([3.0, 1.0]))
    assert heard.nps == pytest.approx((3 * 60 - 50) / 4)
    assert heard.answers == 4
    assert heard.high_80 - heard.low_80 > 40


def test_a_period_that_may_be_wild_widens_the_95_more_than_the_80():
    """As Student's t does: the same mean square, but not the same tails."""
    d, answers = np.full(10, 0.3), np.full(10, 1e7)
    known = NpsSpread(0.0, 5.0).survey(d, d, answers)
    periods = ((3.0, 0.75), (float(np.sqrt(73)), 0.25))
    guessed = NpsSpread(0.0, 5.0, periods=periods).survey(d, d, answers)
    assert sum(w * s**2 for s, w in periods) == pytest.approx(25)
    assert guessed.high_95 > known.high_95 * 1.1
    assert guessed.high_80 < known.high_80 * 0.9


def test_no_expected_answer_says_nothing():
    spread, d, p = NpsSpread(1, 1), np.array([0.1]), np.array([0.5])
    centre, low, high = spread.set_interval(d, p, np.zeros(1), 80)
    assert np.isnan(centre)
    assert (low, high) == (-100.0, 100.0)
    none = np.array([])
    assert np.isnan(spread.everyone(none, none).nps)


@pytest.mark.parametrize("expected", [0.01, 0.3, 1.0, 4.0, 20.0, 49.9, 50.1, 300.0])
def test_the_mean_of_one_over_n_by_adding_up(expected):
    n = np.arange(1, 1500)
    log = n * np.log(expected) - expected - np.cumsum(np.log(n))
    chance = np.exp(log)
    direct = (chance / n).sum() / chance.sum()
    assert mean_inverse(expected) == pytest.approx(direct, rel=2e-4)


def test_the_variance_of_one_answer_by_its_three_values():
    for detractor, promoter in ((0.2, 0.5), (0.0, 0.0), (1.0, 0.0), (0.5, 0.5)):
        values, chance = np.array([-100, 0, 100]), [detractor, 1 - detractor - promoter, promoter]
        variance = chance @ values**2 - (chance @ values) ** 2
        found = answer_variance(np.array([detractor]), np.array([promoter]))
        assert found == pytest.approx(variance)


def test_survey_variance_by_simulation_with_random_numbers_of_answers():
    """The formula's accounts, answers and their random number, against 20,000 surveys."""
    rng = np.random.default_rng(11)
    detractor, promoter = rng.uniform(0.05, 0.5, 40), rng.uniform(0.1, 0.5, 40)
    expected = rng.gamma(1.0, 2.0, 40)
    seen = [survey(rng, detractor, promoter, expected, 0.2, 0.0) for _ in range(20_000)]
    spread = NpsSpread(100 * np.sqrt(0.2), 0.0)
    found = spread.survey_variance(detractor, promoter, expected)
    assert found == pytest.approx(np.var(seen), rel=0.05)


def test_accounts_that_answer_at_most_once():
    """φ = −1: binomial numbers, no pairs of answers."""
    rng = np.random.default_rng(12)
    detractor, promoter = rng.uniform(0.0, 0.5, 50), rng.uniform(0.0, 0.5, 50)
    chance = rng.uniform(0.6, 0.95, 50)
    reported = []
    for _ in range(20_000):
        here = rng.random(50) < chance
        drawn = rng.random(50)
        answer = np.where(drawn < detractor, -1, np.where(drawn < detractor + promoter, 1, 0))
        reported.append(100 * answer[here].mean())
    found = NpsSpread(50.0, 0.0, dispersion=-1.0).survey_variance(detractor, promoter, chance)
    assert found == pytest.approx(np.var(reported), rel=0.08)


def test_concentration():
    share = np.array([0.5, 0.3, 0.2])
    assert concentration(share, None) == 1
    assert concentration(share, np.array(["a", "b", "b"])) == pytest.approx(0.5)


@pytest.mark.parametrize("promoter", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("detractor", [0.05, 0.2, 0.35])
def test_a_true_share_of_detractors_lies_in_its_interval_as_often_as_promised(detractor, promoter):
    rng = np.random.default_rng(11)
    correlation = 0.12
    shares = np.array([detractor, promoter, 1 - detractor - promoter])
    true = rng.dirichlet(shares * (1 / correlation - 1), 20_000)[:, 0]
    spread = NpsSpread(100 * np.sqrt(correlation), 0.0)
    low, high = spread.risk_interval(np.array([detractor]), np.array([promoter]), 80)
    assert np.mean((true >= low) & (true <= high)) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    "spread", [NpsSpread(0.0, 0.0), NpsSpread(35.0, 4.0, 2.0), NpsSpread(99.0, 40.0)]
)
def test_an_interval_of_risk_stays_on_the_scale_around_the_risk_and_widens(spread):
    steps = np.array([0.0, 1e-6, 0.01, 0.3, 0.5, 0.9, 1.0])
    detractor, promoter = (side.ravel() for side in np.meshgrid(steps, steps))
    possible = detractor + promoter <= 1
    detractor, promoter = detractor[possible], promoter[possible]
    low_80, high_80 = spread.risk_interval(detractor, promoter, 80)
    low_95, high_95 = spread.risk_interval(detractor, promoter, 95)
    for bound in (low_80, high_80, low_95, high_95):
        assert np.isfinite(bound).all()
        assert ((bound >= 0) & (bound <= 1)).all()
    assert (low_95 <= low_80 + 1e-12).all()
    assert (low_80 <= detractor).all()
    assert (detractor <= high_80).all()
    assert (high_80 <= high_95 + 1e-12).all()


def test_a_period_that_may_be_off_widens_the_interval_of_risk():
    one = (np.array([0.3]), np.array([0.4]), 80)
    narrow = NpsSpread(20.0, 0.0).risk_interval(*one)
    wide = NpsSpread(20.0, 10.0, 5.0).risk_interval(*one)
    assert wide[0] < narrow[0] < 0.3 < narrow[1] < wide[1]
