"""`npsight train`: tables -> features and outcomes -> backtest -> model -> registry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from npsight.audit.findings import AuditReport
from npsight.config.runtime import registry_uri
from npsight.config.specs import ProjectSpec
from npsight.errors import NoSkillError, Problem
from npsight.jobs.audits.run import AUDIT_FILE, audit_rows, ensure_clean, gate, write_json
from npsight.jobs.building.frames import Progress, silent
from npsight.jobs.building.held import late_then
from npsight.jobs.evaluations.evaluation import Evaluated, evaluate
from npsight.jobs.evaluations.found import Evaluation
from npsight.jobs.evaluations.modelfigures import model_figures
from npsight.jobs.files import write_atomically
from npsight.jobs.gates import (
    Again,
    computed_again,
    ensure_skill,
    gate_lines,
    judge_candidate,
    load_champion,
)
from npsight.jobs.reports.files import evaluation_metrics, keep_files, report_files
from npsight.jobs.training.backtestrows import backtest_rows, keep_rows, version_folder
from npsight.jobs.training.card import TITLES, card, metrics, parameters
from npsight.jobs.training.context import read_context
from npsight.jobs.training.fit import Fitted, fit_project, probabilities
from npsight.jobs.training.labels import ensure_learnable
from npsight.jobs.training.mix import with_mix
from npsight.jobs.training.survival import losses_by_horizon, with_churn_curve
from npsight.jobs.training.trainingdata import DERIVED, TrainingData, open_tables, training_data
from npsight.models.bundle import check_golden, digest_of, golden_rows, pack, unpack
from npsight.models.gates import GateReport
from npsight.models.reference import reference_of
from npsight.tables.prepare import Prepared
from npsight.tracking import (
    CHALLENGER,
    CHAMPION,
    Tracking,
    await_registry,
    origin_tags,
    write_cached,
)

BACKTEST_FILE = "backtest_newest.parquet"


@dataclass(frozen=True)
class TrainResult:
    """What a training run produced. `same_as` is an older version of the very same model;
    `warnings` tell of tables that were late on training days.
    """

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
    same_as: int | None = None
    warnings: tuple[Problem, ...] = ()


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
    StateError
        The registry does not answer, or may not be written to. It is asked first; where it goes
        away later, it is waited for.
    """
    project.state_dir.mkdir(parents=True, exist_ok=True)
    tracking = Tracking(project.name, project.state_dir, registry_uri(), project.file)
    tracking.ensure_writable()
    with open_tables(project, progress) as (builder, prepared):
        data = training_data(builder, progress)
        ensure_learnable(project, {k: v for k, v in data.examples.items() if k not in DERIVED})
        losses = losses_by_horizon(builder, data.frame, progress)
        report = audit_rows(builder, data, gate(project), progress, prepared.digest)
        progress("some rows once more, as scoring computes them")
        again = computed_again(builder, data.plain)
        context = read_context(builder, data.as_ofs)
    write_json(report, project.state_dir / AUDIT_FILE)
    ensure_clean(project, report)
    fitted = with_churn_curve(fit_project(project, data.examples, progress), data.frame, losses)
    fitted = with_mix(fitted, data.answers)
    try:
        ensure_skill(project, fitted)
    except NoSkillError as error:
        await_registry(tracking, progress)
        _keep_failed(tracking, project, prepared, data, fitted, report, error)
        raise
    made = Evaluated(fitted, data.frame, data.newest, context, report, prepared.digest)
    found = evaluate(project, made, progress)
    progress("gates, model card, plots and registry")
    await_registry(tracking, progress)
    return _register(tracking, project, prepared, data, fitted, report, found, again)


def _register(
    tracking: Tracking,
    project: ProjectSpec,
    prepared: Prepared,
    data: TrainingData,
    fitted: Fitted,
    report: AuditReport,
    found: Evaluation,
    again: Again,
) -> TrainResult:
    tracking.reap_dead_runs()
    text = card(project, prepared, data.as_ofs, data.rows, fitted, report)
    gates = judge_candidate(project, fitted, report, again, text, load_champion(tracking))
    text += "\n".join(gate_lines(gates)) + "\n"
    files = pack(
        fitted.model,
        golden_rows(data.frame, project.features),
        text,
        gates,
        reference_of(data.frame, fitted.model.specs),
        model_figures(project, fitted, found),
    )
    digest, pages = digest_of(files), report_files(found)
    summary, same_as = _summary(data, fitted, gates), tracking.newest_of_digest(digest)
    tags = {
        "data_digest": prepared.digest,
        "model_digest": digest,
        "gates": ", ".join(gate.name for gate in gates.failed) or "passed",
    }
    run_id = _start_run(tracking, project, prepared, data, fitted, tags)
    try:
        figures = metrics(fitted) | report.figures() | evaluation_metrics(found) | gates.figures()
        tracking.log_metrics(run_id, figures)
        _log_pictures(tracking, run_id, fitted, data)
        tracking.log_text(run_id, "card.md", text)
        tracking.log_text(run_id, "audit.json", json.dumps(report.to_json(), indent=2))
        tracking.log_files(run_id, "report", pages)
        tracking.log_text(run_id, "features.json", files["model.json"].decode())
        version = tracking.register(run_id, files, summary)
        tracking.describe(
            run_id,
            f"Version {version} of {tracking.name}. {summary} More in `card.md` and "
            "`report/report.html`.",
        )
        with tracking.aliases_held():
            first = tracking.alias_version(CHAMPION) is None
            alias = CHAMPION if first and gates.passed else CHALLENGER
            if alias == CHAMPION:
                check_golden(unpack(files), files)
            tracking.set_alias(alias, version)
            if alias == CHAMPION:
                write_cached(project.state_dir, version, files)
    except BaseException:
        tracking.finish(run_id, "FAILED")
        raise
    tracking.finish(run_id, "FINISHED")
    card_file = version_folder(project.state_dir, version) / "card.md"
    write_atomically(card_file, text.encode())
    page = keep_files(card_file.parent, pages)
    keep_rows(card_file.parent, backtest_rows(fitted.parts.values()))
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
        same_as,
        tuple(late_then(data.held, len(data.as_ofs))),
    )


def _start_run(
    tracking: Tracking,
    project: ProjectSpec,
    prepared: Prepared,
    data: TrainingData,
    fitted: Fitted,
    tags: dict[str, str],
) -> str:
    """A run with its settings, its origin and the data it is of."""
    through = "a snapshot" if project.is_snapshot else f"{data.as_ofs[-1]:%Y-%m-%d}"
    run_id = tracking.start_run(
        f"train through {through}",
        parameters(project, data.as_ofs, fitted),
        origin_tags("npsight train", project.file) | tags,
    )
    size = {"account_days": data.rows, "days": len(data.as_ofs), "features": len(project.features)}
    tracking.log_dataset(run_id, prepared.digest, project.file.name, size)
    return run_id


def _summary(data: TrainingData, fitted: Fitted, gates: GateReport) -> str:
    """One line for MLflow's pages: what it learned from, how good it is, what speaks against it."""
    figures = metrics(fitted)
    sentences = [f"Learned from {data.rows:,} account-days."]
    for name in ("detractor", "churn"):
        auc = figures.get(f"{name}_chosen_auc")
        if auc is not None:
            sentences.append(f"{TITLES[name]}: AUC {auc:.3f}.")
    failed = ", ".join(gate.name for gate in gates.failed)
    sentences.append(f"Failed gates: {failed}." if failed else "Gates passed.")
    return " ".join(sentences)


def _keep_failed(
    tracking: Tracking,
    project: ProjectSpec,
    prepared: Prepared,
    data: TrainingData,
    fitted: Fitted,
    report: AuditReport,
    error: NoSkillError,
) -> None:
    """A run that says why nothing was registered, with its figures and its card."""
    tracking.reap_dead_runs()
    tags = {"data_digest": prepared.digest, "gates": "skill"}
    run_id = _start_run(tracking, project, prepared, data, fitted, tags)
    try:
        tracking.describe(run_id, f"Nothing was registered. {error.headline}.")
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
