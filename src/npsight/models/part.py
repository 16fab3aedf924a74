"""One yes/no model: prior, plus a blend of learners, then calibration; and its exact split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npsight.models.calibration import Calibration
from npsight.models.encoding import FeatureSchema, Matrix
from npsight.models.linear import Linear
from npsight.models.logits import Vector
from npsight.models.prior import Prior
from npsight.models.rows import Features, rows_of
from npsight.models.trees import Trees

PRIOR_TERM = "prior"


@dataclass(frozen=True)
class Contributions:
    """Log-odds split over terms: `base + values.sum(axis=1) == raw`, to 1e-6.

    `values` has shape (rows, terms); `terms` are feature names and, first, `"prior"`: the
    prior's own term, measured from its mean over the training rows.
    """

    base: float
    terms: tuple[str, ...]
    values: Matrix
    raw: Vector


@dataclass(frozen=True)
class PartModel:
    """raw = prior + linear_blend · linear + tree_blend · trees; probability = calibration(raw).

    A learner with blend 0 is None: with both None the prior stands alone. `prior_mean` is the
    mean log-odds of the prior over the training rows. `has_skill` is False where the backtest
    showed nothing that tells accounts apart: such a part is its prior alone.
    """

    name: str
    prior: Prior
    prior_mean: float
    schema: FeatureSchema
    calibration: Calibration
    linear: Linear | None = None
    linear_blend: float = 0.0
    trees: Trees | None = None
    tree_blend: float = 0.0
    tree_count: int = 0
    has_skill: bool = True

    def raw(self, features: Features) -> Vector:
        """Log-odds before calibration, shape (rows,)."""
        rows = rows_of(features)
        prior = self.prior.log_odds(rows)
        if self.linear is None and self.trees is None:
            return prior
        return self._raw(self.schema.encode(rows), prior)

    def _raw(self, matrix: Matrix, prior: Vector) -> Vector:
        raw = prior
        if self.linear is not None:
            raw = raw + self.linear_blend * self.linear.added(matrix, prior)
        if self.trees is not None:
            raw = raw + self.tree_blend * self.trees.added(matrix, prior)
        return raw

    def probability(self, features: Features) -> Vector:
        """Calibrated probability of the event, shape (rows,)."""
        return self.calibration.apply(self.raw(features))

    def contributions(self, features: Features) -> Contributions:
        """The exact split of `raw`: TreeSHAP (path-dependent; Lundberg et al. 2020) for the
        trees, coefficient times distance from the mean for the regression.
        """
        rows = rows_of(features)
        prior = self.prior.log_odds(rows)
        own = prior - self.prior_mean
        base = self.prior_mean
        if self.linear is None and self.trees is None:
            return Contributions(base, (PRIOR_TERM,), own[:, None], prior)
        matrix = self.schema.encode(rows)
        values = np.zeros_like(matrix)
        if self.linear is not None:
            terms, extra = self.linear.contributions(matrix, prior)
            weight = self.linear.prior_weight - 1.0
            values += self.linear_blend * terms
            own = own + self.linear_blend * (extra - weight * self.prior_mean)
            base += self.linear_blend * (self.linear.intercept + weight * self.prior_mean)
        if self.trees is not None:
            terms, expected = self.trees.contributions(matrix)
            values += self.tree_blend * terms
            level = np.full(1, self.prior_mean)
            at_mean = float(self.trees.own(level)[0])
            own = own + self.tree_blend * (self.trees.own(prior) - at_mean)
            base += self.tree_blend * (expected + at_mean)
        return Contributions(
            base=base,
            terms=(PRIOR_TERM, *self.schema.names),
            values=np.column_stack([own, values]),
            raw=self._raw(matrix, prior),
        )
