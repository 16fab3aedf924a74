"""Choose, calibrate and fit one part: how many trees, how much of them, and whether any at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from npsight.config.specs import FeatureSpec
from npsight.models.calibration import Calibration, fit_calibration
from npsight.models.encoding import Matrix, learn_schema
from npsight.models.examples import Examples
from npsight.models.linear import LinearProblem
from npsight.models.logits import Vector, log_loss_rows, probability
from npsight.models.part import PartModel
from npsight.models.prior import Prior
from npsight.models.splits import Splitter
from npsight.models.trees import TreeSettings, fit_trees

CALIBRATION_ERRORS = 2.0
"""Standard errors that a calibration must gain by: base rates drift, and a level learned from one
period can be wrong in the next."""

FitPrior = Callable[[Examples], Prior]
FoldCache = dict[tuple[str, str, int, int], "_Fold"]

STAGES = (10, 20, 40, 70, 100, 150, 200, 300, 400, 600, 1000)
RIDGES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
BLENDS = tuple(
    (total * part, total * (1 - part))
    for total in (1.0, 0.75, 0.5)
    for part in (0.0, 0.25, 0.5, 0.75, 1.0)
)
"""(share of the regression, share of the trees)."""


@dataclass(frozen=True)
class FitSettings:
    """What fitting a part needs beside its rows."""

    specs: tuple[FeatureSpec, ...]
    fit_prior: FitPrior
    trees: TreeSettings
    split: Splitter
    min_events: int
    folds: FoldCache = field(default_factory=dict, compare=False, repr=False)


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
class FittedPart:
    """The chosen model and those it was chosen from."""

    chosen: PartModel
    prior: PartModel
    logistic: PartModel
    lightgbm: PartModel
    selection: Selection


@dataclass(frozen=True)
class _Fold:
    """Out-of-time log-odds of one fold: the prior's, and what each setting of a learner adds."""

    rows: Examples
    prior: Vector
    linear: list[Vector]
    trees: list[Vector]


def fit_part(name: str, rows: Examples, settings: FitSettings) -> FittedPart:
    """Fit on `rows`, using out-of-time folds inside them to decide everything that is decided.

    The learners are used only when their best blend lowers the folds' log loss by more than one
    standard error; the calibration only when it lowers it by two on folds it was not fitted on.
    """
    stages = [s for s in STAGES if s <= settings.trees.max_trees] or [settings.trees.max_trees]
    folds = [
        _cached_fold(past, future, settings, stages)
        for past, future in settings.split(rows)
        if past.can_be_learned(settings.min_events) and len(future)
    ]
    selection = _select(folds, stages)
    recipe = selection.recipe
    calibration = _calibrate(folds, stages, recipe)
    selection = replace(selection, calibrated=calibration is not None)
    prior = settings.fit_prior(rows)
    start = prior.log_odds(rows.frame)
    alone = PartModel(
        name=name,
        prior=prior,
        prior_mean=_mean(start, rows.weight),
        schema=learn_schema(rows.frame, settings.specs),
        calibration=Calibration(),
    )
    logistic = lightgbm = alone
    if alone.schema.names and folds:
        logistic, lightgbm = _learners(alone, rows, start, settings, recipe)
    chosen = alone
    if recipe.linear_blend > 0:
        chosen = replace(chosen, linear=logistic.linear, linear_blend=recipe.linear_blend)
    if recipe.tree_blend > 0:
        chosen = replace(
            chosen,
            trees=lightgbm.trees,
            tree_blend=recipe.tree_blend,
            tree_count=recipe.trees,
        )
    chosen = replace(chosen, calibration=calibration or Calibration())
    return FittedPart(chosen, alone, logistic, lightgbm, selection)


def _mean(values: Vector, weight: Vector) -> float:
    """The weighted mean; of equal values exactly their value, so that a constant prior has no
    term of its own.
    """
    if np.ptp(values) == 0:
        return float(values[0])
    return float(np.average(values, weights=weight))


def _learners(
    alone: PartModel, rows: Examples, start: Vector, settings: FitSettings, recipe: Recipe
) -> tuple[PartModel, PartModel]:
    matrix = alone.schema.encode(rows.frame)
    linear = LinearProblem(matrix, alone.schema, rows.share, rows.weight, start).fit(recipe.ridge)
    trees = fit_trees(
        matrix, rows.share, rows.weight, start, alone.schema, settings.trees, recipe.trees
    )
    return (
        replace(alone, linear=linear, linear_blend=1.0),
        replace(alone, trees=trees, tree_blend=1.0, tree_count=recipe.trees),
    )


def _cached_fold(
    past: Examples, future: Examples, settings: FitSettings, stages: Sequence[int]
) -> _Fold:
    """Origins a period apart share folds: each is fitted once.

    Rows of one part are the same when they hold out the same days and are as many on both sides,
    since both are prefixes in time of the same examples; a random split has no days to go by.
    """
    days = np.unique(future.as_of)
    key = (str(days[0]), str(days[-1]), len(past), len(future))
    if len(np.unique(past.as_of)) < 2:
        return _fold(past, future, settings, stages)
    if key not in settings.folds:
        settings.folds[key] = _fold(past, future, settings, stages)
    return settings.folds[key]


def _fold(past: Examples, future: Examples, settings: FitSettings, stages: Sequence[int]) -> _Fold:
    prior = settings.fit_prior(past)
    schema = learn_schema(past.frame, settings.specs)
    before, after = prior.log_odds(past.frame), prior.log_odds(future.frame)
    if not schema.names:
        nothing = np.zeros(len(future))
        return _Fold(future, after, [nothing] * len(RIDGES), [nothing] * len(stages))
    seen, unseen = schema.encode(past.frame), schema.encode(future.frame)
    problem = LinearProblem(seen, schema, past.share, past.weight, before)
    linear = [problem.fit(ridge).added(unseen, after) for ridge in RIDGES]
    trees = fit_trees(seen, past.share, past.weight, before, schema, settings.trees, stages[-1])
    return _Fold(future, after, linear, trees.staged(unseen, list(stages)))


def _select(folds: list[_Fold], stages: Sequence[int]) -> Selection:
    """The best setting of each learner by itself, then the best blend of the two."""
    if not folds:
        reason = "too little history to test a learner: the prior stands"
        return Selection(0, Recipe(), 0.0, 0.0, False, reason)
    pooled = _Pooled(folds)
    against = pooled.losses(0.0)
    linear = _least([pooled.loss(added) for added in pooled.linear])
    trees = _least([pooled.loss(added) for added in pooled.trees])
    blends = [
        (a, b, pooled.losses(a * pooled.linear[linear] + b * pooled.trees[trees]))
        for a, b in BLENDS
    ]
    best = _least([pooled.mean(losses) for _, _, losses in blends])
    linear_blend, tree_blend, losses = blends[best]
    gain, error = clustered_mean(against - losses, pooled.weight, pooled.account)
    recipe = Recipe(RIDGES[linear], stages[trees], linear_blend, tree_blend)
    if gain > error:
        reason = "the learners beat the prior on held-out rows"
    else:
        reason = "no learner beats the prior by a standard error: the prior stands"
        recipe = replace(recipe, linear_blend=0.0, tree_blend=0.0)
    return Selection(len(folds), recipe, gain, error, False, reason)


class _Pooled:
    """All folds' rows as one."""

    def __init__(self, folds: list[_Fold]) -> None:
        self.share = np.concatenate([fold.rows.share for fold in folds])
        self.weight = np.concatenate([fold.rows.weight for fold in folds])
        self.account = np.concatenate([fold.rows.account for fold in folds])
        self.prior = np.concatenate([fold.prior for fold in folds])
        self.linear = [np.concatenate(v) for v in zip(*(f.linear for f in folds), strict=True)]
        self.trees = [np.concatenate(v) for v in zip(*(f.trees for f in folds), strict=True)]

    def losses(self, added: Vector | float) -> Vector:
        """Log loss of each row with `added` log-odds on the prior."""
        return log_loss_rows(self.share, probability(self.prior + added))

    def mean(self, losses: Vector) -> float:
        """Their weighted mean."""
        return float(np.average(losses, weights=self.weight))

    def loss(self, added: Vector) -> float:
        """Mean log loss with `added` log-odds on the prior."""
        return self.mean(self.losses(added))


def _least(values: Sequence[float]) -> int:
    return int(np.argmin(np.round(values, 12)))


def _calibrate(folds: list[_Fold], stages: Sequence[int], recipe: Recipe) -> Calibration | None:
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
    pooled = _Pooled(folds)
    return fit_calibration(np.concatenate(raws), pooled.share, pooled.weight)


def clustered_mean(values: Vector, weight: Vector, cluster: Matrix) -> tuple[float, float]:
    """Weighted mean and its standard error with rows of one account taken as one draw
    (linearised ratio estimator).
    """
    mean = float(np.average(values, weights=weight))
    _, codes = np.unique(cluster, return_inverse=True)
    residual = np.bincount(codes, weights=weight * (values - mean))
    groups = len(residual)
    if groups < 2:
        return mean, float("inf")
    variance = groups / (groups - 1) * float(residual @ residual) / float(weight.sum()) ** 2
    return mean, float(np.sqrt(variance))
