"""A project's tables -> what models are trained on: features, outcomes, the days of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.errors import NothingToLearnError, Problem
from npsight.jobs.building.featurecache import FeatureCache
from npsight.jobs.building.frames import FeatureBuilder, Progress, silent
from npsight.jobs.building.held import HeldDays, held_days, with_held
from npsight.jobs.postedfacts import posted_facts
from npsight.jobs.training.days import first_day, labelled_days
from npsight.jobs.training.fit import windows
from npsight.jobs.training.labels import (
    churn_examples,
    detractor_examples,
    promoter_examples,
    response_examples,
)
from npsight.models.examples import Examples
from npsight.tables.digest import visible_digests
from npsight.tables.engine import connect
from npsight.tables.handover import open_engine
from npsight.tables.prepare import Prepared, prepare
from npsight.temporal.spine import midnight_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

DERIVED = ("promoter", "response")
"""Examples made beside those of a declared target; too few of them stop no training."""


@dataclass(frozen=True)
class TrainingData:
    """Labelled examples of each part, and every spine row of the newest labelled day.

    `frame` is what models learn from: features of tables that were late on a day, or are loaded
    seldom, are held, see `npsight.jobs.building.held`; `held` says which. `plain` has each feature
    as of its own day.
    `answers` has each answer of the outcome windows with its touchpoint, role and seniority, as
    far as mapped; None where none is.
    """

    examples: dict[str, Examples]
    rows: int
    as_ofs: tuple[datetime, ...]
    newest: pd.DataFrame
    frame: pd.DataFrame
    plain: pd.DataFrame
    held: HeldDays = field(default_factory=dict)
    answers: pd.DataFrame | None = None


@contextmanager
def open_tables(
    project: ProjectSpec, progress: Progress
) -> Iterator[tuple[FeatureBuilder, Prepared]]:
    """The project's facts, read and checked, in its engine; both end with the block.

    Facts that came over HTTP are among them.
    """
    with connect(project) as duckdb, open_engine(project, duckdb) as engine:
        quarantine = project.state_dir / "quarantine"
        sent = posted_facts(project)
        prepared = prepare(project, duckdb, quarantine, progress=progress, posted=sent)
        cache = FeatureCache.of(project, partial(visible_digests, prepared.facts))
        facts = engine.take(prepared.facts, progress)
        yield FeatureBuilder(engine.backend, facts, project, cache), prepared


def training_data(builder: FeatureBuilder, progress: Progress = silent) -> TrainingData:
    """Features and outcomes over the grid of training days."""
    as_ofs = training_days(builder)
    spine = builder.spine(as_ofs)
    plain = builder.features_at(as_ofs, progress)
    held = held_days(builder, as_ofs)
    frame = with_held(builder, plain, held, progress)
    progress("outcomes")
    examples = examples_of(builder, spine, frame)
    newest = frame[frame["as_of"] == frame["as_of"].max()].reset_index(drop=True)
    answers = None
    project = builder.project
    if project.detractor is not None and project.answer_kinds:
        window = windows(project)["detractor"]
        answers = builder.answer_rows(spine, window, project.answer_kinds)
    return TrainingData(examples, len(frame), tuple(as_ofs), newest, frame, plain, held, answers)


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


def examples_of(
    builder: FeatureBuilder, spine: ir.Table, frame: pd.DataFrame
) -> dict[str, Examples]:
    """Labelled examples of each part of the project: the rows of `frame`, which are those of the
    spine, whose outcome window has ended. Features are carried along, whatever they are.
    """
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
