"""What a run leaves for the page of segments and trends: the report, themes, a few comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from npsight.jobs.building.frames import silent
from npsight.jobs.runs.themes import examples_json, theme_counts, themes_json
from npsight.jobs.segmenting.inputs import attributes_asked, grouped_inputs
from npsight.jobs.segmenting.report import SegmentsReport
from npsight.jobs.segmenting.view import names_needed, report_of
from npsight.store.runpages import write_run_page

if TYPE_CHECKING:
    from npsight.jobs.runs.writes import ScoredRun, Write

SEGMENTS = "segments"
THEMES = "themes"
MOST_VALUES = 60
"""An attribute with more values has the largest ones on the page; the command shows all."""


def segment_pages(scored: ScoredRun) -> Write:
    """The documents `segments` and `themes` of a run."""
    project = scored.project
    names = attributes_asked(project, ())
    inputs = grouped_inputs(
        scored.builder,
        scored.run.as_of.replace(tzinfo=None),
        scored.inputs.now,
        scored.inputs.display["revenue"].to_numpy(np.float64),
        names_needed(project, names),
        silent,
    )
    report = report_of(
        project,
        scored.run.model_version,
        scored.model,
        inputs,
        scored.predicted,
        scored.explanation,
        names,
    )
    content, values = shortened(report)
    counts = theme_counts(project, scored.builder, inputs)
    themes: dict[str, Any] | None = None
    if counts is not None:
        themes = themes_json(counts, values, project.training.period_days)
        display = scored.inputs.display
        themes["examples"] = examples_json(project, scored.builder, inputs, display, values)

    def write(connection: Any) -> None:
        write_run_page(connection, scored.run, SEGMENTS, content)
        if themes is not None:
            write_run_page(connection, scored.run, THEMES, themes)

    return write


def shortened(report: SegmentsReport) -> tuple[dict[str, Any], Mapping[str, Sequence[str]]]:
    """The report as JSON with the largest values of each attribute, and which these are.

    `left_out` says how many values of each attribute are not among them. Losses by band are not
    part of it: they read every training day.
    """
    content = report.to_json()
    del content["losses_by_band"]
    content["left_out"] = {}
    values: dict[str, list[str]] = {}
    for name, group in content["groups"].items():
        largest = sorted(group, key=lambda s: (-s["accounts"], s["value"]))[:MOST_VALUES]
        kept = {segment["value"] for segment in largest}
        content["groups"][name] = [segment for segment in group if segment["value"] in kept]
        content["left_out"][name] = len(group) - len(kept)
        values[name] = [segment["value"] for segment in content["groups"][name]]
    return content, values
