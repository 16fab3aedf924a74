"""Labelled examples -> backtest of every part, and the model fitted on all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.drivers.typical import with_typical
from npsight.features.history import BANDS
from npsight.jobs.building.frames import Progress
from npsight.jobs.training.outcomes import NpsError, nps_errors
from npsight.jobs.training.outcomes import PartResult as PartResult
from npsight.jobs.training.responding import ResponseResult, fit_response, forecast_days
from npsight.models.backtest import backtest, origin_days, time_pairs
from npsight.models.coverage import CoverageRow, measure_coverage
from npsight.models.examples import Examples
from npsight.models.fitting import FitPrior, FitSettings, FittedPart, fit_part
from npsight.models.intervals import NpsSpread
from npsight.models.milder import as_shown
from npsight.models.mix import MixEffect
from npsight.models.model import Model
from npsight.models.npsday import NpsDay
from npsight.models.prior import Prior, RatePrior, fit_history_prior
from npsight.models.response import fit_response_prior
from npsight.models.splits import RandomSplits, Split, Splitter, TimeSplits
from npsight.models.spread import fit_spread
from npsight.models.trees import TreeSettings
from npsight.models.tuning import tuned

SNAPSHOT_FOLDS = 5
RESPONSE_TREES = 60
"""Most trees that say who will answer: they only weigh accounts, and need no fine point."""


@dataclass(frozen=True)
class Fitted:
    """The model, and everything the report says about it.

    `response` says who will answer; it is no part, since nobody acts on it. `days` are the NPS
    forecasts of the backtest beside what was reported, `coverage` how often intervals made
    without the day held it.
    """

    model: Model
    parts: dict[str, PartResult]
    nps: tuple[dict[str, NpsError], ...]
    response: ResponseResult | None = None
    days: tuple[NpsDay, ...] = ()
    coverage: tuple[CoverageRow, ...] = ()
    mix: tuple[MixEffect, ...] = ()


def fit_project(project: ProjectSpec, examples: dict[str, Examples], progress: Progress) -> Fitted:
    """Backtest and fit each part, as far as it has skill. `examples` has `detractor` and/or
    `churn`, `promoter` beside `detractor` where NPS is foreseen, and `response` where it shall be
    foreseen who answers.
    """
    parts: dict[str, PartResult] = {}
    for name, rows in examples.items():
        if name == "response":
            continue
        origins = parts["detractor"].origins if name == "promoter" else None
        labels = None if origins is None else [origin.label for origin in origins]
        parts[name] = _fit(project, name, rows, labels, progress)
    response = None
    if "response" in examples:
        labels = [origin.label for origin in parts["detractor"].origins]
        response = _fit_response(project, examples["response"], labels, progress)
    nps: tuple[dict[str, NpsError], ...] = ()
    days: tuple[NpsDay, ...] = ()
    coverage: tuple[CoverageRow, ...] = ()
    spread = None
    if "promoter" in parts:
        pairs = zip(parts["detractor"].origins, parts["promoter"].origins, strict=True)
        nps = tuple(nps_errors(d, p) for d, p in pairs)
        days = tuple(forecast_days(parts, response))
        spread, coverage = _intervals(project, response, days)
    newest = max(rows.as_of.max() for rows in examples.values())
    model = Model(
        project=project.name,
        detractor=parts["detractor"].fitted.chosen if "detractor" in parts else None,
        promoter=parts["promoter"].fitted.chosen if "promoter" in parts else None,
        churn=parts["churn"].fitted.chosen if "churn" in parts else None,
        spread=spread,
        specs=project.features,
        drivers=project.drivers,
        segment=project.segment,
        windows=windows(project),
        trained_through=str(newest.astype("datetime64[s]")),
        response=None if response is None else response.model,
    )
    progress("what is typical of each driver")
    model = with_typical(
        model, {name: (rows.frame, rows.weight) for name, rows in examples.items()}
    )
    return Fitted(model, parts, nps, response, days, coverage)


def _intervals(
    project: ProjectSpec, response: ResponseResult | None, days: tuple[NpsDay, ...]
) -> tuple[NpsSpread, tuple[CoverageRow, ...]]:
    dispersion = 0.0 if response is None else response.model.dispersion
    window = windows(project)["detractor"]
    covered = measure_coverage(days, window, dispersion)
    return fit_spread(days, window, dispersion), covered


def windows(project: ProjectSpec) -> dict[str, OutcomeWindow]:
    """The outcome window of each target that has one."""
    found = {}
    for name in ("detractor", "churn"):
        target = getattr(project, name)
        if target is not None:
            found[name] = OutcomeWindow(target.gap_days, target.horizon_days)
    return found


def _fit(
    project: ProjectSpec,
    name: str,
    rows: Examples,
    labels: list[str] | None,
    progress: Progress,
) -> PartResult:
    rule = rule_feature(project, name)
    pairs = _pairs(project, rows, labels)
    settings = _tuned(project, name, fit_settings(project, name), pairs, progress)
    origins = []
    for label, pair in pairs:
        progress(f"{name}: backtest at {label}")
        origins += backtest(name, [(label, pair)], settings, rule)
    progress(f"{name}: final fit on {len(rows):,} rows")
    fitted = fit_part(name, rows, settings)
    pasts = [past for _, (past, _) in pairs]
    origins, fitted, skill = as_shown(origins, pasts, fitted, rows, project.training.seed)
    return PartResult(name, rows, tuple(origins), fitted, rule, skill)


def fit_settings(project: ProjectSpec, name: str) -> FitSettings:
    """How the part of that name is fitted; with nothing fitted yet."""
    training = project.training
    return FitSettings(
        specs=project.features,
        fit_prior=_prior_of(name),
        trees=TreeSettings(
            max_trees=training.max_trees, seed=training.seed, threads=training.threads
        ),
        split=_splitter(project),
        min_events=training.min_events,
    )


def _fit_response(
    project: ProjectSpec, rows: Examples, days: list[str], progress: Progress
) -> ResponseResult | None:
    progress(f"response: who will answer, backtest and final fit on {len(rows):,} rows")
    settings = fit_settings(project, "response")
    fewer = min(settings.trees.max_trees, RESPONSE_TREES)
    return fit_response(
        rows, days, replace(settings, trees=replace(settings.trees, max_trees=fewer))
    )


def _tuned(
    project: ProjectSpec,
    name: str,
    settings: FitSettings,
    pairs: list[tuple[str, Split]],
    progress: Progress,
) -> FitSettings:
    """Tree settings tuned, where a budget is given, on what was known before the first origin."""
    trials = project.training.tune_trials
    if trials == 0 or not pairs:
        return settings
    known = pairs[0][1][0]

    def told(trial: int) -> None:
        progress(f"{name}: tuning, trial {trial} of {trials}")

    return replace(settings, trees=tuned(known, settings, trials, told))


def _pairs(
    project: ProjectSpec, rows: Examples, labels: list[str] | None
) -> list[tuple[str, Split]]:
    training = project.training
    if project.is_snapshot:
        splits = RandomSplits(SNAPSHOT_FOLDS, training.seed)(rows)
        return [(f"fold {k}", pair) for k, pair in enumerate(splits, start=1)]
    if labels is None:
        days = origin_days(rows, training.period_days, training.origins, training.min_events)
        return time_pairs(rows, days)
    return time_pairs(rows, [np.datetime64(label, "us") for label in labels])


def _splitter(project: ProjectSpec) -> Splitter:
    if project.is_snapshot:
        return RandomSplits(3, project.training.seed)
    return TimeSplits(project.training.period_days, project.training.min_events)


def _prior_of(name: str) -> FitPrior:
    if name == "detractor":
        return partial(_history_prior, event=("detractor",), among=BANDS)
    if name == "promoter":
        return partial(_history_prior, event=("promoter",), among=("passive", "promoter"))
    return fit_response_prior if name == "response" else _rate_prior


def _history_prior(rows: Examples, event: tuple[str, ...], among: tuple[str, ...]) -> Prior:
    return fit_history_prior(rows.frame, rows.share, rows.weight, event, among)


def _rate_prior(rows: Examples) -> Prior:
    return RatePrior(float(np.average(rows.share, weights=rows.weight)))


def rule_feature(project: ProjectSpec, name: str) -> str | None:
    """The feature of the one-rule benchmark: declared, else last score, else recency."""
    names = [spec.name for spec in project.features]
    if name == "churn" and project.churn is not None:
        if project.churn.rule:
            return project.churn.rule
        recent = [n for n in names if "__days_since_last" in n and not n.startswith("responses")]
        return recent[0] if recent else None
    if project.detractor is not None and project.detractor.rule and name == "detractor":
        return project.detractor.rule
    return "responses__last_score" if "responses__last_score" in names else None


def probabilities(fitted: dict[str, FittedPart], frame: pd.DataFrame) -> pd.DataFrame:
    """Chosen models' predictions for any rows: `account`, `as_of`, one column a target."""
    result = frame[["account", "as_of"]].copy()
    for name, part in fitted.items():
        result[name] = part.chosen.probability(frame)
    if "promoter" in result:
        result["promoter"] = (1 - result["detractor"]) * result["promoter"]
    return result
