"""Spread and intervals on answers whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from npsight.models.intervals import NpsResiduals, NpsSpread, fit_spread


def simulated(accounts: int, spread: float, shift: float, seed: int, most: int = 6) -> NpsResiduals:
    """Answers of accounts whose true shares lie around their prediction; NPS spread in points."""
    rng = np.random.default_rng(seed)
    detractor = rng.uniform(0.2, 0.4, accounts)
    promoter = rng.uniform(0.2, 0.4, accounts)
    off = (rng.normal(0, spread, accounts) + shift) / 100
    true_p = np.clip(promoter + off / 2, 0, 1)
    true_d = np.clip(detractor - off / 2, 0, 1 - true_p)
    answers = rng.integers(1, most + 1, accounts)
    drawn = rng.multinomial(answers, np.column_stack([true_d, true_p, 1 - true_d - true_p]))
    return NpsResiduals(detractor, promoter, drawn[:, 0] * 1.0, drawn[:, 1] * 1.0, answers * 1.0)


@pytest.mark.parametrize("spread", [10.0, 25.0])
def test_the_spread_of_accounts_is_recovered(spread):
    origins = [simulated(60_000, spread, 0.0, seed) for seed in range(3)]
    found = fit_spread(origins)
    assert found.account == pytest.approx(spread, rel=0.15)
    assert found.period < 2


def test_the_common_error_of_a_period_is_recovered():
    origins = [simulated(20_000, 5.0, shift, i) for i, shift in enumerate([-12, 12, -12, 12])]
    assert fit_spread(origins).period == pytest.approx(12, rel=0.15)


def test_no_spread_beyond_chance_is_zero():
    found = fit_spread([simulated(400_000, 0.0, 0.0, 9)])
    assert found.account < 7


def test_single_answers_tell_nothing_of_the_spread():
    assert fit_spread([simulated(500, 30.0, 0.0, 1, most=1)]).account == 0.0


def test_no_origin_no_spread():
    assert fit_spread([]) == NpsSpread(0.0, 0.0)


@pytest.mark.parametrize("level", [80, 95])
@pytest.mark.parametrize("accounts", [4, 40, 400])
def test_the_interval_of_a_set_covers_what_its_survey_reports(level, accounts):
    spread, period = 15.0, 4.0
    rng = np.random.default_rng(accounts)
    inside = []
    for draw in range(400):
        o = simulated(accounts, spread, float(rng.normal(0, period)), 10_000 + draw, most=3)
        centre, low, high = NpsSpread(spread, period).set_interval(
            o.detractor, o.promoter, o.answers, level
        )
        assert low <= centre <= high
        seen = 100 * (o.promoters - o.detractors).sum() / o.answers.sum()
        inside.append(low <= seen <= high)
    assert level / 100 - 0.06 <= np.mean(inside) <= level / 100 + 0.08


def test_the_interval_narrows_with_answers_down_to_the_period():
    spread = NpsSpread(20.0, 5.0)

    def width(accounts: int) -> float:
        d = np.full(accounts, 0.3)
        _, low, high = spread.set_interval(d, d, np.ones(accounts), 80)
        return high - low

    widths = [width(n) for n in (1, 10, 100, 10_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(2 * 1.2815515655446004 * 5.0, rel=0.05)


def test_no_expected_answer_says_nothing():
    centre, low, high = NpsSpread(1, 1).set_interval(
        np.array([0.1]), np.array([0.5]), np.zeros(1), 80
    )
    assert np.isnan(centre)
    assert (low, high) == (-100.0, 100.0)


def test_bounds_stay_on_the_scale():
    low, high = NpsSpread(60.0, 10.0).account_interval(np.array([-95.0, 0.0, 95.0]), 95)
    assert low.min() == -100
    assert high.max() == 100
    assert (low < high).all()
