"""Regularised logistic regression on top of the prior: smooth effects, from little data.

log-odds = intercept + prior_weight · prior + Σ coefficient · z, where z is the standardised
column. Numbers go through sign(x)·log(1 + |x|/scale) first, so that one huge account does not
bend the line; a missing number is its mean (z = 0) with a column of its own for being missing;
a category is one column a value. The penalty is ridge/2 · (Σ coefficient² + (prior_weight − 1)²).
A number declared monotone has no coefficient against its direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from npsight.models.design import Column, Design, design_columns
from npsight.models.encoding import FeatureSchema, Matrix
from npsight.models.logits import Vector, probability

MOST_STEPS = 30
WALL = 1e12
CURVATURE_ROWS = 20_000
CURVATURE_STEPS = 6
MOST_ROWS = 60_000


@dataclass(frozen=True)
class Linear:
    """A fitted regression; everything needed to score, as plain numbers."""

    columns: tuple[Column, ...]
    coefficients: tuple[float, ...]
    intercept: float
    prior_weight: float

    @cached_property
    def _design(self) -> Design:
        return Design(self.columns)

    @cached_property
    def _weights(self) -> Vector:
        return np.asarray(self.coefficients)

    def added(self, matrix: Matrix, prior: Vector) -> Vector:
        """What the regression adds to the prior's log-odds, shape (rows,)."""
        own = self.intercept + (self.prior_weight - 1.0) * prior
        added = own + self._design.of(matrix) @ self._weights
        return np.asarray(added, dtype=np.float64)

    def contributions(self, matrix: Matrix, prior: Vector) -> tuple[Matrix, Vector]:
        """Split of `added`: each feature's term, shape (rows, features), zero at its training
        mean (the exact Shapley value of a linear model), and the prior's extra term.
        """
        values = np.zeros_like(matrix)
        design = self._design.of(matrix)
        for j, (column, weight) in enumerate(zip(self.columns, self.coefficients, strict=True)):
            values[:, column.feature] += weight * design[:, j]
        return values, (self.prior_weight - 1.0) * prior


class LinearProblem:
    """One training set, fitted at several ridge strengths, each started from the last.

    Beyond `MOST_ROWS` every k-th row is used, weighing k: rows come by day and account, so all
    days and accounts have their part, and a coefficient is known to a hundredth by then.
    """

    def __init__(
        self, matrix: Matrix, schema: FeatureSchema, share: Vector, weight: Vector, prior: Vector
    ) -> None:
        every = max(1, -(-len(matrix) // MOST_ROWS))
        some = slice(None, None, every)
        matrix, prior = matrix[some], prior[some]
        self.share, self.weight = share[some], every * weight[some]
        self.columns = design_columns(matrix, schema, self.weight)
        design = Design(self.columns).of(matrix)
        self.full = np.column_stack([design, prior, np.ones(len(matrix))])
        self.direction = np.zeros(self.full.shape[1])
        for j, column in enumerate(self.columns):
            if column.value is None and not column.missing:
                self.direction[j] = schema.monotone[column.feature]
        self.centre = np.zeros(self.full.shape[1])
        self.centre[-2] = 1.0
        self.last = self.centre.copy()

    def fit(self, ridge: float) -> Linear:
        """The regression of least penalised log loss, by Newton's method."""
        strength = np.full(self.full.shape[1], ridge)
        strength[-1] = 1e-6
        theta = self._newton(self.last, strength)
        while (against := theta * self.direction < 0).any():
            # A column that wants to go against its direction stays out: the pull on it is endless.
            strength[against] = WALL
            theta = self._newton(np.where(against, 0.0, theta), strength)
            theta[strength == WALL] = 0.0
        self.last = theta
        return Linear(
            columns=self.columns,
            coefficients=tuple(round(float(c), 9) for c in theta[:-2]),
            intercept=round(float(theta[-1]), 9),
            prior_weight=round(float(theta[-2]), 9),
        )

    def _newton(self, theta: Vector, strength: Vector) -> Vector:
        """Newton's method with a curvature that is computed anew now and then.

        The curvature decides the way, not the end: that is where the exact gradient is zero.
        """
        raw = self.full @ theta
        loss = self._loss(theta, strength, raw)
        curvature, fresh = self._curvature(raw), True
        for steps in range(1, MOST_STEPS + 1):
            step = self._step(theta, strength, raw, curvature)
            size = 1.0
            move = self.full @ step
            while (
                better := self._loss(theta - size * step, strength, raw - size * move)
            ) > loss and size > 1e-4:
                size /= 2
            if better < loss:
                theta, raw = theta - size * step, raw - size * move
                gained, loss = loss - better, better
                if gained < 1e-12 * max(1.0, abs(loss)):
                    break
                fresh = False
                if size == 1.0 and steps % CURVATURE_STEPS:
                    continue
            elif fresh:
                break
            curvature, fresh = self._curvature(raw), True
        return theta

    def _step(self, theta: Vector, strength: Vector, raw: Vector, curvature: Matrix) -> Vector:
        gradient = self.full.T @ (self.weight * (probability(raw) - self.share))
        gradient += strength * (theta - self.centre)
        return np.asarray(
            np.linalg.solve(curvature + np.diag(strength + 1e-9), gradient), dtype=np.float64
        )

    def _curvature(self, raw: Vector) -> Matrix:
        """Second derivative of the loss, from every k-th row where there are many."""
        every = max(1, len(self.full) // CURVATURE_ROWS)
        some = slice(None, None, every)
        predicted = probability(raw[some])
        weight = every * self.weight[some] * predicted * (1 - predicted)
        part = self.full[some]
        return np.asarray(part.T @ (weight[:, None] * part), dtype=np.float64)

    def _loss(self, theta: Vector, strength: Vector, raw: Vector | None = None) -> float:
        raw = self.full @ theta if raw is None else raw
        fit = self.weight @ (np.logaddexp(0.0, raw) - self.share * raw)
        return float(fit + 0.5 * strength @ (theta - self.centre) ** 2)
