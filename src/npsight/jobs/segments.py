"""`npsight segments`: NPS now and next by attribute, what a difference means, and the goals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from npsight.config.specs import ProjectSpec
from npsight.drivers.explain import explain
from npsight.jobs.building.frames import Progress, silent
from npsight.jobs.building.held import held_days
from npsight.jobs.scoring.asof import default_as_of
from npsight.jobs.scoring.champion import champion
from npsight.jobs.segmenting.inputs import attributes_asked, read_inputs
from npsight.jobs.segmenting.report import SegmentsReport
from npsight.jobs.segmenting.view import names_needed, report_of
from npsight.jobs.training.association import association
from npsight.jobs.training.trainingdata import open_tables


def segments(
    project: ProjectSpec,
    by: Sequence[str] = (),
    as_of: datetime | None = None,
    progress: Progress = silent,
) -> SegmentsReport:
    """The company and its segments at as_of, by the champion.

    Parameters
    ----------
    by
        Attributes of the accounts, or `owner` where one is mapped. A number is cut into thirds.
        Default: the `segments` of the project file.
    as_of
        UTC instant without a zone. Default: the midnight after the last known fact, but not
        later than today's.

    Raises
    ------
    ConfigError
        An attribute is not declared.
    NotFoundError, ModelIntegrityError
        As `npsight.jobs.score.score` does.
    """
    names = attributes_asked(project, by)
    used = champion(project, progress)
    model = used.model
    with open_tables(project, progress) as (builder, _):
        day = as_of or default_as_of(builder)
        tables = held_days(builder, [day]).get(day, ())
        inputs = read_inputs(builder, day, names_needed(project, names), progress, tables)
        progress("losses by the newest answer")
        losses = association(builder, day)
    progress(f"segments of {len(inputs.now):,} accounts")
    predicted, explanation = model.predict(inputs.now), explain(model, inputs.now)
    report = report_of(project, used.version, model, inputs, predicted, explanation, names)
    return replace(report, losses=losses)
