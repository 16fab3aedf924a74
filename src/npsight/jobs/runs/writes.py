"""What a run leaves for the pages beside its scores, written in the transaction of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.drivers.explain import Explanation
from npsight.jobs.building.frames import FeatureBuilder
from npsight.jobs.runs import accounts as accountpages
from npsight.jobs.runs import closing, holdouts
from npsight.jobs.runs.came import came_page
from npsight.jobs.runs.drift import drift_page
from npsight.jobs.runs.held import held_tables_page
from npsight.jobs.runs.model import model_page
from npsight.jobs.runs.trends import segment_pages
from npsight.jobs.scoring.scored import ScoreInputs
from npsight.models.model import Model, Predictions
from npsight.store import ScoreRun
from npsight.tables.prepare import Prepared
from npsight.temporal.loads import Held

Write = Callable[[Any], None]
"""Writes to the store, given its connection."""


@dataclass(frozen=True)
class ScoredRun:
    """A run before it is written; tables can still be read through `builder` and `prepared`.

    `files` are those of the model's bundle. `inputs`, `predicted`, `explanation` and `scores` have
    one row an account, in the same order; `listed` those on the worklist with their rank.
    `held` are the tables whose features were taken at their last load.
    """

    project: ProjectSpec
    run: ScoreRun
    builder: FeatureBuilder
    prepared: Prepared
    model: Model
    files: Mapping[str, bytes]
    inputs: ScoreInputs
    predicted: Predictions
    explanation: Explanation
    scores: pd.DataFrame
    listed: pd.DataFrame
    held: Sequence[Held]


def pages_of(scored: ScoredRun) -> list[Write]:
    """Everything that pages show of a run: read now, while the tables are open; written later."""
    return [prepare(scored) for prepare in PREPARED]


PREPARED: tuple[Callable[[ScoredRun], Write], ...] = (
    closing.closes,
    holdouts.holds_out,
    accountpages.account_pages,
    segment_pages,
    drift_page,
    held_tables_page,
    model_page,
    came_page,
)
