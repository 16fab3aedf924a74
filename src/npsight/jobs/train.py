"""`npsight train`: tables -> features and outcomes -> backtest -> model -> registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from npsight.audit.findings import AuditReport
from npsight.config.runtime import registry_uri
from npsight.config.specs import ProjectSpec
from npsight.errors import NoSkillError, NothingToLearnError, Problem
from npsight.jobs.audit_run import AUDIT_FILE, audit_rows, ensure_clean, gate, write_json
from npsight.jobs.context import read_context
from npsight.jobs.days import first_day, labelled_days
from npsight.jobs.evaluation import Evaluated, evaluate
from npsight.jobs.evaluation_files import evaluation_metrics, keep_files, report_files
from npsight.jobs.evaluation_found import Evaluation
from npsight.jobs.featurecache import FeatureCache
from npsight.jobs.files import write_atomically
from npsight.jobs.fit import Fitted, fit_project, probabilities, windows
from npsight.jobs.frames import FeatureBuilder, Progress, silent
from npsight.jobs.gates import (
    Again,
    computed_again,
    ensure_skill,
    gate_lines,
    judge_candidate,
    load_champion,
)
from npsight.jobs.labels import (
    churn_examples,
    detractor_examples,
    ensure_learnable,
    promoter_examples,
    response_examples,
)
from npsight.jobs.mix import with_mix
from npsight.jobs.report import card, metrics, parameters
from npsight.jobs.survival import losses_by_horizon, with_churn_curve
from npsight.models.bundle import digest_of, golden_rows, pack
from npsight.models.examples import Examples
from npsight.models.gates import GateReport
from npsight.tables.digest import visible_digests
from npsight.tables.engine import connect
from npsight.tables.handover import open_engine
from npsight.tables.prepare import Prepared, prepare
from npsight.temporal.spine import midnight_before
from npsight.tracking import CHALLENGER, CHAMPION, Tracking

if TYPE_CHECKING:
    import ibis.expr.types as ir

DERIVED = ("promoter", "response")
"""Examples made beside those of a declared target; too few of them stop no training."""
BACKTEST_FILE = "backtest_newest.parquet"


@dataclass(frozen=True)
class TrainResult:
    """What a training run produced."""

    version: int
    alias: str
    run_id: str
    digest: str
    data_digest: str
    fitted: Fitted
    card: str
    card_file: Path
    rows: int
    as_ofs: tuple[datetime, ...]
    audit: AuditReport
    page: Path
    gates: GateReport


@dataclass(frozen=True)
class TrainingData:
    """Labelled examples of each part, and every spine row of the newest labelled day.

    `answers` has each answer of the outcome windows with its touchpoint, role and seniority, as
    far as mapped; None where none is.
    """

    examples: dict[str, Examples]
    rows: int
    as_ofs: tuple[datetime, ...]
    newest: pd.DataFrame
    frame: pd.DataFrame
    answers: pd.DataFrame | None = None


def train(project: ProjectSpec, progress: Progress = silent) -> TrainResult:
    """Train, compare, log and register a model.

    The first model of a project whose gates pass becomes `champion`; any other `challenger`,
    until promoted.

    Raises
    ------
    DataError
        A table cannot be used.
    NothingToLearnError
        A target has too little to learn from; nothing is registered.
    LeakageError
        The audit found a leak that the project file does not accept; nothing is registered.
    NoSkillError
        No target can be foreseen better than by one number for all accounts; the run is kept as
        failed, with its figures, and nothing is registered.
    """
    project.state_dir.mkdir(parents=True, exist_ok=True)
    with open_tables(project, progress) as (builder, prepared):
        data = training_data(builder, progress)
        ensure_learnable(project, {k: v for k, v in data.examples.items() if k not in DERIVED})
        losses = losses_by_horizon(builder, data.frame, progress)
        report = audit_rows(builder, data, gate(project), progress, prepared.digest)
        progress("some rows once more, as scoring computes them")
        again = computed_again(builder, data.frame)
        context = read_context(builder, data.as_ofs)
    write_json(report, project.state_dir / AUDIT_FILE)
    ensure_clean(project, report)
    fitted = with_churn_curve(fit_project(project, data.examples, progress), data.frame, losses)
    fitted = with_mix(fitted, data.answers)
    try:
        ensure_skill(project, fitted)
    except NoSkillError as error:
        _keep_failed(project, prepared, data, fitted, report, error)
        raise
    made = Evaluated(fitted, data.frame, data.newest, context, report, prepared.digest)
    found = evaluate(project, made, progress)
    return _register(project, prepared, data, fitted, report, found, again, progress)


@contextmanager
def open_tables(
    project: ProjectSpec, progress: Progress
) -> Iterator[tuple[FeatureBuilder, Prepared]]:
    """The project's facts, read and checked, in its engine; both end with the block."""
    with connect(project) as duckdb, open_engine(project, duckdb) as engine:
        prepared = prepare(project, duckdb, project.state_dir / "quarantine", progress=progress)
        cache = FeatureCache.of(project, partial(visible_digests, prepared.facts))
        facts = engine.take(prepared.facts, progress)
        yield FeatureBuilder(engine.backend, facts, project, cache), prepared


def training_data(builder: FeatureBuilder, progress: Progress = silent) -> TrainingData:
    """Features and outcomes over the grid of training days."""
    as_ofs = training_days(builder)
    spine = builder.spine(as_ofs)
    frame = builder.features_at(as_ofs, progress)
    progress("outcomes")
    examples = _examples(builder, spine, frame)
    newest = frame[frame["as_of"] == frame["as_of"].max()].reset_index(drop=True)
    answers = None
    project = builder.project
    if project.detractor is not None and project.answer_kinds:
        window = windows(project)["detractor"]
        answers = builder.answer_rows(spine, window, project.answer_kinds)
    return TrainingData(examples, len(frame), tuple(as_ofs), newest, frame, answers)


def training_days(builder: FeatureBuilder) -> list[datetime]:
    """The grid of as_of dates, rising; the shortest outcome window has ended for all of them.

    A snapshot has one day: the end of its data.
    """
    project, facts = builder.project, builder.facts
    if project.is_snapshot:
        return [midnight_before(facts.data_end)]
    shortest = min(window.end for window in windows(project).values())
    grid = labelled_days(project, facts, shortest)
    if not grid:
        first = first_day(project, facts)
        needed = (first - facts.data_start) + shortest
        raise NothingToLearnError(
            f"{project.file.name}: nothing was trained, and the champion stays as it is",
            [
                Problem(
                    f"the data span {facts.data_start:%Y-%m-%d} to {facts.data_end:%Y-%m-%d}, but "
                    f"a first as_of, its gap and its horizon need {needed.days} days",
                    "bring a longer history, or shorten `gap_days`, `horizon_days` or "
                    "`training.first_as_of`",
                    key="training.first_as_of",
                )
            ],
        )
    return grid


def _examples(builder: FeatureBuilder, spine: ir.Table, frame: pd.DataFrame) -> dict[str, Examples]:
    project = builder.project
    found: dict[str, Examples] = {}
    window = windows(project)
    if project.detractor is not None:
        answers = builder.answers(spine, window["detractor"])
        found["detractor"] = detractor_examples(frame, answers, window["detractor"])
        if project.nps:
            found["promoter"] = promoter_examples(found["detractor"])
        ended = builder.ended(spine, window["detractor"])
        found["response"] = response_examples(frame, ended, answers, window["detractor"])
    if project.churn is not None:
        if project.is_snapshot:
            outcome = builder.snapshot_outcome()
        else:
            outcome = builder.churn(spine, project.churn, window["churn"])
        found["churn"] = churn_examples(frame, outcome, window["churn"])
    return found


def _register(
    project: ProjectSpec,
    prepared: Prepared,
    data: TrainingData,
    fitted: Fitted,
    report: AuditReport,
    found: Evaluation,
    again: Again,
    progress: Progress,
) -> TrainResult:
    progress("gates, model card, plots and registry")
    tracking = Tracking(project.name, project.state_dir, registry_uri())
    tracking.reap_dead_runs()
    text = card(project, prepared, data.as_ofs, data.rows, fitted, report)
    gates = judge_candidate(project, fitted, report, again, text, load_champion(tracking))
    text += "\n".join(gate_lines(gates)) + "\n"
    files = pack(fitted.model, golden_rows(data.frame, project.features), text, gates)
    digest, pages = digest_of(files), report_files(found)
    tags = {
        "data_digest": prepared.digest,
        "model_digest": digest,
        "gates": ", ".join(gate.name for gate in gates.failed) or "passed",
    }
    run_id = tracking.start_run("train", parameters(project, data.as_ofs, fitted), tags)
    try:
        figures = metrics(fitted) | report.figures() | evaluation_metrics(found) | gates.figures()
        tracking.log_metrics(run_id, figures)
        _log_pictures(tracking, run_id, fitted, data)
        tracking.log_text(run_id, "card.md", text)
        tracking.log_text(run_id, "audit.json", json.dumps(report.to_json(), indent=2))
        tracking.log_files(run_id, "report", pages)
        tracking.log_text(run_id, "features.json", files["model.json"].decode())
        version = tracking.register(run_id, files)
        with tracking.aliases_held():
            first = tracking.alias_version(CHAMPION) is None
            alias = CHAMPION if first and gates.passed else CHALLENGER
            tracking.set_alias(alias, version)
    except BaseException:
        tracking.finish(run_id, "FAILED")
        raise
    tracking.finish(run_id, "FINISHED")
    card_file = project.state_dir / "models" / f"v{version}" / "card.md"
    write_atomically(card_file, text.encode())
    page = keep_files(card_file.parent, pages)
    _write_backtest(project, fitted, data)
    return TrainResult(
        version,
        alias,
        run_id,
        digest,
        prepared.digest,
        fitted,
        text,
        card_file,
        data.rows,
        data.as_ofs,
        report,
        page,
        gates,
    )


def _keep_failed(
    project: ProjectSpec,
    prepared: Prepared,
    data: TrainingData,
    fitted: Fitted,
    report: AuditReport,
    error: NoSkillError,
) -> None:
    """A run that says why nothing was registered, with its figures and its card."""
    tracking = Tracking(project.name, project.state_dir, registry_uri())
    tracking.reap_dead_runs()
    tags = {"data_digest": prepared.digest, "gates": "skill"}
    run_id = tracking.start_run("train", parameters(project, data.as_ofs, fitted), tags)
    try:
        tracking.log_metrics(run_id, metrics(fitted) | report.figures())
        text = card(project, prepared, data.as_ofs, data.rows, fitted, report)
        tracking.log_text(run_id, "card.md", text)
        tracking.log_text(run_id, "no-skill.txt", f"{error}\n")
    finally:
        tracking.finish(run_id, "FAILED")


def _log_pictures(tracking: Tracking, run_id: str, fitted: Fitted, data: TrainingData) -> None:
    from npsight.jobs.pictures import pictures

    for name, png in pictures(fitted, data.newest).items():
        tracking.log_figure_bytes(run_id, f"pictures/{name}.png", png)


def _write_backtest(project: ProjectSpec, fitted: Fitted, data: TrainingData) -> None:
    """Predictions of the newest origin for every account alive on its day, answered or not."""
    parts = {k: v.origins[-1].fitted for k, v in fitted.parts.items() if v.origins}
    if not parts or project.is_snapshot:
        return
    frames = []
    together: tuple[tuple[str, ...], ...] = (("detractor", "promoter"), ("churn",))
    for names in together:
        some = {name: parts[name] for name in names if name in parts}
        if some:
            label = fitted.parts[next(iter(some))].origins[-1].label
            rows = data.frame[data.frame["as_of"] == pd.Timestamp(label)].reset_index(drop=True)
            frames.append(probabilities(some, rows).set_index(["account", "as_of"]))
    joined = pd.concat(frames, axis=1).reset_index()
    extra = data.frame[["account", "as_of", *_silence(data.frame)]]
    joined = joined.merge(extra, on=["account", "as_of"], how="left")
    target = project.state_dir / BACKTEST_FILE
    temporary = target.with_suffix(".partial")
    joined.to_parquet(temporary, index=False)
    temporary.replace(target)


def _silence(frame: pd.DataFrame) -> list[str]:
    return [c for c in ("responses__days_since_last",) if c in frame]
