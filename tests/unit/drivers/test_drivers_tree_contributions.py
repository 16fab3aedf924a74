"""TreeSHAP of the model's trees against Shapley values of the tree walker in tests/helpers."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from tree_walker import expected, shapley, splits

from npsight.drivers.points import assert_contributions_add_up
from npsight.models.encoding import FeatureSchema
from npsight.models.part import PRIOR_TERM
from npsight.models.trees import ROWS_WORTH_TABLES, Trees, TreeSettings, fit_trees

FEATURES = ("gappy", "whole", "plan", "noise")
SCHEMA = FeatureSchema(
    FEATURES, (None, None, ("a", "b", "c", "d", "e"), None), (0, 0, 0, 0), (None,) * 4
)


def training_matrix(count=3000, seed=4):
    """`gappy` has gaps, `whole` and `noise` have none, `plan` is a category with gaps."""
    rng = np.random.default_rng(seed)
    gappy = np.where(rng.random(count) < 0.2, np.nan, rng.normal(size=count))
    plan = np.where(rng.random(count) < 0.1, np.nan, rng.integers(0, 5, count).astype(float))
    return np.column_stack([gappy, rng.normal(size=count), plan, rng.normal(size=count)])


@pytest.fixture(scope="module")
def trees():
    matrix = training_matrix()
    rng = np.random.default_rng(5)
    signal = (
        np.nan_to_num(matrix[:, 0], nan=1.5)
        + matrix[:, 1] * (np.isin(matrix[:, 2], (1, 3)) * 2 - 0.5)
        + np.isin(matrix[:, 2], (0, 3))
    )
    share = (signal + rng.normal(size=len(matrix)) > 0.5).astype(float)
    weight = rng.uniform(0.2, 1.0, len(matrix))
    start = rng.normal(0, 0.5, len(matrix))
    settings = TreeSettings(learning_rate=0.3, column_share=1.0)
    return fit_trees(matrix, share, weight, start, SCHEMA, settings, trees=12)


@pytest.fixture(scope="module")
def structures(trees):
    import lightgbm

    dumped = lightgbm.Booster(model_str=trees.text).dump_model()
    return [tree["tree_structure"] for tree in dumped["tree_info"]]


def rows_to_explain():
    rows = training_matrix(12, seed=6)
    extremes = [
        [np.nan, np.nan, np.nan, np.nan],
        [0.0, np.nan, 4.0, 0.0],
        [1e9, -1e9, 3.0, 1e-300],
        [-5.0, 5.0, 0.0, np.nan],
    ]
    return np.vstack([rows, extremes])


def test_the_example_has_every_kind_of_split(structures):
    nodes = [node for tree in structures for node in splits(tree)]
    kinds = {(node["decision_type"], node["missing_type"]) for node in nodes}
    assert {("<=", "NaN"), ("<=", "None")} <= kinds
    assert any(node["decision_type"] == "==" for node in nodes)
    assert {node["default_left"] for node in nodes if node["missing_type"] == "NaN"} == {
        True,
        False,
    }
    assert {node["split_feature"] for node in nodes} >= {0, 1, 2}


def test_contributions_are_shapley_values_of_the_trees(trees, structures):
    matrix = rows_to_explain()
    values, base = trees.contributions(matrix)
    assert values.shape == (16, 4)
    for row, got in zip(matrix, values, strict=True):
        wanted, nothing = shapley(structures, row)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-9)
        assert base == pytest.approx(nothing, abs=1e-9)


def test_contributions_of_a_batch_are_shapley_values_too(trees, structures):
    matrix = rows_to_explain()
    times = -(-ROWS_WORTH_TABLES // len(matrix))
    values, base = trees.contributions(np.tile(matrix, (times, 1)))
    for place, row in enumerate(matrix):
        wanted, nothing = shapley(structures, row)
        np.testing.assert_allclose(values[place], wanted, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(values[place :: len(matrix)].std(axis=0), 0.0)
    assert base == pytest.approx(nothing, abs=1e-12)


def test_the_walker_scores_as_the_trees_do(trees, structures):
    matrix = rows_to_explain()
    every = frozenset(range(4))
    walked = [sum(expected(tree, row, every) for tree in structures) for row in matrix]
    np.testing.assert_allclose(trees.log_odds(matrix), walked, rtol=0, atol=1e-9)


def test_one_row_is_split_as_it_is_among_many(trees):
    matrix = rows_to_explain()
    together, base = trees.contributions(matrix)
    for position in range(len(matrix)):
        alone, base_alone = trees.contributions(matrix[position : position + 1])
        np.testing.assert_array_equal(alone[0], together[position])
        assert base_alone == base


def test_stages_end_at_the_whole_model(trees):
    matrix = rows_to_explain()
    prior = np.linspace(-2, 1, len(matrix))
    stages = trees.staged(matrix, prior, [3, 12])
    np.testing.assert_allclose(stages[1], trees.added(matrix, prior), rtol=0, atol=1e-12)
    assert np.max(np.abs(stages[0] - stages[1])) > 1e-3


def test_text_alone_makes_the_same_trees(trees):
    again = Trees(json.loads(json.dumps(trees.text)))
    np.testing.assert_array_equal(
        again.contributions(rows_to_explain())[0], trees.contributions(rows_to_explain())[0]
    )


@pytest.mark.parametrize("name", ["detractor", "promoter", "churn"])
def test_a_parts_contributions_add_up_to_its_raw_score(model, now, name):
    part = dict(model.parts())[name]
    split = part.contributions(now)
    total = split.base + split.values.sum(axis=1)
    np.testing.assert_allclose(total, part.raw(now), rtol=0, atol=1e-6)
    assert split.terms == (PRIOR_TERM, *part.schema.names)
    assert_contributions_add_up(split)
    assert np.ptp(split.values[:, 0]) > 0.1 or name == "churn"


@pytest.mark.parametrize("name", ["detractor", "promoter", "churn"])
def test_a_part_splits_a_batch_as_it_splits_its_rows(model, now, name):
    part = dict(model.parts())[name]
    times = -(-ROWS_WORTH_TABLES // len(now))
    many = part.contributions(pd.concat([now] * times, ignore_index=True))
    few = part.contributions(now.head(min(len(now), ROWS_WORTH_TABLES - 1)))
    np.testing.assert_allclose(many.values[: len(few.values)], few.values, rtol=0, atol=1e-12)
    assert many.base == pytest.approx(few.base, abs=1e-12)
    assert_contributions_add_up(many, tolerance=1e-9)


def test_a_prior_alone_moves_by_its_own_term_alone(make_model, now):
    part = make_model(detractor=0).detractor
    split = part.contributions(now)
    own = split.terms.index(PRIOR_TERM)
    assert not np.delete(split.values, own, axis=1).any()
    assert split.base == part.prior_mean
    np.testing.assert_allclose(split.base + split.values[:, own], part.raw(now), atol=1e-12)
