"""What the out-of-time folds decide: settings of each learner, their blend, a calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npsight.models.calibration import Calibration, fit_calibration
from npsight.models.clustered import account_codes, clustered_mean
from npsight.models.examples import Examples
from npsight.models.logits import Vector, log_loss_rows, probability

CALIBRATION_ERRORS = 2.0
"""Standard errors that a calibration must gain by: base rates drift, and a level learned from one
period can be wrong in the next."""

STAGES = (10, 20, 40, 70, 100, 150, 200, 300, 400, 600, 1000)
RIDGES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
STEP = 0.125
BLENDS = tuple(
    (a * STEP, b * STEP) for a in range(9) for b in range(9) if 0.5 <= (a + b) * STEP <= 1.25
)
"""(share of the regression, share of the trees)."""
FADING = 0.6
"""A fold counts this much as the next newer one: the newest was learned from most, and is nearest
to what will be foreseen."""


@dataclass(frozen=True)
class Recipe:
    """What was decided: strength of the regression, number of trees, and how much of each."""

    ridge: float = RIDGES[0]
    trees: int = STAGES[0]
    linear_blend: float = 0.0
    tree_blend: float = 0.0


@dataclass(frozen=True)
class Selection:
    """What the out-of-time folds said, in words and figures.

    `gain` is the mean fall in log loss (nats a row) of the best blend of learners against the
    prior on the folds, `gain_error` its standard error clustered by account.
    """

    folds: int
    recipe: Recipe
    gain: float
    gain_error: float
    calibrated: bool
    reason: str


@dataclass(frozen=True)
class Fold:
    """Out-of-time log-odds of one fold: the prior's, and what each setting of a learner adds."""

    rows: Examples
    prior: Vector
    linear: list[Vector]
    trees: list[Vector]


def select(folds: Sequence[Fold], stages: Sequence[int]) -> Selection:
    """The best setting of each learner by itself, then their blend; `folds` newest first.

    The blend is the mean over all `BLENDS`, each weighted by how likely it makes the held-out
    outcomes (Bayesian model averaging with an even prior). An account's rows count as one
    between them, so that accounts with many rows do not make it surer than it is.
    """
    if not folds:
        reason = "too little history to test a learner: the prior stands"
        return Selection(0, Recipe(), 0.0, 0.0, False, reason)
    pooled = Pooled(folds)
    against = pooled.losses(0.0)
    linear = _least([pooled.loss(added) for added in pooled.linear])
    trees = _least([pooled.loss(added) for added in pooled.trees])
    linear_blend, tree_blend = _averaged_blend(pooled, pooled.linear[linear], pooled.trees[trees])
    added = linear_blend * pooled.linear[linear] + tree_blend * pooled.trees[trees]
    gain, error = clustered_mean(against - pooled.losses(added), pooled.weight, pooled.account)
    recipe = Recipe(RIDGES[linear], stages[trees], linear_blend, tree_blend)
    if gain > error:
        reason = "the learners beat the prior on held-out rows"
    else:
        reason = "no learner beats the prior by a standard error: the prior stands"
        recipe = Recipe(RIDGES[linear], stages[trees])
    return Selection(len(folds), recipe, gain, error, False, reason)


def _averaged_blend(pooled: Pooled, linear: Vector, trees: Vector) -> tuple[float, float]:
    losses = np.array([pooled.loss(a * linear + b * trees) for a, b in BLENDS])
    accounts = int(account_codes(pooled.account).max()) + 1
    likely = np.exp(-(losses - losses.min()) * min(accounts, float(pooled.weight.sum())))
    a, b = (likely / likely.sum()) @ np.array(BLENDS)
    return _rounded(float(a)), _rounded(float(b))


def _rounded(blend: float) -> float:
    """To 1 %; a hundredth or less of a learner is none, and saves explaining it."""
    return round(blend, 2) if blend > 0.02 else 0.0


class Pooled:
    """All folds' rows as one, older folds weighing less."""

    def __init__(self, folds: Sequence[Fold]) -> None:
        self.share = np.concatenate([fold.rows.share for fold in folds])
        self.weight = np.concatenate([FADING**i * f.rows.weight for i, f in enumerate(folds)])
        self.account = np.concatenate([fold.rows.account for fold in folds])
        self.prior = np.concatenate([fold.prior for fold in folds])
        self.linear = [np.concatenate(v) for v in zip(*(f.linear for f in folds), strict=True)]
        self.trees = [np.concatenate(v) for v in zip(*(f.trees for f in folds), strict=True)]

    def losses(self, added: Vector | float) -> Vector:
        """Log loss of each row with `added` log-odds on the prior."""
        return log_loss_rows(self.share, probability(self.prior + added))

    def loss(self, added: Vector) -> float:
        """Mean log loss with `added` log-odds on the prior."""
        return float(np.average(self.losses(added), weights=self.weight))


def _least(values: Sequence[float]) -> int:
    return int(np.argmin(np.round(values, 12)))


def calibrated(folds: Sequence[Fold], stages: Sequence[int], recipe: Recipe) -> Calibration | None:
    """A calibration that helps on folds it has not seen, or None."""
    if len(folds) < 2:
        return None
    ridge, stage = RIDGES.index(recipe.ridge), list(stages).index(recipe.trees)
    raws = [
        f.prior + recipe.linear_blend * f.linear[ridge] + recipe.tree_blend * f.trees[stage]
        for f in folds
    ]
    gains, weights, accounts = [], [], []
    for held_out, fold in enumerate(folds):
        others = [i for i in range(len(folds)) if i != held_out]
        fitted = fit_calibration(
            np.concatenate([raws[i] for i in others]),
            np.concatenate([folds[i].rows.share for i in others]),
            np.concatenate([folds[i].rows.weight for i in others]),
        )
        before = log_loss_rows(fold.rows.share, probability(raws[held_out]))
        after = log_loss_rows(fold.rows.share, fitted.apply(raws[held_out]))
        gains.append(before - after)
        weights.append(fold.rows.weight)
        accounts.append(fold.rows.account)
    gain, error = clustered_mean(
        np.concatenate(gains), np.concatenate(weights), np.concatenate(accounts)
    )
    if gain <= CALIBRATION_ERRORS * error:
        return None
    pooled = Pooled(folds)
    return fit_calibration(np.concatenate(raws), pooled.share, pooled.weight)
