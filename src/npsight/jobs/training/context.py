"""What a report tells accounts apart by: owner, revenue, segments and past answers as of a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.jobs.building.frames import KEYS, FeatureBuilder
from npsight.models.contest import CallList
from npsight.models.examples import Examples
from npsight.models.logits import Vector

NO_VALUE = "(none)"


@dataclass(frozen=True)
class Context:
    """One row for each account alive on each training day, as known before that day.

    `frame` has `account`, `as_of`, `owner` (null for none), `revenue` (float64, NaN for none),
    `past_answers` (float64) and `last_answer_at` (NaT for none), both absent without surveys, and
    the attributes `segments`, as text.
    """

    frame: pd.DataFrame
    segments: tuple[str, ...]
    has_revenue: bool

    @property
    def has_answers(self) -> bool:
        """Whether the project has surveys."""
        return "past_answers" in self.frame

    def beside(self, rows: Examples) -> pd.DataFrame:
        """The context of each labelled row, in their order."""
        keys = rows.frame[KEYS]
        found = keys.merge(self.frame, on=KEYS, how="left", validate="many_to_one")
        return found.reset_index(drop=True)

    def call_list(self, rows: Examples, project: ProjectSpec) -> CallList:
        """The list that the team can call on the day of the rows.

        Each owner calls `worklist.capacity` accounts; accounts without an owner share one
        capacity, as in the worklist. Its length is taken as a part of the accounts alive, because
        only some of them have an outcome.
        """
        alive = self.frame[self.frame["as_of"].isin(np.unique(rows.as_of))]
        owners = alive["owner"].nunique() + int(alive["owner"].isna().any())
        calls = min(project.worklist.capacity * max(owners, 1), len(alive))
        part = calls / len(alive) if len(alive) else 1.0
        amount: Vector | None = None
        if self.has_revenue:
            amount = self.beside(rows)["revenue"].to_numpy(np.float64)
        return CallList(part, calls, len(alive), amount)


def read_context(builder: FeatureBuilder, as_ofs: Sequence[datetime]) -> Context:
    """The context of every account alive on these days."""
    project = builder.project
    spine = builder.spine(as_ofs)
    attributes = builder.attributes_now(spine)
    frame = attributes[KEYS].copy()
    frame["owner"] = attributes.get("owner_", _blank(frame))
    revenue = attributes.get("revenue_", _blank(frame))
    frame["revenue"] = pd.to_numeric(revenue, errors="coerce").astype(np.float64)
    accounts = project.tables.accounts
    segments = tuple(s for s in (accounts.segments if accounts else ()) if s in attributes)
    for segment in segments:
        named = attributes[segment].astype(object)
        frame[segment] = named.where(named.notna(), NO_VALUE).astype(str)
    if "responses" in builder.facts.sources:
        answered = builder.answered(spine)
        frame["past_answers"] = answered["past_answers"].to_numpy(np.float64)
        frame["last_answer_at"] = answered["last_answer_at"].to_numpy("datetime64[us]")
    return Context(frame, segments, bool(frame["revenue"].notna().any()))


def _blank(frame: pd.DataFrame) -> pd.Series[Any]:
    return pd.Series([None] * len(frame), dtype=object)
