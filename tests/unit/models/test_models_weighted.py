"""Weighted figures against scikit-learn, and against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from npsight.models.weighted import Ranked


def ranked(predicted, share, weights=None):
    share = np.asarray(share, dtype=float)
    weights = np.ones((1, len(share))) if weights is None else np.asarray(weights, dtype=float)
    return Ranked(np.asarray(predicted, dtype=float), share, weights)


@st.composite
def rows(draw):
    """Predictions with ties, yes/no outcomes with both classes, whole weights with zeros."""
    count = draw(st.integers(4, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    predicted = np.round(rng.uniform(0.05, 0.95, count), draw(st.sampled_from([1, 3])))
    share = (rng.random(count) < 0.4).astype(float)
    share[:2] = 0, 1
    weights = rng.integers(0, 4, (3, count)).astype(float)
    weights[:, :2] = 1
    return predicted, share, weights


@settings(max_examples=60)
@given(rows())
def test_every_draw_is_what_scikit_learn_says_of_those_weights(given_rows):
    predicted, share, weights = given_rows
    found = ranked(predicted, share, weights)
    figures = [found.auc(), found.average_precision(), found.brier(), found.log_loss()]
    for draw, weight in enumerate(weights):
        keep = weight > 0
        y, p, w = share[keep], predicted[keep], weight[keep]
        expected = [
            roc_auc_score(y, p, sample_weight=w),
            average_precision_score(y, p, sample_weight=w),
            brier_score_loss(y, p, sample_weight=w),
            log_loss(y, p, sample_weight=w),
        ]
        assert [f[draw] for f in figures] == pytest.approx(expected, abs=1e-9)


def by_hand(predicted, share, weight, part, amount=None):
    """A list made row by row, ties broken at random, averaged over many shuffles."""
    rng = np.random.default_rng(1)
    found, held = [], []
    worth = np.ones(len(share)) if amount is None else amount
    for _ in range(4000):
        order = rng.permutation(len(share))
        order = order[np.argsort(-predicted[order], kind="stable")]
        left, caught, kept = part * weight.sum(), 0.0, 0.0
        for row in order:
            taken = min(left, weight[row])
            caught += taken * share[row]
            kept += taken * share[row] * worth[row]
            left -= taken
            if left <= 0:
                break
        found.append(caught / (part * weight.sum()))
        held.append(kept / (weight * share * worth).sum())
    return float(np.mean(found)), float(np.mean(held))


def test_a_list_with_ties_finds_what_random_ties_find_on_average():
    predicted = np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.1])
    share = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    weight = np.array([1.0, 1.0, 1.0, 1.0, 2.0, 1.0])
    amount = np.array([10.0, 200.0, 5.0, 5.0, 30.0, 1.0])
    list_ = ranked(predicted, share, [weight])
    precision, held = by_hand(predicted, share, weight, 0.35, amount)
    assert list_.precision(0.35)[0] == pytest.approx(precision, abs=0.02)
    assert list_.capture(0.35, amount)[0] == pytest.approx(held, abs=0.02)
    assert list_.lift(0.35)[0] == pytest.approx(list_.precision(0.35)[0] / (4 / 7))


def test_named_lists():
    one = ranked([0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0])
    assert one.precision(0.25)[0] == 1.0
    assert one.precision(0.5)[0] == 0.5
    assert one.precision(1.0)[0] == one.base_rate()[0] == 0.5
    assert one.lift(0.25)[0] == 2.0
    revenue = np.array([100.0, 999.0, 300.0, np.nan])
    assert one.capture(0.25, revenue)[0] == 0.25
    assert one.capture(0.75, revenue)[0] == 1.0


def test_the_same_risk_for_everybody_ranks_nobody():
    flat = ranked([0.3] * 4, [1, 0, 0, 0])
    assert flat.auc()[0] == 0.5
    assert flat.precision(0.1)[0] == flat.average_precision()[0] == 0.25


def test_one_class_has_no_rank():
    lost = ranked([0.2, 0.4], [0, 0])
    assert np.isnan(lost.auc()[0])
    assert np.isnan(lost.lift(0.5)[0])
    assert np.isnan(lost.capture(0.5, np.ones(2))[0])
    assert lost.brier()[0] == pytest.approx((0.2**2 + 0.4**2) / 2)


def test_the_order_of_rows_does_not_show():
    rng = np.random.default_rng(3)
    predicted, share = np.round(rng.random(50), 1), (rng.random(50) < 0.3).astype(float)
    weights = rng.integers(0, 3, (4, 50)).astype(float)
    order = rng.permutation(50)
    one, other = (
        ranked(predicted, share, weights),
        ranked(predicted[order], share[order], weights[:, order]),
    )
    for figure in ("auc", "average_precision", "brier", "log_loss"):
        assert getattr(one, figure)() == pytest.approx(getattr(other, figure)(), nan_ok=True)
    assert one.precision(0.17) == pytest.approx(other.precision(0.17))
