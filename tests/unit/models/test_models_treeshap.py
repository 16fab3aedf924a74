"""Contributions from tables against brute-force Shapley values, and against LightGBM's own."""

from __future__ import annotations

import warnings
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_walker import shapley as walked
from tree_walker import splits

from npsight.errors import ModelIntegrityError
from npsight.models import treeshap
from npsight.models.trees import ROWS_WORTH_TABLES, Trees
from npsight.models.treeshap import Group, TreeTables, WideLeaf, assert_adds_up, shapley

HOSTILE = (
    *(np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-36, -1e-36, 5e-324, 1.1e-35, -1.1e-35),
    *(
        -0.5,
        -1.0,
        -0.999,
        0.5,
        0.999,
        1.0,
        1.5,
        2.999,
        3.0,
        7.0,
        99.0,
        -3.0,
        2.0**31,
        1e300,
        -1e300,
    ),
)
"""Values on which a split may be misread; the whole and nearly whole are for categories."""


def leaf(value, count):
    return {"leaf_value": value, "leaf_count": count}


def split(feature, threshold, left, right, default_left=True, missing="NaN"):
    reached = [node.get("leaf_count", node.get("internal_count")) for node in (left, right)]
    return {
        "split_feature": feature,
        "threshold": threshold,
        "decision_type": "==" if isinstance(threshold, str) else "<=",
        "default_left": default_left,
        "missing_type": missing,
        "internal_count": sum(reached),
        "left_child": left,
        "right_child": right,
    }


def dumped(*roots):
    return {
        "num_tree_per_iteration": 1,
        "average_output": False,
        "tree_info": [{"tree_structure": root} for root in roots],
    }


def boosted(seed=0, trees=20, count=600, categories=True, **parameters):
    """A booster on six columns: two categories, gaps, zeros, and one that never varies."""
    import lightgbm

    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, 6))
    matrix[:, 0] = rng.integers(0, 9, count)
    matrix[:, 1] = rng.integers(0, 3, count)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    matrix[rng.random(matrix.shape) < 0.1] = 0.0
    matrix[:, 5] = 1.0
    signal = np.isin(matrix[:, 0], (1, 4, 5)) + np.nan_to_num(matrix[:, 2]) * matrix[:, 3]
    label = (np.nan_to_num(signal) + rng.normal(size=count) > 0.4).astype(float)
    given = {
        "objective": "cross_entropy",
        "num_leaves": 8,
        "max_depth": 4,
        "learning_rate": 0.3,
        "min_data_in_leaf": 5,
        "min_data_per_group": 5,
        "cat_smooth": 1.0,
        "num_threads": 1,
        "seed": seed,
        "verbosity": -1,
    } | parameters
    data = lightgbm.Dataset(
        matrix, label=label, categorical_feature=[0, 1] if categories else [], free_raw_data=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # columns that never vary
        return lightgbm.train(given, data, num_boost_round=trees)


def rows(count=400, seed=1, columns=6):
    """Ordinary rows, then rows made of hostile values."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, columns))
    matrix[:, :2] = rng.integers(0, 11, (count, min(2, columns)))
    wild = rng.random(matrix.shape) < np.linspace(0, 0.9, count)[:, None]
    return np.where(wild, rng.choice(HOSTILE, matrix.shape), matrix)


def by_lightgbm(booster, matrix):
    full = booster.predict(matrix, pred_contrib=True, num_threads=1)
    return full[:, :-1], full[0, -1]


def assert_same(booster, matrix, tolerance=1e-9):
    tables = TreeTables.of(booster.dump_model())
    values = tables.contributions(matrix)
    wanted, base = by_lightgbm(booster, matrix)
    np.testing.assert_allclose(values, wanted, rtol=0, atol=tolerance)
    assert tables.base == pytest.approx(base, abs=tolerance)
    raw = booster.predict(matrix, raw_score=True, num_threads=1)
    assert_adds_up(tables.base, values, raw)
    return tables, values


def assert_walked(structures, tables, matrix):
    values = tables.contributions(matrix)
    for row, got in zip(matrix, values, strict=True):
        wanted, nothing = walked(structures, row)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)
        assert tables.base == pytest.approx(nothing, abs=1e-12)


KINDS = {
    "as ours": {},
    "numbers alone": {"categories": False},
    "gaps unknown": {"use_missing": False},
    "zero is missing": {"zero_as_missing": True, "categories": False},
    "monotone": {"monotone_constraints": [0, 0, 1, -1, 0, 0]},
    "stumps": {"num_leaves": 2},
    "one deep category": {"max_cat_to_onehot": 64, "num_leaves": 15, "max_depth": -1},
    "deep": {"num_leaves": 31, "max_depth": -1},
    "dropped trees": {"boosting": "dart"},
    "bagged": {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.5},
}


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_those_of_lightgbm(kind):
    booster = boosted(**KINDS[kind])
    tables, values = assert_same(booster, rows())
    assert len(tables.parts) >= 1
    assert np.ptp(values, axis=0)[[2, 3]].min() > 0.01
    assert not values[:, 5].any()


@pytest.mark.parametrize("kind", ["as ours", "zero is missing", "gaps unknown", "deep"])
def test_values_are_shapley_values_of_the_trees(kind):
    booster = boosted(trees=4, **KINDS[kind])
    structures = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    assert any(splits(tree) for tree in structures)
    assert_walked(structures, TreeTables.of(booster.dump_model()), rows(24)[::2])


def test_the_examples_have_every_kind_of_split():
    nodes = [
        node
        for kind in ("as ours", "zero is missing", "gaps unknown")
        for tree in boosted(**KINDS[kind]).dump_model()["tree_info"]
        for node in splits(tree["tree_structure"])
    ]
    kinds = {(n["decision_type"], n["missing_type"], n["default_left"]) for n in nodes}
    numbers = {kind[1:] for kind in kinds if kind[0] == "<="}
    assert numbers >= {("NaN", True), ("NaN", False), ("Zero", True), ("Zero", False)}
    assert any(missing == "None" for missing, _ in numbers)
    assert any("||" in str(n["threshold"]) for n in nodes)


@pytest.mark.parametrize("missing", ["NaN", "Zero", "None"])
@pytest.mark.parametrize("default_left", [True, False])
@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.0, 1e-35, -1e-35, 1e-36, 1e300])
def test_every_hostile_number_goes_the_right_way(missing, default_left, threshold):
    root = split(0, threshold, leaf(-1.0, 30), leaf(2.0, 10), default_left, missing)
    assert_walked([root], TreeTables.of(dumped(root)), np.array(HOSTILE)[:, None])


def test_a_split_of_numbers_from_gaps_takes_infinities_for_numbers():
    booster = boosted(0, trees=5, count=300, categories=False, num_leaves=3, max_depth=-1)
    assert "inf" in booster.model_to_string()
    assert_same(booster, np.array([[x] * 6 for x in HOSTILE]))


@pytest.mark.parametrize("codes", ["0", "1", "0||2||3", "7", "1||99"])
def test_every_hostile_category_goes_the_right_way(codes):
    root = split(0, codes, leaf(-1.0, 30), leaf(2.0, 10), missing="None")
    assert_walked([root], TreeTables.of(dumped(root)), np.array(HOSTILE)[:, None])


def test_a_feature_that_is_split_again_counts_once():
    inner = split(0, -1.0, leaf(4.0, 5), leaf(1.0, 15))
    root = split(0, 1.0, split(1, 0.0, inner, leaf(-3.0, 20)), leaf(2.0, 60))
    matrix = np.array(list(product((-2.0, 0.0, 2.0, np.nan), (-1.0, 1.0, np.nan))))
    assert_walked([root], TreeTables.of(dumped(root)), matrix)


def test_constant_trees_move_the_base_alone():
    stump = split(1, 0.5, leaf(1.0, 25), leaf(-1.0, 75))
    tables = TreeTables.of(dumped(leaf(0.25, 100), stump, leaf(0.5, 100)))
    assert tables.base == pytest.approx(0.25 + 0.5 - 0.5, abs=1e-15)
    np.testing.assert_allclose(tables.contributions(np.array([[9.0, 0.0]])), [[0.0, 1.5]])


def test_a_model_of_constant_trees_contributes_nothing():
    tables = TreeTables.of(dumped(leaf(0.25, 100)))
    assert (tables.base, tables.parts) == (0.25, ())
    np.testing.assert_array_equal(tables.contributions(np.ones((3, 2))), np.zeros((3, 2)))


def test_a_booster_that_found_no_split_is_explained():
    booster = boosted(min_data_in_leaf=600)
    _, values = assert_same(booster, rows(10))
    assert not values.any()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_rows_are_rows_too(count):
    booster = boosted()
    values = TreeTables.of(booster.dump_model()).contributions(rows()[:count])
    assert values.shape == (count, 6)
    if count:
        np.testing.assert_allclose(values, by_lightgbm(booster, rows()[:count])[0], atol=1e-12)


def test_a_row_does_not_depend_on_the_rows_beside_it(monkeypatch):
    tables, matrix = TreeTables.of(boosted().dump_model()), rows()
    together = tables.contributions(matrix, threads=1)
    monkeypatch.setattr(treeshap, "CHUNK_ROWS", 37)
    np.testing.assert_array_equal(tables.contributions(matrix, threads=1), together)
    np.testing.assert_array_equal(tables.contributions(matrix, threads=3), together)
    np.testing.assert_array_equal(tables.contributions(matrix[::-1], threads=2), together[::-1])


@pytest.mark.parametrize("states", [1, 2, 7, 64, 100_000])
def test_groups_of_any_size_give_the_same(monkeypatch, states):
    booster = boosted(**KINDS["deep"])
    monkeypatch.setattr(treeshap, "MOST_STATES", states)
    tables, _ = assert_same(booster, rows(), 1e-12)
    largest = [len(part.tables[0]) for part in tables.parts]
    alone = 1 << max(len(part.features) for part in tables.parts)
    assert max(largest) <= max(states, alone)


def test_leaves_without_a_table_give_the_same(monkeypatch):
    booster = boosted(**KINDS["deep"])
    monkeypatch.setattr(treeshap, "MOST_FEATURES", 2)
    tables, _ = assert_same(booster, rows(), 1e-12)
    assert {type(part) for part in tables.parts} == {Group, WideLeaf}


def test_a_path_of_more_features_than_a_table_can_hold():
    features = treeshap.MOST_FEATURES + 1
    rng = np.random.default_rng(3)
    node = leaf(1.0, 7)
    for feature in range(features):
        other = leaf(float(rng.normal()), int(rng.integers(1, 40)))
        node = split(feature, 0.0, *((node, other) if feature % 2 else (other, node)))
    tables = TreeTables.of(dumped(node))
    assert any(isinstance(part, WideLeaf) for part in tables.parts)
    always = np.where(np.arange(features) % 2, -1.0, 1.0)
    assert_walked([node], tables, np.array([always, rng.normal(size=features)]))


@given(
    shares=st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=7),
    data=st.data(),
)
@settings(max_examples=60)
def test_a_leafs_game_is_solved_exactly(shares, data):
    count = len(shares)
    passed = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    got = shapley(np.array(shares), np.array(passed)[:, None])[:, 0]
    wanted = np.zeros(count)
    for feature in range(count):
        others = [i for i in range(count) if i != feature]
        for known in product((False, True), repeat=count - 1):
            factors = [passed[i] if k else shares[i] for i, k in zip(others, known, strict=True)]
            chance = 1 / (count * comb(count - 1, sum(known)))
            wanted[feature] += chance * np.prod(factors) * (passed[feature] - shares[feature])
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)


@given(
    seed=st.integers(0, 10_000),
    leaves=st.integers(2, 40),
    depth=st.sampled_from([-1, 2, 3, 5]),
    zero=st.booleans(),
    categories=st.booleans(),
    states=st.sampled_from([8, 200, 1024]),
)
@settings(max_examples=25)
def test_random_boosters_are_explained_as_lightgbm_does(
    seed, leaves, depth, zero, categories, states
):
    kind = {"num_leaves": leaves, "max_depth": depth, "zero_as_missing": zero}
    booster = boosted(seed, trees=5, count=300, categories=categories, **kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(treeshap, "MOST_STATES", states)
        assert_same(booster, rows(200, seed))


@pytest.mark.parametrize(
    "parameters",
    [
        {"objective": "multiclass", "num_class": 2},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"objective": "regression", "linear_tree": True},
    ],
)
def test_models_of_another_kind_are_left_to_lightgbm(parameters):
    booster = boosted(trees=3, categories=False, **parameters)
    assert TreeTables.of(booster.dump_model()) is None


def test_a_leaf_that_nobody_reached_is_left_to_lightgbm():
    assert TreeTables.of(dumped(split(0, 0.0, leaf(1.0, 0), leaf(2.0, 5)))) is None


def test_batches_and_single_rows_are_explained_alike():
    booster = boosted()
    trees, matrix = Trees(booster.model_to_string()), rows(ROWS_WORTH_TABLES)
    many, base = trees.contributions(matrix)
    fewer, same_base = trees.contributions(matrix[:-1])
    np.testing.assert_allclose(many[:-1], fewer, rtol=0, atol=1e-12)
    assert base == pytest.approx(same_base, abs=1e-12)
    assert "_tables" in vars(trees)


def test_a_batch_that_does_not_add_up_is_refused(monkeypatch):
    trees, matrix = Trees(boosted().model_to_string()), rows(ROWS_WORTH_TABLES)
    right = TreeTables.contributions
    monkeypatch.setattr(
        TreeTables, "contributions", lambda self, matrix: right(self, matrix) + 1e-8 / 6
    )
    with pytest.raises(ModelIntegrityError, match="miss their score by 1e-08"):
        trees.contributions(matrix)


@pytest.mark.parametrize("wrong", [2e-9, np.nan, np.inf])
def test_what_does_not_add_up_is_refused(wrong):
    with pytest.raises(ModelIntegrityError, match="the trees' contributions miss"):
        assert_adds_up(0.5, np.array([[0.25, 0.25], [0.0, wrong]]), np.array([1.0, 0.5]))
    assert_adds_up(0.5, np.array([[0.25, 0.25]]), np.array([1.0]))
    assert_adds_up(0.5, np.zeros((0, 2)), np.zeros(0))
