"""Driver points against Shapley's definition by orders of arrival, and his axioms."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.drivers.points import (
    Points,
    assert_adds_up,
    assert_contributions_add_up,
    driver_points,
    grouped,
)
from npsight.errors import ModelIntegrityError
from npsight.models.part import Contributions

log_odds = st.floats(-6, 6, allow_nan=False)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def risk(raws):
    return np.clip(sigmoid(0.3 + 0.8 * raws[0]), 0.001, 0.999)


def nps(raws):
    detractor = sigmoid(raws[0])
    return 100 * ((1 - detractor) * sigmoid(raws[1]) - detractor)


def points_of(bases, parts, groups, outcome):
    """Points of the number that all groups together give."""
    raws = [b + np.asarray(p).sum(axis=1) for b, p in zip(bases, parts, strict=True)]
    return driver_points(bases, parts, groups, outcome, outcome(raws))


def by_permutations(bases, parts, outcome):
    """Average marginal contribution over all orders in which the groups may arrive, one row."""
    count = len(parts[0])
    orders = list(permutations(range(count)))
    points = np.zeros(count)
    for order in orders:
        raws = [np.array(base) for base in bases]
        before = float(outcome(raws))
        for group in order:
            raws = [raw + part[group] for raw, part in zip(raws, parts, strict=True)]
            after = float(outcome(raws))
            points[group] += (after - before) / len(orders)
            before = after
    return points


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("outcome", "parts"), [(risk, 1), (nps, 2)])
def test_points_are_the_average_over_all_orders_of_arrival(groups, outcome, parts):
    rng = np.random.default_rng(groups)
    bases = rng.normal(size=parts).tolist()
    values = [rng.normal(0, 2, (7, groups)) for _ in range(parts)]
    names = [f"g{i}" for i in range(groups)]

    points = points_of(bases, values, names, outcome)

    for row in range(7):
        expected = by_permutations(bases, [v[row] for v in values], outcome)
        np.testing.assert_allclose(points.values[row], expected, rtol=0, atol=1e-9)
    shown = outcome([b + v.sum(axis=1) for b, v in zip(bases, values, strict=True)])
    np.testing.assert_allclose(points.base + points.values.sum(axis=1), shown, rtol=0, atol=1e-9)
    assert points.base == pytest.approx(float(outcome([np.array(b) for b in bases])), abs=1e-12)
    assert points.groups == tuple(names)


def test_a_linear_outcome_gives_each_group_its_own_log_odds():
    values = np.array([[1.0, -2.0, 0.5]])
    points = points_of([0.25], [values], ["a", "b", "c"], lambda raws: raws[0])
    np.testing.assert_allclose(points.values, values, atol=1e-12)
    assert points.base == 0.25


@given(base=log_odds, row=st.lists(log_odds, min_size=1, max_size=4), at=st.integers(0, 4))
def test_a_group_without_log_odds_has_no_points_and_changes_nobody_elses(base, row, at):
    at = min(at, len(row))
    widened = [*row[:at], 0.0, *row[at:]]
    without = points_of([base], [np.array([row])], list("abcd")[: len(row)], risk)
    points = points_of([base], [np.array([widened])], list("abcde")[: len(widened)], risk)
    assert abs(points.values[0, at]) < 1e-12
    np.testing.assert_allclose(np.delete(points.values[0], at), without.values[0], atol=1e-9)


@given(base=log_odds, twin=log_odds, rest=st.lists(log_odds, max_size=3))
def test_groups_with_the_same_log_odds_have_the_same_points(base, twin, rest):
    row = np.array([[twin, *rest, twin]])
    points = points_of([base], [row], [str(i) for i in range(row.shape[1])], risk)
    assert points.values[0, 0] == pytest.approx(points.values[0, -1], abs=1e-12)


@given(base=log_odds, row=st.lists(log_odds, min_size=1, max_size=5))
def test_points_of_one_risk_have_the_sign_of_the_groups_log_odds(base, row):
    points = points_of([base], [np.array([row])], [str(i) for i in range(len(row))], risk)
    for value, log_odd in zip(points.values[0], row, strict=True):
        assert value * np.sign(log_odd) >= -1e-12


def test_batches_do_not_change_points(monkeypatch):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 3))
    whole = points_of([0.1], [values], list("abc"), risk)
    monkeypatch.setattr("npsight.drivers.points.BATCH_VALUES", 56)
    batched = points_of([0.1], [values], list("abc"), risk)
    np.testing.assert_allclose(batched.values, whole.values, rtol=0, atol=1e-15)
    np.testing.assert_allclose(batched.total, whole.total, rtol=0, atol=1e-15)


def test_no_rows_give_no_points():
    points = points_of([0.0], [np.empty((0, 2))], ["a", "b"], risk)
    assert points.values.shape == (0, 2)
    assert points.base == pytest.approx(sigmoid(0.3))


def test_too_many_groups_are_refused():
    names = [str(i) for i in range(17)]
    with pytest.raises(ValueError, match="17 driver groups: .* at most 16; join some drivers"):
        points_of([0.0], [np.zeros((1, 17))], names, risk)


def test_terms_are_summed_within_their_group():
    split = Contributions(0.0, ("x", "y", "z"), np.array([[1.0, 2.0, 4.0]]), np.array([7.0]))
    result = grouped(split, {"x": "a", "y": "b", "z": "a"}, ["b", "a"])
    np.testing.assert_array_equal(result, [[2.0, 5.0]])


@pytest.mark.parametrize("gap", [2e-9, float("nan")])
def test_points_that_miss_the_displayed_number_are_refused(gap):
    points = Points(0.2, ("a",), np.array([[0.3 + gap]]), np.array([0.5]))
    with pytest.raises(ModelIntegrityError, match="driver points miss the displayed number by"):
        assert_adds_up(points)


@pytest.mark.parametrize("gap", [2e-6, float("nan")])
def test_contributions_that_miss_the_raw_score_are_refused(gap):
    split = Contributions(0.2, ("a",), np.array([[0.3]]), np.array([0.5 + gap]))
    with pytest.raises(ModelIntegrityError, match="contributions miss the raw score by"):
        assert_contributions_add_up(split)


def test_a_displayed_number_that_is_not_the_models_is_refused():
    with pytest.raises(ModelIntegrityError, match="driver points miss the displayed number by"):
        driver_points([0.1], [np.array([[0.5, -0.2]])], ["a", "b"], risk, np.array([0.9]))
