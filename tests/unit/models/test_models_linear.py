"""The regression: against scikit-learn, its own gradient, and its exact split."""

from __future__ import annotations

import numpy as np
import pytest

from npsight.models.design import LIMIT, Design
from npsight.models.encoding import FeatureSchema, learn_schema
from npsight.models.linear import LinearProblem
from npsight.models.logits import probability

RIDGE = 7.0


def number_schema(count: int) -> FeatureSchema:
    names = tuple(f"x{i}" for i in range(count))
    return FeatureSchema(names, (None,) * count, (0,) * count, (None,) * count)


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(3)
    matrix = rng.normal(0, 2, (400, 3))
    chance = probability(0.4 + matrix @ np.array([0.8, -0.5, 0.0]))
    return matrix, (rng.random(400) < chance).astype(float), rng.uniform(0.5, 2, 400)


def test_without_a_prior_it_is_sklearns_ridge(numbers):
    """A constant prior of log-odds 0 has no say: what is left is the plain regression."""
    from sklearn.linear_model import LogisticRegression

    matrix, label, weight = numbers
    problem = LinearProblem(matrix, number_schema(3), label, weight, np.zeros(400))
    ours = problem.fit(RIDGE)
    theirs = LogisticRegression(C=1 / RIDGE, tol=1e-10, max_iter=10_000)
    theirs.fit(Design(problem.columns).of(matrix), label, sample_weight=weight)
    np.testing.assert_allclose(ours.coefficients, theirs.coef_[0], atol=1e-4)
    assert ours.intercept == pytest.approx(float(theirs.intercept_[0]), abs=1e-4)
    assert ours.prior_weight == 1.0


def test_the_gradient_is_zero_at_the_solution(numbers):
    matrix, label, weight = numbers
    prior = np.random.default_rng(4).normal(0, 1, 400)
    share = np.clip(label * 0.8 + 0.1, 0, 1)
    problem = LinearProblem(matrix, number_schema(3), share, weight, prior)
    found = problem.fit(RIDGE)
    theta = np.array([*found.coefficients, found.prior_weight, found.intercept])
    strength = np.array([RIDGE] * 4 + [1e-6])
    best = problem._loss(theta, strength)
    for i in range(len(theta)):
        step = np.zeros(len(theta))
        step[i] = 1e-4
        slope = (
            problem._loss(theta + step, strength) - problem._loss(theta - step, strength)
        ) / 2e-4
        assert abs(slope) < 1e-2
        assert problem._loss(theta + 100 * step, strength) > best
        assert problem._loss(theta - 100 * step, strength) > best


def test_an_infinite_ridge_leaves_the_prior(numbers):
    matrix, label, weight = numbers
    prior = np.random.default_rng(4).normal(0, 1, 400)
    found = LinearProblem(matrix, number_schema(3), label, weight, prior).fit(1e12)
    assert np.abs(found.coefficients).max() < 1e-6
    assert found.prior_weight == pytest.approx(1.0, abs=1e-6)


def test_the_order_of_ridges_does_not_matter(numbers):
    matrix, label, weight = numbers
    problem = LinearProblem(matrix, number_schema(3), label, weight, np.zeros(400))
    problem.fit(1000.0)
    warm = problem.fit(RIDGE)
    cold = LinearProblem(matrix, number_schema(3), label, weight, np.zeros(400)).fit(RIDGE)
    np.testing.assert_allclose(warm.coefficients, cold.coefficients, atol=1e-5)


@pytest.fixture(scope="module")
def fitted(examples, specs):
    schema = learn_schema(examples.frame, specs)
    matrix = schema.encode(examples.frame)
    prior = np.random.default_rng(0).normal(-1, 0.5, len(examples))
    problem = LinearProblem(matrix, schema, examples.share, examples.weight, prior)
    return problem.fit(3.0), matrix, prior


def test_contributions_add_up(fitted):
    linear, matrix, prior = fitted
    terms, extra = linear.contributions(matrix, prior)
    np.testing.assert_allclose(
        linear.intercept + terms.sum(axis=1) + extra, linear.added(matrix, prior), atol=1e-12
    )


def test_contributions_have_mean_zero_over_the_training_rows(fitted):
    linear, matrix, prior = fitted
    terms, _ = linear.contributions(matrix, prior)
    cut = list(linear.columns)
    assert {c.feature for c in cut} == {0, 1, 2}
    assert np.abs(terms.mean(axis=0)).max() < 0.02


def test_missing_numbers_have_a_column_of_their_own(fitted):
    linear, _, _ = fitted
    kinds = [(c.feature, c.missing, c.value) for c in linear.columns]
    assert (1, True, None) in kinds
    assert (0, True, None) not in kinds
    assert {value for feature, _, value in kinds if feature == 2} == {0.0, 1.0}


def test_a_gap_that_training_never_saw_is_the_mean(fitted):
    linear, matrix, prior = fitted
    row = matrix[:1].copy()
    row[0, 0] = np.nan
    terms, _ = linear.contributions(row, prior[:1])
    assert terms[0, 0] == 0.0


def test_one_huge_value_is_cut(fitted):
    linear, matrix, _ = fitted
    row = matrix[:1].copy()
    row[0, 0] = 1e300
    assert np.abs(Design(linear.columns).of(row)).max() <= LIMIT
    assert np.isfinite(linear.added(row, np.zeros(1))).all()


@pytest.mark.parametrize("direction", [(1, 1, 0), (-1, -1, 0), (1, -1, 0), (-1, 1, 1)])
def test_no_coefficient_goes_against_its_declared_direction(numbers, direction):
    matrix, label, weight = numbers
    names = tuple(f"x{i}" for i in range(3))
    schema = FeatureSchema(names, (None,) * 3, direction, (None,) * 3)
    made = LinearProblem(matrix, schema, label, weight, np.zeros(400)).fit(RIDGE)
    free = LinearProblem(matrix, number_schema(3), label, weight, np.zeros(400)).fit(RIDGE)
    for ours, own_way, sign in zip(made.coefficients, free.coefficients, direction, strict=True):
        if sign * own_way < 0:
            assert ours == 0.0
        elif sign:
            assert sign * ours > 0


def test_directions_that_agree_change_nothing(numbers):
    matrix, label, weight = numbers
    schema = FeatureSchema(("a", "b", "c"), (None,) * 3, (1, -1, 0), (None,) * 3)
    made = LinearProblem(matrix, schema, label, weight, np.zeros(400)).fit(RIDGE)
    free = LinearProblem(matrix, number_schema(3), label, weight, np.zeros(400)).fit(RIDGE)
    assert made == free


def test_of_many_rows_every_second_is_used_and_counts_twice(numbers, monkeypatch):
    matrix, label, weight = numbers
    half = LinearProblem(
        matrix[::2], number_schema(3), label[::2], 2 * weight[::2], np.zeros(200)
    ).fit(RIDGE)
    monkeypatch.setattr("npsight.models.linear.MOST_ROWS", 200)
    assert LinearProblem(matrix, number_schema(3), label, weight, np.zeros(400)).fit(RIDGE) == half
