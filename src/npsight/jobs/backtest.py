"""`npsight backtest`: what a model of these data is worth, as a report; nothing is registered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from npsight.config.runtime import registry_uri
from npsight.config.specs import ProjectSpec
from npsight.errors import Problem
from npsight.jobs.audits.run import AUDIT_FILE, audit_rows, ensure_clean, gate, write_json
from npsight.jobs.building.frames import Progress, silent
from npsight.jobs.building.held import late_then
from npsight.jobs.evaluations.evaluation import Evaluated, evaluate
from npsight.jobs.evaluations.found import Evaluation
from npsight.jobs.reports.files import evaluation_metrics, keep_files, report_files
from npsight.jobs.training.backtestrows import backtest_rows, keep_rows
from npsight.jobs.training.card import metrics, parameters
from npsight.jobs.training.context import read_context
from npsight.jobs.training.fit import fit_project
from npsight.jobs.training.labels import ensure_learnable
from npsight.jobs.training.mix import with_mix
from npsight.jobs.training.trainingdata import DERIVED, open_tables, training_data
from npsight.tracking import Tracking, await_registry, origin_tags

FOLDER = "backtest"


@dataclass(frozen=True)
class BacktestResult:
    """What was found, where the page lies, and which tables were late on training days."""

    found: Evaluation
    page: Path
    run_id: str
    warnings: tuple[Problem, ...] = ()


def backtest(project: ProjectSpec, progress: Progress = silent) -> BacktestResult:
    """Read, audit as training does, fit at every origin, and write the report.

    The page and its figures lie in `backtest/` of the state folder, and in MLflow as a run called
    "backtest". No model is registered, and no alias moves.

    Raises
    ------
    DataError
        A table cannot be used.
    NothingToLearnError
        A target has too little to learn from.
    LeakageError
        The audit found a leak that the project file does not accept: its figures would be worth
        nothing.
    """
    project.state_dir.mkdir(parents=True, exist_ok=True)
    tracking = Tracking(project.name, project.state_dir, registry_uri(), project.file)
    tracking.ensure_writable()
    with open_tables(project, progress) as (builder, prepared):
        data = training_data(builder, progress)
        ensure_learnable(project, {k: v for k, v in data.examples.items() if k not in DERIVED})
        report = audit_rows(builder, data, gate(project), progress, prepared.digest)
        context = read_context(builder, data.as_ofs)
    write_json(report, project.state_dir / AUDIT_FILE)
    ensure_clean(project, report)
    fitted = with_mix(fit_project(project, data.examples, progress), data.answers)
    made = Evaluated(fitted, data.frame, data.newest, context, report, prepared.digest)
    found = evaluate(project, made, progress)
    progress("report and tracking")
    files = report_files(found)
    page = keep_files(project.state_dir / FOLDER, files)
    keep_rows(project.state_dir / FOLDER, backtest_rows(fitted.parts.values()))
    await_registry(tracking, progress)
    tags = origin_tags("npsight backtest", project.file)
    tags |= {"data_digest": prepared.digest, "npsight.kind": "backtest"}
    run_id = tracking.start_run("backtest", parameters(project, data.as_ofs, fitted), tags)
    try:
        figures = metrics(fitted) | report.figures() | evaluation_metrics(found)
        tracking.log_metrics(run_id, figures)
        tracking.log_files(run_id, "report", files)
        tracking.log_text(run_id, "audit.json", json.dumps(report.to_json(), indent=2))
    except BaseException:
        tracking.finish(run_id, "FAILED")
        raise
    tracking.finish(run_id, "FINISHED")
    return BacktestResult(found, page, run_id, tuple(late_then(data.held, len(data.as_ofs))))
