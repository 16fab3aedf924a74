"""`npsight score`: risk, NPS, drivers and place on the worklist, for every account."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.drivers.advice import worse_sides
from npsight.drivers.explain import explain
from npsight.drivers.peers import peers_of
from npsight.errors import NotFoundError, Problem
from npsight.jobs.building.frames import FeatureBuilder, Progress, silent
from npsight.jobs.building.held import features_held, held_by_source, held_days, late_now, not_late
from npsight.jobs.building.servingfacts import write_serving_facts
from npsight.jobs.notes.gonesilent import gone_silent
from npsight.jobs.notes.holes import holes
from npsight.jobs.runs.writes import ScoredRun, pages_of
from npsight.jobs.scoring.asof import check_as_of, default_as_of, known_since
from npsight.jobs.scoring.champion import champion
from npsight.jobs.scoring.forecasts import forecast_of, keep_forecast
from npsight.jobs.scoring.scored import (
    ScoreInputs,
    notes_of,
    score_frame,
    score_rows,
    stored_inputs,
)
from npsight.jobs.scoring.wentmissing import missing_by_source, went_missing
from npsight.jobs.training.survival import curve_for
from npsight.jobs.training.trainingdata import open_tables
from npsight.models.bundle import digest_of, reference_of_bundle
from npsight.models.intervals import NpsForecast
from npsight.models.logits import Vector
from npsight.models.model import Model, Predictions
from npsight.models.reference import moved
from npsight.models.survival import ChurnCurve
from npsight.store import ScoreRun, open_project_store
from npsight.temporal.facts import Facts
from npsight.temporal.loads import Held
from npsight.tracking import write_cached
from npsight.worklist.rank import rank


@dataclass(frozen=True)
class ScoreResult:
    """A finished run: what was written, and the company as a whole.

    `survey` is the NPS as the next survey will report it, `everyone` what it would be if every
    account answered once; None for a model without NPS.
    `churn_within` is the mean churn risk within the horizon that was asked for.
    `unranked` names the parts in which the backtest found nothing that tells accounts apart.
    `warnings` tell of tables that hold no row over a span, and of listed accounts that have been
    silent for long. `newer` counts the facts that were known
    between as_of and now, where as_of was not given: they are not in the run.
    `hindsight` is the newest day the model learned from, where as_of is not after it; else None.
    """

    run: ScoreRun
    accounts: int
    listed: int
    survey: NpsForecast | None
    everyone: NpsForecast | None
    detractor_risk: float | None
    churn_risk: float | None
    churn_within: float | None = None
    unranked: tuple[str, ...] = ()
    hindsight: datetime | None = None
    warnings: tuple[Problem, ...] = ()
    newer: int = 0


def score(
    project: ProjectSpec,
    as_of: datetime | None = None,
    progress: Progress = silent,
    churn_horizon: int | None = None,
    hold: bool = True,
) -> ScoreResult:
    """Score every account alive at as_of and write one run to the store, whole or not at all.

    Parameters
    ----------
    as_of
        UTC instant without a zone. Default: the midnight after the last known fact, but not
        later than today's.
    churn_horizon
        Also give the mean churn risk within so many days from `as_of + gap` on.
    hold
        Take features of tables that were not loaded for long as of their last load; see
        `npsight.jobs.building.held`. Tables that are loaded seldom are held in any case.

    Raises
    ------
    ConfigError
        The champion cannot tell of that horizon (see `npsight.jobs.training.survival.curve_for`).
    NotFoundError
        There is no champion, or no account exists at as_of.
    ModelIntegrityError
        The champion is damaged, or was trained with other features than the project declares.
    """
    used = champion(project, progress)
    version, files, model = used.version, used.files, used.model
    curve = None if churn_horizon is None else curve_for(model, project, churn_horizon)
    with open_tables(project, progress) as (builder, prepared):
        newer = 0
        if as_of is None:
            as_of = default_as_of(builder)
            newer = known_since(prepared.facts, as_of)
        check_as_of(builder, as_of)
        earlier = as_of - timedelta(days=project.training.period_days)
        days = held_days(builder, [earlier, as_of])
        days = days if hold else {day: not_late(tables) for day, tables in days.items()}
        tables, before = days.get(as_of, ()), days.get(earlier, ())
        inputs = _read_inputs(builder, (as_of, tables), (earlier, before), progress)
        progress("facts for the service")
        held_at, held_before = held_by_source(tables), held_by_source(before)
        kept = write_serving_facts(project, prepared, held_at, held_before)
        progress(f"scores of {len(inputs.now):,} accounts")
        predicted = model.predict(inputs.now)
        progress("drivers")
        explanation = explain(model, inputs.now)
        peers = replace(
            peers_of(inputs.now, model.specs),
            worse=worse_sides(explanation, inputs.now, model.specs),
        )
        scores = score_frame(project.worklist, model, inputs, predicted)
        listed = rank(scores, project.worklist, as_of)
        warnings = (
            *used.doubts,
            *_warnings(project, prepared.facts, as_of, list(listed["account"])),
            *late_now(tables, model.specs, as_of),
            *_missing(builder, model, files, inputs.now, as_of),
        )
        run = ScoreRun(
            id=uuid.uuid4().hex,
            project=project.name,
            as_of=as_of,
            created_at=datetime.now(UTC).replace(tzinfo=None),
            model_version=version,
            model_digest=digest_of(files),
            data_digest=prepared.digest,
            peers=peers.to_json(),
        )
        progress("what the pages show")
        scored = ScoredRun(
            project,
            run,
            builder,
            prepared,
            model,
            files,
            inputs,
            predicted,
            explanation,
            scores,
            listed,
            tables,
        )
        beside = pages_of(scored)
    progress("writing the run")
    rows = score_rows(scores, listed, explanation, notes_of(model, explanation, inputs, peers))
    with closing(open_project_store(project)) as store:
        read = prepared.posted_through
        store.write_run(
            run,
            rows,
            stored_inputs(model, inputs),
            facts_read=read,
            contacted_days=project.worklist.contacted_days,
            beside=beside,
        )
    kept.install()
    write_cached(project.state_dir, version, files)
    forecast = forecast_of(version, model, as_of, inputs.now, predicted)
    keep_forecast(project, forecast, prepared.facts.data_end)
    survey, everyone = _company(model, predicted, inputs.now["segment_"])
    return ScoreResult(
        run=run,
        accounts=len(scores),
        listed=len(listed),
        survey=survey,
        everyone=everyone,
        detractor_risk=_mean(predicted.detractor),
        churn_risk=_mean(predicted.churn),
        churn_within=_mean(_within(curve, predicted.churn, churn_horizon)),
        unranked=model.unranked(),
        hindsight=None if project.is_snapshot else _hindsight(model, as_of),
        warnings=warnings,
        newer=0 if project.is_snapshot else newer,
    )


def _warnings(
    project: ProjectSpec, facts: Facts, as_of: datetime, listed: Sequence[str]
) -> Iterator[Problem]:
    if not project.is_snapshot:
        yield from holes(project, facts)
        yield from gone_silent(project, facts, as_of, listed)


def _missing(
    builder: FeatureBuilder,
    model: Model,
    files: Mapping[str, bytes],
    now: pd.DataFrame,
    as_of: datetime,
) -> Iterator[Problem]:
    reference = reference_of_bundle(files)
    found = [] if reference is None else moved(reference, now, model.specs)
    if gone := missing_by_source(found, model.specs):
        newest = {row["source"]: row["newest_at"] for row in builder.freshness(as_of)}
        yield from went_missing(gone, newest, as_of)


def _hindsight(model: Model, as_of: datetime) -> datetime | None:
    through = datetime.fromisoformat(model.trained_through)
    return through if as_of <= through else None


def _read_inputs(
    builder: FeatureBuilder,
    scored: tuple[datetime, Sequence[Held]],
    earlier: tuple[datetime, Sequence[Held]],
    progress: Progress,
) -> ScoreInputs:
    """Features of both days, each with its held tables."""
    as_of, _ = scored
    spine = builder.spine([as_of])
    now = features_held(builder, *scored, progress)
    if len(now) == 0:
        raise NotFoundError(
            f"no account exists before {as_of:%Y-%m-%d %H:%M}Z\n  → give a later --as-of"
        )
    progress("the same one period earlier")
    before = features_held(builder, *earlier)
    past = now[["account"]].merge(before, on="account", how="left", validate="one_to_one")
    return ScoreInputs(now, past, builder.display(spine))


def _company(
    model: Model, predicted: Predictions, segment: pd.Series
) -> tuple[NpsForecast | None, NpsForecast | None]:
    """The company's NPS as the survey will report it, and if everyone answered."""
    spread, detractor, promoter = model.spread, predicted.detractor, predicted.promoter
    if spread is None or detractor is None or promoter is None:
        return None, None
    expected, labels = predicted.expected_answers, segment.fillna("").to_numpy(str)
    everyone = spread.everyone(detractor, promoter, labels)
    if expected is None:
        return None, everyone
    return spread.survey(detractor, promoter, expected, labels), everyone


def _within(
    curve: ChurnCurve | None, risk: Vector | None, horizon_days: int | None
) -> Vector | None:
    if curve is None or risk is None or horizon_days is None:
        return None
    return curve.probability(risk, horizon_days)


def _mean(values: Any) -> float | None:
    return None if values is None else float(np.mean(values))
