"""The hidden process and the answers: the analytic future against simulated futures."""

import math

import numpy as np
import pytest

from npsight.simulate.answers import CUTS, account_bands, draw_scores
from npsight.simulate.arrays import normal_cdf, pick, sequence_in_group
from npsight.simulate.process import MARKET, Common, State, simulate_common, simulate_state


@pytest.fixture(scope="module")
def state() -> State:
    """6000 accounts over 150 days without firm-wide shocks."""
    common = Common(np.zeros(150), np.zeros(150), np.zeros(150))
    return simulate_state(np.random.default_rng(1), common, np.full(6000, -100))


def test_normal_cdf_agrees_with_erfc() -> None:
    values = np.linspace(-8, 8, 4001)
    exact = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in values])
    assert np.abs(normal_cdf(values) - exact).max() < 2e-7


def test_satisfaction_has_unit_spread_and_goes_with_engagement(state: State) -> None:
    assert state.satisfaction.std() == pytest.approx(1.0, abs=0.05)
    correlation = np.corrcoef(state.satisfaction[:, 50], state.engagement[:, 50])[0, 1]
    assert correlation == pytest.approx(0.55, abs=0.04)


@pytest.mark.parametrize("lead", [1, 14, 60, 104])
def test_forward_moments_match_simulated_futures(state: State, lead: int) -> None:
    mean, variance = state.forward(np.array([20]), float(lead))
    surprise = state.satisfaction[:, 20 + lead] - mean[:, 0]
    # The firm-wide market is held at 0 here, so its share of the variance is not realised.
    market = float(MARKET.variance(float(lead)))
    assert surprise.mean() == pytest.approx(0.0, abs=0.03)
    assert surprise.var() == pytest.approx(float(variance) - market, rel=0.08)


def test_forward_at_no_lead_is_the_state_itself() -> None:
    rng = np.random.default_rng(3)
    state = simulate_state(rng, simulate_common(rng, 100), np.array([-5, 10]))
    mean, variance = state.forward(np.array([0, 45, 99]), 0.0)
    np.testing.assert_allclose(mean, state.satisfaction[:, [0, 45, 99]])
    assert float(variance) == 0.0


def test_band_probabilities_match_drawn_scores() -> None:
    rng = np.random.default_rng(5)
    count = 200_000
    effect = np.array([[0.4, -0.9, 7.0]])
    present = np.array([[True, True, False]])
    contact = rng.integers(0, 2, count)
    mood = rng.normal(0.2, math.sqrt(0.3), count)
    scores = draw_scores(rng, mood, effect[0, contact])
    detractor, promoter = account_bands(np.array([0.2]), np.array([0.3]), effect, present)
    assert (scores <= 6).mean() == pytest.approx(detractor[0], abs=0.005)
    assert (scores >= 9).mean() == pytest.approx(promoter[0], abs=0.005)


def test_scores_span_the_scale() -> None:
    rng = np.random.default_rng(6)
    scores = draw_scores(rng, rng.normal(0, 2, 20_000), np.zeros(20_000))
    assert sorted(set(scores.tolist())) == list(range(len(CUTS) + 1))


def test_sequence_in_group() -> None:
    groups = np.array([4, 4, 7, 9, 9, 9])
    assert sequence_in_group(groups).tolist() == [0, 1, 0, 0, 1, 2]
    assert sequence_in_group(groups[:0]).tolist() == []


def test_pick_follows_the_shares() -> None:
    shares = np.tile([1.0, 0.0, 3.0], (20_000, 1))
    drawn = np.bincount(pick(np.random.default_rng(2), shares), minlength=3) / 20_000
    assert drawn == pytest.approx([0.25, 0.0, 0.75], abs=0.02)
