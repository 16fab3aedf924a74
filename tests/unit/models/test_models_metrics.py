"""Figures against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.models.backtest import Origin, mean_quality
from npsight.models.metrics import auc, calibration_error, calibration_groups, lift, quality

probabilities = st.lists(st.floats(0.001, 0.999), min_size=4, max_size=40)


@settings(max_examples=100)
@given(probabilities, st.integers(0, 10**6))
def test_sklearn_agrees(predicted, seed):
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    rng = np.random.default_rng(seed)
    p = np.array(predicted)
    label, weight = rng.integers(0, 2, len(p)).astype(float), rng.uniform(0.1, 3, len(p))
    label[:2] = 0, 1
    found = quality(p, label, weight)
    assert found.auc == pytest.approx(roc_auc_score(label, p, sample_weight=weight))
    assert found.brier == pytest.approx(brier_score_loss(label, p, sample_weight=weight))
    assert found.log_loss == pytest.approx(log_loss(label, p, sample_weight=weight))
    assert found.events == pytest.approx(label @ weight)
    assert found.rows == len(p)


def test_a_share_counts_as_its_answers():
    """Two answers, one of them a detractor's, are a row of share ½ and weight 2."""
    one = quality(np.array([0.2, 0.6]), np.array([0.5, 1.0]), np.array([2.0, 1.0]))
    apart = quality(np.array([0.2, 0.2, 0.6]), np.array([0.0, 1.0, 1.0]), np.ones(3))
    assert one.brier == pytest.approx(apart.brier)
    assert one.auc == pytest.approx(apart.auc)
    assert one.log_loss == pytest.approx(apart.log_loss)


def test_one_class_has_no_auc():
    assert auc(np.array([0.1, 0.9]), np.zeros(2), np.ones(2)) is None
    assert auc(np.array([0.1, 0.9]), np.ones(2), np.ones(2)) is None
    assert auc(np.array([0.1, 0.9]), np.array([0, 1.0]), np.array([1.0, 0.0])) is None


def test_auc_of_ties_is_one_half():
    assert auc(np.full(4, 0.3), np.array([0, 1, 0, 1.0]), np.ones(4)) == 0.5


def test_calibration_error_by_hand():
    predicted = np.repeat([0.1, 0.3], 50)
    share = np.array([1.0] * 10 + [0.0] * 40 + [1.0] * 15 + [0.0] * 35)
    assert calibration_error(predicted, share, np.ones(100)) >= 0.5 * 0.1
    level = np.repeat([0.2, 0.3], 50)
    mixed = np.tile([1.0, 0, 0, 0, 0], 10), np.tile([1.0] * 3 + [0] * 7, 5)
    assert calibration_error(level, np.concatenate(mixed), np.ones(100)) == pytest.approx(0)


def test_calibration_groups_have_equal_weight_and_rise():
    rng = np.random.default_rng(0)
    predicted = rng.random(1000)
    groups = calibration_groups(predicted, predicted, np.ones(1000))
    assert len(groups) == 10
    assert {w for _, _, w in groups} == {100.0}
    assert [p for p, _, _ in groups] == sorted(p for p, _, _ in groups)
    assert all(p == pytest.approx(o) for p, o, _ in groups)


def test_lift_by_hand():
    predicted = np.linspace(0, 1, 20)
    share = np.zeros(20)
    share[[19, 18, 0, 1]] = 1
    assert lift(predicted, share, np.ones(20)) == pytest.approx(1.0 / 0.2)
    assert lift(-predicted, share, np.ones(20)) == pytest.approx(1.0 / 0.2)
    assert lift(predicted, np.zeros(20), np.ones(20)) is None


def test_a_single_row_has_a_lift():
    assert lift(np.array([0.4]), np.array([1.0]), np.ones(1)) == 1.0


def test_mean_quality_pools_rows_but_averages_auc():
    def origin(predicted, share):
        p, s, w = np.array(predicted), np.array(share), np.ones(len(share))
        test = type("Rows", (), {"share": s, "weight": w})()
        return Origin("d", 1, None, test, {"chosen": p}, {"chosen": quality(p, s, w)})

    low, high = origin([0.1, 0.2], [0.0, 1.0]), origin([0.8, 0.9], [0.0, 1.0])
    found = mean_quality([low, high], "chosen")
    assert found.auc == 1.0
    assert found.rows == 4
    assert found.brier == pytest.approx((0.01 + 0.64 + 0.64 + 0.01) / 4)
    assert mean_quality([low], "prior") is None
