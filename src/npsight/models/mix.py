"""By how much answers of one touchpoint, role or seniority differ from what was foreseen.

For each of the three, a logistic regression of "is a detractor's" on its values, with the
out-of-time prediction's log-odds as offset and a small ridge:

    log-odds = prediction + intercept + effect(value)

The points of a value are the mean, over its answers, of the probability with its own effect less
that with the mean effect of the other values: so accounts that are at risk anyway are not counted
against a touchpoint. The covariance is the sandwich clustered by account (Liang & Zeger 1986), the
interval of the points from it by the delta method.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsight.models.encoding import Matrix
from npsight.models.logits import Vector, logit, probability

KINDS = ("touchpoint", "role", "seniority")
RIDGE = 1.0
"""Pull of an effect towards none, in answers' worth of log loss."""
FEWEST_ANSWERS = 30
FEWEST_ACCOUNTS = 10
MOST_VALUES = 20
STEPS = 50
NORMAL_95 = 1.96


@dataclass(frozen=True)
class MixEffect:
    """One value of one kind against the other values, for the same predictions.

    `points`, `low` and `high` (95 %) are differences of the share of detractors, in points of a
    hundred; `answers` and `accounts` are those of the value.
    """

    kind: str
    value: str
    answers: int
    accounts: int
    points: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """In words, such as for a report."""
        way = "more" if self.points >= 0 else "less"
        return (
            f"Answers of {self.kind} {self.value} are detractors' {abs(self.points):.1f} points "
            f"{way} often ({self.low:+.1f} to {self.high:+.1f}) than the others of accounts with "
            f"the same prediction; {self.answers:,} answers of {self.accounts:,} accounts."
        )


def mix_effects(answers: pd.DataFrame) -> tuple[MixEffect, ...]:
    """Effects of every kind of which there are at least two values with enough answers.

    `answers` has one row an answer: `account`, `as_of`, `band`, `predicted` (the account's
    out-of-time detractor risk), and the columns of `KINDS` that are known. The answers of an
    account on a day weigh 1 together. Missing values are left out; values with fewer than 30
    answers or 10 accounts too, and all but the 20 most frequent.
    """
    return tuple(effect for kind in KINDS if kind in answers for effect in _of(kind, answers))


def _of(kind: str, answers: pd.DataFrame) -> Iterator[MixEffect]:
    sizes = answers.groupby(kind)["account"].agg(["size", "nunique"])
    enough = sizes[(sizes["size"] >= FEWEST_ANSWERS) & (sizes["nunique"] >= FEWEST_ACCOUNTS)]
    ranked = enough.sort_values("size", ascending=False, kind="stable").head(MOST_VALUES)
    if len(ranked) < 2:
        return
    values = sorted(map(str, ranked.index))
    some = answers[answers[kind].isin(values)]
    member = np.column_stack([(some[kind] == value).to_numpy(np.float64) for value in values])
    together = some.groupby(["account", "as_of"])["band"].transform("size")
    fit = _Fit(
        member=member,
        offset=logit(some["predicted"].to_numpy(np.float64)),
        event=(some["band"] == "detractor").to_numpy(np.float64),
        weight=1.0 / together.to_numpy(np.float64),
        cluster=np.unique(some["account"].to_numpy(object), return_inverse=True)[1],
    )
    theta = fit.theta()
    covariance = fit.covariance(theta)
    for place, value in enumerate(values):
        points, gradient = fit.points(theta, place)
        error = NORMAL_95 * float(np.sqrt(max(float(gradient @ covariance @ gradient), 0.0)))
        yield MixEffect(
            kind=kind,
            value=value,
            answers=int(sizes.loc[value, "size"]),
            accounts=int(sizes.loc[value, "nunique"]),
            points=100 * points,
            low=100 * (points - error),
            high=100 * (points + error),
        )


@dataclass(frozen=True)
class _Fit:
    """The answers of one kind: which value each has (rows, values), and what was foreseen."""

    member: Matrix
    offset: Vector
    event: Vector
    weight: Vector
    cluster: np.ndarray[tuple[int], np.dtype[np.intp]]

    @property
    def design(self) -> Matrix:
        return np.column_stack([np.ones(len(self.member)), self.member])

    @property
    def ridge(self) -> Vector:
        """None on the intercept."""
        return np.array([1e-9] + [RIDGE] * self.member.shape[1])

    def theta(self) -> Vector:
        """Intercept and effects of least penalised log loss, by Newton's method."""
        design, theta = self.design, np.zeros(self.member.shape[1] + 1)
        for _ in range(STEPS):
            predicted = probability(self.offset + design @ theta)
            gradient = design.T @ (self.weight * (predicted - self.event)) + self.ridge * theta
            step = np.linalg.solve(self._curvature(theta), gradient)
            theta = theta - step
            if np.abs(step).max() < 1e-10:
                break
        return np.asarray(theta, dtype=np.float64)

    def _curvature(self, theta: Vector) -> Matrix:
        design = self.design
        predicted = probability(self.offset + design @ theta)
        bread = design.T @ ((self.weight * predicted * (1 - predicted))[:, None] * design)
        return np.asarray(bread + np.diag(self.ridge))

    def covariance(self, theta: Vector) -> Matrix:
        """Sandwich, the answers of one account taken as one draw."""
        design = self.design
        residual = self.weight * (self.event - probability(self.offset + design @ theta))
        groups = int(self.cluster.max()) + 1
        scores = np.zeros((groups, design.shape[1]))
        np.add.at(scores, self.cluster, residual[:, None] * design)
        bread = np.linalg.inv(self._curvature(theta))
        meat = groups / (groups - 1) * scores.T @ scores
        return np.asarray(bread @ meat @ bread)

    def points(self, theta: Vector, place: int) -> tuple[float, Vector]:
        """Probability with the value's effect less that with the others', and its gradient."""
        rows = self.member[:, place] == 1
        share = self.weight @ self.member
        share[place] = 0.0
        others = share / share.sum()
        weight = self.weight[rows] / self.weight[rows].sum()
        with_it = probability(self.offset[rows] + theta[0] + theta[1 + place])
        without = probability(self.offset[rows] + theta[0] + others @ theta[1:])
        slope_with = float(weight @ (with_it * (1 - with_it)))
        slope_without = float(weight @ (without * (1 - without)))
        gradient = np.concatenate([[slope_with - slope_without], -slope_without * others])
        gradient[1 + place] += slope_with
        return float(weight @ (with_it - without)), gradient
