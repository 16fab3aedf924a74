"""Models of a realistic size, boosted with the product's own settings on made-up accounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npsight.models.encoding import FeatureSchema, Matrix
from npsight.models.trees import Trees, TreeSettings, fit_trees

TRAINING_ROWS = 12_000
CATEGORIES = 6
CODES = 9


@dataclass(frozen=True)
class Shape:
    """A model's size; of the rows explained, LightGBM is timed on the first `lightgbm_rows`."""

    name: str
    features: int
    trees: int
    settings: TreeSettings
    lightgbm_rows: int


SHAPES = {
    "demo": Shape("100 × 8 leaves, depth 4", 72, 100, TreeSettings(), 100_000),
    "large": Shape("300 × 31 leaves", 72, 300, TreeSettings(leaves=31, depth=-1), 4_000),
}
"""The first is what `npsight train` makes of the demo company."""


def accounts(count: int, features: int, seed: int) -> Matrix:
    """Features of made-up accounts: categories first, then counts and skewed and plain numbers
    by turns; one in twelve is missing.
    """
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, features))
    matrix[:, 1::3] = np.floor(np.exp(matrix[:, 1::3]))
    matrix[:, 2::3] = np.exp(matrix[:, 2::3])
    matrix[:, :CATEGORIES] = rng.integers(0, CODES, (count, CATEGORIES))
    matrix[rng.random(matrix.shape) < 1 / 12] = np.nan
    return matrix


def boosted(shape: Shape) -> Trees:
    """Trees of that shape, which follow a third of the features."""
    rng = np.random.default_rng(1)
    matrix = accounts(TRAINING_ROWS, shape.features, seed=2)
    known = np.nan_to_num(matrix)
    weights = rng.normal(size=shape.features) * (rng.random(shape.features) < 1 / 3)
    signal = np.clip(known, -3, 3)[:, CATEGORIES:] @ weights[CATEGORIES:]
    signal += np.isin(known[:, 0], (1, 4, 5)) + known[:, 6] * (known[:, 7] > 1)
    share = (signal + rng.normal(0, 2, len(matrix)) > np.median(signal)).astype(np.float64)
    kinds = [tuple(map(str, range(CODES)))] * CATEGORIES + [None] * (shape.features - CATEGORIES)
    names = tuple(f"feature_{i}" for i in range(shape.features))
    schema = FeatureSchema(names, tuple(kinds), (0,) * len(names), (None,) * len(names))
    ones = np.ones(len(matrix))
    return fit_trees(matrix, share, ones, 0 * ones, schema, shape.settings, shape.trees)
