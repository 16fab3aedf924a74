"""LightGBM boosted from given log-odds, as native text: no pickle, the same bytes every time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from npsight.models.encoding import FeatureSchema, Matrix
from npsight.models.logits import Vector
from npsight.models.treeshap import TreeTables, assert_adds_up

if TYPE_CHECKING:
    import lightgbm

ROWS_WORTH_THREADS = 10_000
"""Below this, threads wait for each other longer than they work; the trees are the same."""
ROWS_WORTH_TABLES = 256
"""From here on contributions are looked up. Tables once made beat LightGBM from about 30 rows on,
and pay for being made, once a model, from about a thousand."""


@dataclass(frozen=True)
class TreeSettings:
    """Shallow, strongly regularised trees: NPS panels are small and noisy, and shallow trees
    are also the cheapest to explain.
    """

    max_trees: int = 200
    learning_rate: float = 0.06
    leaves: int = 8
    depth: int = 4
    shrink_rows: float = 100.0
    column_share: float = 0.5
    row_share: float = 0.8
    seed: int = 7
    threads: int = 2

    def parameters(self, rows: int, curvature: float = 0.25) -> dict[str, Any]:
        """LightGBM's parameters for a training set of that many rows.

        A leaf is shrunk as if `shrink_rows` rows that say nothing lay in it: `curvature` is the
        mean p(1 − p) of the rows, so that a rare event is not shrunk more than a frequent one.
        """
        return {
            "objective": "cross_entropy",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "max_depth": self.depth,
            "lambda_l2": self.shrink_rows * curvature,
            "min_data_in_leaf": int(np.clip(rows // 200, 5, 50)),
            "feature_fraction": self.column_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "max_bin": 63,
            "cat_smooth": 20.0,
            "max_cat_threshold": 16,
            "seed": self.seed,
            "num_threads": self.threads if rows >= ROWS_WORTH_THREADS else 1,
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }


@dataclass(frozen=True)
class Trees:
    """A boosted model in LightGBM's text form, and how much of the prior it started from.

    It was boosted from `prior_mean + prior_weight · (prior − prior_mean)`: trees cannot take
    back what they start from, and where features say the same as an account's past answers, all
    of the prior would be counted twice.
    """

    text: str
    prior_weight: float = 1.0
    prior_mean: float = 0.0

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    @cached_property
    def _tables(self) -> TreeTables | None:
        return TreeTables.of(self._booster.dump_model())

    def own(self, prior: Vector) -> Vector:
        """What starting from a part of the prior adds to all of it, shape (rows,)."""
        return (self.prior_weight - 1.0) * (prior - self.prior_mean)

    def added(self, matrix: Matrix, prior: Vector) -> Vector:
        """What the model adds to the prior's log-odds, shape (rows,)."""
        return self.own(prior) + self.log_odds(matrix)

    def contributions(self, matrix: Matrix) -> tuple[Matrix, float]:
        """Exact TreeSHAP of the trees in log-odds, shape (rows, features), and the expected
        value; without `own`.

        Raises ModelIntegrityError where those of a batch do not add up to the score, to 1e-9.
        """
        if len(matrix) == 0:
            return np.zeros_like(matrix), 0.0
        tables = self._tables if len(matrix) >= ROWS_WORTH_TABLES else None
        if tables is not None:
            values = tables.contributions(matrix)
            assert_adds_up(tables.base, values, self.log_odds(matrix))
            return values, tables.base
        full = np.asarray(self._booster.predict(matrix, pred_contrib=True), dtype=np.float64)
        return full[:, :-1], float(full[0, -1])

    def log_odds(self, matrix: Matrix) -> Vector:
        """The trees' sum, without `own`, shape (rows,)."""
        return np.asarray(self._booster.predict(matrix, raw_score=True), dtype=np.float64)

    def staged(self, matrix: Matrix, prior: Vector, stages: list[int]) -> list[Vector]:
        """`added` with the first n trees, for each n of the rising list `stages`."""
        total = self.own(prior)
        results, done = [], 0
        for stage in stages:
            if stage > done:
                total = total + self._booster.predict(
                    matrix, raw_score=True, start_iteration=done, num_iteration=stage - done
                )
                done = stage
            results.append(total.copy())
        return results


def fit_trees(
    matrix: Matrix,
    share: Vector,
    weight: Vector,
    start: Vector,
    schema: FeatureSchema,
    settings: TreeSettings,
    trees: int,
    prior_weight: float = 1.0,
) -> Trees:
    """Boost `trees` trees from the log-odds `start`, drawn to their mean by `prior_weight`,
    towards the observed shares.

    Training on a row's share with the row's weight is the same loss as training on each of its
    answers with weight 1 / answers.
    """
    import lightgbm

    made = Trees("", prior_weight, round(float(np.average(start, weights=weight)), 9))
    data = lightgbm.Dataset(
        matrix,
        label=share,
        weight=weight,
        init_score=start + made.own(start),
        feature_name=list(schema.names),
        categorical_feature=schema.categorical,
        params={"verbosity": -1},
        free_raw_data=True,
    )
    parameters = settings.parameters(len(matrix), _curvature(share, weight))
    if any(schema.monotone):
        parameters["monotone_constraints"] = list(schema.monotone)
    booster = lightgbm.train(parameters, data, num_boost_round=trees)
    return replace(made, text=booster.model_to_string())


def _curvature(share: Vector, weight: Vector) -> float:
    mean = float(np.average(share, weights=weight))
    return max(round(mean * (1 - mean), 6), 1e-3)
