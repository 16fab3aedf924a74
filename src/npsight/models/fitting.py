"""Choose, calibrate and fit one part: how many trees, how much of them, and whether any at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from npsight.config.specs import FeatureSpec
from npsight.models.calibration import Calibration
from npsight.models.encoding import FeatureSchema, learn_schema
from npsight.models.examples import Examples
from npsight.models.linear import LinearProblem
from npsight.models.logits import Vector
from npsight.models.part import PartModel
from npsight.models.prior import Prior
from npsight.models.screening import screened
from npsight.models.selection import RIDGES, STAGES, Fold, Recipe, Selection, calibrated, select
from npsight.models.splits import Splitter
from npsight.models.trees import TreeSettings, fit_trees

START_RIDGE = 30.0

FitPrior = Callable[[Examples], Prior]
FoldCache = dict[tuple[str, str, int, int], Fold]


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
class FittedPart:
    """The chosen model and those it was chosen from."""

    chosen: PartModel
    prior: PartModel
    logistic: PartModel
    lightgbm: PartModel
    selection: Selection


def fit_part(name: str, rows: Examples, settings: FitSettings) -> FittedPart:
    """Fit on `rows`, using out-of-time folds inside them to decide everything that is decided.

    The learners are used only when their best blend lowers the folds' log loss by more than one
    standard error; the calibration only when it lowers it by two on folds it was not fitted on.
    """
    stages = _stages(settings)
    folds = folds_of(rows, settings)
    selection = select(folds, stages)
    recipe = selection.recipe
    calibration = calibrated(folds, stages, recipe)
    selection = replace(selection, calibrated=calibration is not None)
    prior = settings.fit_prior(rows)
    start = prior.log_odds(rows.frame)
    alone = PartModel(
        name=name,
        prior=prior,
        prior_mean=_mean(start, rows.weight),
        schema=_schema(rows, start, settings),
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


def folds_of(rows: Examples, settings: FitSettings) -> list[Fold]:
    """The out-of-time folds inside `rows`, newest first; those with too little to learn from are
    left out.
    """
    stages = _stages(settings)
    return [
        _cached_fold(past, future, settings, stages)
        for past, future in settings.split(rows)
        if past.can_be_learned(settings.min_events) and len(future)
    ]


def _stages(settings: FitSettings) -> list[int]:
    most = settings.trees.max_trees
    return [s for s in STAGES if s <= most] or [most]


def _schema(rows: Examples, start: Vector, settings: FitSettings) -> FeatureSchema:
    return screened(learn_schema(rows.frame, settings.specs), rows, start)


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
    problem = LinearProblem(matrix, alone.schema, rows.share, rows.weight, start)
    linear, prior_weight = problem.fit(recipe.ridge), _prior_weight(problem)
    trees = fit_trees(
        matrix,
        rows.share,
        rows.weight,
        start,
        alone.schema,
        settings.trees,
        recipe.trees,
        prior_weight,
    )
    return (
        replace(alone, linear=linear, linear_blend=1.0),
        replace(alone, trees=trees, tree_blend=1.0, tree_count=recipe.trees),
    )


def _cached_fold(
    past: Examples, future: Examples, settings: FitSettings, stages: Sequence[int]
) -> Fold:
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


def _fold(past: Examples, future: Examples, settings: FitSettings, stages: Sequence[int]) -> Fold:
    prior = settings.fit_prior(past)
    before, after = prior.log_odds(past.frame), prior.log_odds(future.frame)
    schema = _schema(past, before, settings)
    if not schema.names:
        nothing = np.zeros(len(future))
        return Fold(future, after, [nothing] * len(RIDGES), [nothing] * len(stages))
    seen, unseen = schema.encode(past.frame), schema.encode(future.frame)
    problem = LinearProblem(seen, schema, past.share, past.weight, before)
    linear = [problem.fit(ridge).added(unseen, after) for ridge in RIDGES]
    trees = fit_trees(
        seen,
        past.share,
        past.weight,
        before,
        schema,
        settings.trees,
        stages[-1],
        _prior_weight(problem),
    )
    return Fold(future, after, linear, trees.staged(unseen, after, list(stages)))


def _prior_weight(problem: LinearProblem) -> float:
    """How much of the prior is left where the features have spoken; the trees start from that."""
    return min(max(problem.fit(START_RIDGE).prior_weight, 0.0), 1.0)
