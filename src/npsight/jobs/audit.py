"""`npsight audit`: proves what can be proved of time, and looks for what gives a leak away."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from npsight.audit.findings import AuditReport
from npsight.config.specs import ProjectSpec
from npsight.errors import NothingToLearnError
from npsight.jobs.audit_run import audit_rows, full
from npsight.jobs.files import write_atomically
from npsight.jobs.frames import FeatureBuilder, Progress, silent
from npsight.jobs.train import TrainingData, open_tables, training_data
from npsight.temporal.spine import midnight_after

AUDIT_FILE = "audit.json"


def audit(
    project: ProjectSpec, progress: Progress = silent, *, rows: int | None = None
) -> AuditReport:
    """Build what training would learn from, run every check on it, and keep `audit.json`.

    `rows` is how many accounts the oracle is asked about, on each day; the project file's unless
    given. With too little history to train, the day of scoring is audited alone.

    Raises
    ------
    DataError
        A table cannot be used.
    """
    project.state_dir.mkdir(parents=True, exist_ok=True)
    with open_tables(project, progress) as (builder, prepared):
        data = _rows(builder, progress)
        report = audit_rows(builder, data, full(project, rows), progress, prepared.digest)
    write_json(report, project.state_dir / AUDIT_FILE)
    return report


def write_json(report: AuditReport, path: Path) -> None:
    """The report as JSON, whole or not at all."""
    text = json.dumps(report.to_json(), indent=2, ensure_ascii=False)
    write_atomically(path, f"{text}\n".encode())


def _rows(builder: FeatureBuilder, progress: Progress) -> TrainingData:
    try:
        return training_data(builder, progress)
    except NothingToLearnError:
        day: datetime = midnight_after(builder.facts.data_end)
        frame = builder.features(builder.spine([day]), progress)
        return TrainingData({}, len(frame), (day,), frame, frame)
