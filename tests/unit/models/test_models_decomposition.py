"""The parts of the Brier score add up, and are what a plain loop gives."""

from __future__ import annotations

import numpy as np
import pytest

from npsight.models.decomposition import brier_parts


def test_the_parts_add_up_to_the_brier_score():
    rng = np.random.default_rng(2)
    predicted, weight = rng.random(300), rng.random(300) + 0.1
    share = rng.choice([0.0, 0.5, 1.0], 300)
    found = brier_parts(predicted, share, weight)
    rows = share * (1 - predicted) ** 2 + (1 - share) * predicted**2
    assert found.brier == pytest.approx(np.average(rows, weights=weight))
    total = found.reliability - found.resolution + found.uncertainty + found.within
    assert total == pytest.approx(found.brier, abs=1e-12)


def test_predictions_of_few_values_leave_nothing_within():
    """Two risks, each its own group: Murphy's three parts alone."""
    predicted = np.repeat([0.1, 0.6], 10)
    share = np.array([1, *[0] * 9, *[1] * 4, *[0] * 6], dtype=float)
    found = brier_parts(predicted, share, np.ones(20), bins=2)
    assert found.within == pytest.approx(0, abs=1e-12)
    assert found.reliability == pytest.approx(0.5 * 0.0 + 0.5 * 0.2**2)
    assert found.resolution == pytest.approx(0.15**2)
    assert found.uncertainty == pytest.approx(0.25 * 0.75)


def test_within_is_the_variance_and_covariance_inside_groups():
    """Stephenson, Coelho & Jolliffe (2008): within = variance − 2 · covariance."""
    rng = np.random.default_rng(4)
    predicted = np.sort(rng.random(100))
    share = (rng.random(100) < predicted).astype(float)
    inside = 0.0
    for group in np.split(np.arange(100), 10):
        p, y = predicted[group], share[group]
        inside += np.sum((p - p.mean()) ** 2) - 2 * np.sum((p - p.mean()) * (y - y.mean()))
    assert brier_parts(predicted, share, np.ones(100)).within == pytest.approx(inside / 100)


def test_the_same_risk_for_everybody_tells_nobody_apart():
    """Equal predictions are one group, however the rows are ordered."""
    share = np.repeat([0.0, 1.0], [70, 30])
    found = brier_parts(np.full(100, 0.25), share, np.ones(100))
    assert found.resolution == 0.0
    assert found.reliability == pytest.approx(0.05**2)
