"""`npsight audit`: proves what can be proved of time, and looks for what gives a leak away."""

from __future__ import annotations

from datetime import datetime

from npsight.audit.findings import AuditReport
from npsight.config.specs import ProjectSpec
from npsight.errors import NothingToLearnError
from npsight.jobs.audits.run import AUDIT_FILE, audit_rows, full, write_json
from npsight.jobs.building.frames import FeatureBuilder, Progress, silent
from npsight.jobs.training.trainingdata import TrainingData, open_tables, training_data
from npsight.temporal.spine import midnight_after


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


def _rows(builder: FeatureBuilder, progress: Progress) -> TrainingData:
    try:
        return training_data(builder, progress)
    except NothingToLearnError:
        day: datetime = midnight_after(builder.facts.data_end)
        frame = builder.features_at([day], progress)
        return TrainingData({}, len(frame), (day,), frame, frame, frame)
