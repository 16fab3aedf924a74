"""The scores of a run in bins and levels, and how risk levels came true in the backtest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.schema import Worklist
from npsight.jobs.evaluations.modelfigures import levels
from npsight.jobs.runs.drift import BINS, scores_json

LIMITS = Worklist(high_risk=0.5, medium_risk=0.25)


def test_levels_and_bins_hold_their_lower_end():
    risk = np.array([0.0, 0.2499, 0.25, 0.4999, 0.5, 1.0])
    found = scores_json({"churn": risk, "detractor": None}, LIMITS)
    assert set(found) == {"churn"}
    assert found["churn"]["levels"] == {"high": 2, "medium": 2, "low": 2}
    filled = {place: count for place, count in enumerate(found["churn"]["bins"]) if count}
    assert filled == {0: 1, 4: 1, 5: 1, 9: 1, 10: 1, BINS - 1: 1}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_every_account_has_one_bin_and_one_level(risks):
    found = scores_json({"detractor": np.array(risks)}, LIMITS)["detractor"]
    assert sum(found["bins"]) == sum(found["levels"].values()) == len(risks)


def test_a_level_is_what_came_of_the_accounts_in_it():
    predicted = np.array([0.5, 0.9, 0.499, 0.25, 0.1])
    share = np.array([1.0, 0.5, 1.0, 0.0, 0.0])
    weight = np.array([1.0, 3.0, 1.0, 1.0, 1.0])
    high, medium, low = levels(predicted, share, weight, 0.5, 0.25)
    assert (high.level, high.rows, high.observed) == ("high", 2, pytest.approx(2.5 / 4))
    assert (medium.rows, medium.observed) == (2, pytest.approx(0.5))
    assert (low.rows, low.observed) == (1, 0.0)
    assert high.low < high.observed < high.high


def test_a_level_that_nobody_had_says_nothing():
    high, medium, _ = levels(np.array([0.1]), np.array([0.0]), np.array([1.0]), 0.5, 0.25)
    assert (high.rows, high.observed, high.low, high.high) == (0, None, 0.0, 1.0)
    assert medium.observed is None
