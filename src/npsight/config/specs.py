"""The frozen objects that the rest of npsight reads: a project file, checked and expanded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal

from npsight.config.aggregations import Missing
from npsight.config.schema import (
    Alerts,
    AuditSettings,
    Benchmark,
    ChurnTarget,
    Comments,
    DetractorTarget,
    Engine,
    Goal,
    Pages,
    Quarantine,
    Service,
    Tables,
    Training,
    Worklist,
    Writeback,
)
from npsight.config.themes import themes_of

NPS_HISTORY = "nps_history"
"""Driver of everything read from the account's own answers, and of the history prior's term."""


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """One feature: an aggregation over facts of `source` in `[as_of − window_days, as_of)`.

    `window_days` None means all history before as_of. `where` is a conjunction of
    (category, value). `against` "segment" ranks the number among the segment's accounts of the
    day. `expression` is `file.py:function` of an own aggregation, `expression_digest` the SHA-256
    of that file. `monotone` is +1 when the risk may only rise with the feature, −1 when it may
    only fall, else 0. `scale` is the lowest and highest score that people are asked for, where
    the feature is a score and all surveys ask on one scale other than 0–10: sentences tell it so.
    """

    source: str
    aggregation: str
    measure: str | None = None
    per: str | None = None
    category: str | None = None
    expression: str = ""
    expression_digest: str = ""
    against: Literal["", "segment"] = ""
    window_days: int | None = None
    where: tuple[tuple[str, str], ...] = ()
    driver: str = ""
    label: str = ""
    unit: str = ""
    missing: Missing = "unknown"
    monotone: Literal[-1, 0, 1] = 0
    dtype: Literal["number", "category"] = "number"
    scale: tuple[float, float] | None = None

    @cached_property
    def name(self) -> str:
        """Derived from the definition, such as `tickets__count__severity_high__30d`."""
        what = f"{self.aggregation}_{self.measure}" if self.measure else self.aggregation
        if self.per:
            what += f"_per_{self.per}"
        if self.category:
            what += f"_{self.category}"
        if self.expression:
            what += f"_{self.expression.rpartition(':')[2]}"
        parts = [self.source, what]
        parts += [f"{slug(column)}_{slug(value)}" for column, value in self.where]
        if self.window_days is not None:
            parts.append(f"{self.window_days}d")
        if self.against:
            parts.append(f"vs_{self.against}")
        return "__".join(parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose values it reads, such as `usage.logins`."""
        found = (self.measure, self.per, self.category, *(column for column, _ in self.where))
        return tuple(f"{self.source}.{column}" for column in found if column)


def slug(text: str) -> str:
    """Lower case letters, digits and underscores only: `How to?` becomes `how_to`."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "blank"


@dataclass(frozen=True)
class DriverSpec:
    """A named group of features that a CS manager understands."""

    key: str
    label: str
    actionable: bool = True
    play: str = ""


@dataclass(frozen=True)
class OutcomeWindow:
    """An outcome is looked for in `[as_of + gap, as_of + gap + horizon)`."""

    gap_days: int
    horizon_days: int

    @property
    def end(self) -> timedelta:
        """From as_of to the exclusive end of the window."""
        return timedelta(days=self.gap_days + self.horizon_days)


@dataclass(frozen=True)
class ProjectSpec:
    """A project file, checked: paths absolute, features expanded, no secret read yet."""

    name: str
    file: Path
    state_dir: Path
    timezone: str | None
    tables: Tables
    detractor: DetractorTarget | None
    nps: bool
    churn: ChurnTarget | None
    features: tuple[FeatureSpec, ...]
    drivers: tuple[DriverSpec, ...]
    worklist: Worklist
    training: Training
    audit: AuditSettings
    comments: Comments
    quarantine: Quarantine
    engine: Engine
    goals: tuple[Goal, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    service: Service = field(default_factory=Service)
    writeback: Writeback = field(default_factory=Writeback)
    pages: Pages = field(default_factory=Pages)
    alerts: Alerts = field(default_factory=Alerts)
    database: str | None = None

    @property
    def is_snapshot(self) -> bool:
        """True when the data hold no time at all: one row an account, one outcome column."""
        return self.churn is not None and self.churn.event == "snapshot"

    @property
    def themes(self) -> dict[str, tuple[str, ...]]:
        """Theme to word beginnings, in a fixed order."""
        return themes_of(self.comments)

    @property
    def segment(self) -> str | None:
        """The attribute that gives an account its peers."""
        accounts = self.tables.accounts
        return accounts.segments[0] if accounts and accounts.segments else None

    @property
    def respondents(self) -> bool:
        """Whether any table of answers says who answered."""
        return any(table.respondent for table in self.tables.responses)

    @property
    def answer_kinds(self) -> tuple[str, ...]:
        """What is said of an answer beside its score: `touchpoint`, `role`, `seniority`."""
        tables = self.tables.responses
        asked = any(table.touchpoint or table.touchpoint_name for table in tables)
        of_people = ("role", "seniority")
        told = [name for name in of_people if any(getattr(table, name) for table in tables)]
        return (*(("touchpoint",) if asked else ()), *told)

    @property
    def touchpoints(self) -> tuple[str, ...]:
        """Touchpoints whose answers are foreseen; empty for all."""
        return tuple(self.detractor.touchpoints) if self.detractor else ()

    @property
    def left_after(self) -> tuple[str, int] | None:
        """The activity, and the days without it after which an account has left."""
        churn = self.churn
        if churn is None or churn.activity is None or churn.active_within_days is None:
            return None
        return churn.activity, churn.active_within_days

    def driver(self, key: str) -> DriverSpec:
        """The driver of that key; raises KeyError when the project has none."""
        for driver in self.drivers:
            if driver.key == key:
                return driver
        raise KeyError(key)
