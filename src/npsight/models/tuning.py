"""Better tree settings, looked for with Optuna where the project file gives it a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from npsight.errors import ConfigError, Problem
from npsight.models.examples import Examples
from npsight.models.fitting import FitSettings, folds_of
from npsight.models.selection import Pooled
from npsight.models.trees import TreeSettings

if TYPE_CHECKING:
    import optuna


def tuned(
    rows: Examples, settings: FitSettings, trials: int, progress: Callable[[int], None]
) -> TreeSettings:
    """The tree settings of least log loss on the out-of-time folds inside `rows`.

    `trials` settings are tried, the given ones first (a tree-structured Parzen estimator with the
    settings' seed: the same rows and budget give the same settings); of each, the best number of
    trees counts. Call with rows known before the first day that is tested on, so that no tested
    day has a say. The given settings come back where the folds hold nothing to learn from.

    Raises
    ------
    ConfigError
        Optuna is not installed.
    """
    _ensure_optuna()
    import optuna

    if trials == 0 or not folds_of(rows, replace(settings, folds={})):
        return settings.trees

    def loss(trial: optuna.Trial) -> float:
        progress(trial.number + 1)
        tried = replace(settings, trees=_drawn(trial, settings.trees), folds={})
        pooled = Pooled(folds_of(rows, tried))
        return min(pooled.loss(added) for added in pooled.trees)

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=settings.trees.seed, n_startup_trials=8)
    study = optuna.create_study(sampler=sampler)
    given = settings.trees
    study.enqueue_trial(
        {
            "leaves": given.leaves,
            "learning_rate": given.learning_rate,
            "shrink_rows": given.shrink_rows,
            "column_share": given.column_share,
            "row_share": given.row_share,
        }
    )
    study.optimize(loss, n_trials=trials)
    return _settings(study.best_params, given)


def _drawn(trial: optuna.Trial, given: TreeSettings) -> TreeSettings:
    return _settings(
        {
            "leaves": trial.suggest_int("leaves", 4, 32, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
            "shrink_rows": trial.suggest_float("shrink_rows", 10.0, 1000.0, log=True),
            "column_share": trial.suggest_float("column_share", 0.2, 1.0),
            "row_share": trial.suggest_float("row_share", 0.5, 1.0),
        },
        given,
    )


def _settings(values: dict[str, float], given: TreeSettings) -> TreeSettings:
    leaves = int(values["leaves"])
    return replace(
        given,
        leaves=leaves,
        depth=int(np.ceil(np.log2(leaves))) + 1,
        learning_rate=round(values["learning_rate"], 4),
        shrink_rows=round(values["shrink_rows"], 1),
        column_share=round(values["column_share"], 3),
        row_share=round(values["row_share"], 3),
    )


def _ensure_optuna() -> None:
    if find_spec("optuna") is None:
        raise ConfigError(
            "nothing was trained",
            [
                Problem(
                    "tree settings are to be tuned, but Optuna is not installed",
                    "install it with `pip install 'npsight[tune]'`, or leave `tune_trials` out",
                    key="training.tune_trials",
                )
            ],
        )
