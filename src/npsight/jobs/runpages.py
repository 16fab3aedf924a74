"""What a run leaves for the pages beside its scores, written in the transaction of the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.jobs import closing, holdouts
from npsight.jobs.frames import FeatureBuilder
from npsight.jobs.scored import ScoreInputs
from npsight.models.model import Model, Predictions
from npsight.store import ScoreRun
from npsight.tables.prepare import Prepared

Write = Callable[[Any], None]
"""Writes to the store, given its connection."""


@dataclass(frozen=True)
class ScoredRun:
    """A run before it is written; tables can still be read through `builder` and `prepared`.

    `scores` has one row an account, `listed` those on the worklist with their rank.
    """

    project: ProjectSpec
    run: ScoreRun
    builder: FeatureBuilder
    prepared: Prepared
    model: Model
    inputs: ScoreInputs
    predicted: Predictions
    scores: pd.DataFrame
    listed: pd.DataFrame


def pages_of(scored: ScoredRun) -> list[Write]:
    """Everything that pages show of a run: read now, while the tables are open; written later."""
    return [prepare(scored) for prepare in PREPARED]


PREPARED: tuple[Callable[[ScoredRun], Write], ...] = (closing.closes, holdouts.holds_out)
