"""Calibration: monotone, clipped, shrunk to nothing where nothing speaks for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.models.calibration import Calibration, fit_calibration
from npsight.models.logits import log_loss_rows, probability

finite = st.floats(-50, 50)


@settings(max_examples=100)
@given(st.floats(-3, 3), st.floats(0.25, 4), st.lists(finite, min_size=2, max_size=20))
def test_it_is_monotone_and_clipped(shift, slope, raw):
    found = Calibration(shift, slope).apply(np.sort(np.array(raw)))
    assert (np.diff(found) >= 0).all()
    assert found.min() >= 0.001
    assert found.max() <= 0.999


def test_infinite_log_odds_stay_inside():
    found = Calibration().apply(np.array([-np.inf, -1e9, 0, 1e9, np.inf]))
    np.testing.assert_allclose(found, [0.001, 0.001, 0.5, 0.999, 0.999])


def test_it_is_the_identity_by_default():
    raw = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(Calibration().apply(raw), probability(raw))


def test_a_distortion_is_undone():
    rng = np.random.default_rng(0)
    truth = rng.normal(-0.5, 1.5, 40_000)
    answer = (rng.random(len(truth)) < probability(truth)).astype(float)
    raw = (truth - 0.7) / 0.5
    found = fit_calibration(raw, answer, np.ones(len(raw)))
    assert found.shift == pytest.approx(0.7, abs=0.05)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    before = log_loss_rows(answer, probability(raw)).mean()
    assert log_loss_rows(answer, found.apply(raw)).mean() < before


def test_few_answers_change_little():
    raw, share = np.array([0.0, 0.0]), np.array([1.0, 1.0])
    found = fit_calibration(raw, share, np.ones(2))
    assert 0 < found.shift < 0.2
    assert found.slope == pytest.approx(1.0)


def test_a_ranking_that_is_upside_down_stays_monotone():
    rng = np.random.default_rng(1)
    raw = rng.normal(0, 2, 5000)
    answer = (rng.random(5000) < probability(-raw)).astype(float)
    assert fit_calibration(raw, answer, np.ones(5000)).slope > 0


def test_weights_are_copies():
    rng = np.random.default_rng(2)
    raw, share = rng.normal(0, 1, 200), (rng.random(200) < 0.3).astype(float)
    twice = fit_calibration(np.tile(raw, 2), np.tile(share, 2), np.ones(400))
    weighted = fit_calibration(raw, share, np.full(200, 2.0))
    assert twice.shift == pytest.approx(weighted.shift, abs=1e-6)
    assert twice.slope == pytest.approx(weighted.slope, abs=1e-6)
