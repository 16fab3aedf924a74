"""The whole project file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from npsight.config.schema.alerts import Alerts
from npsight.config.schema.base import Name, Section
from npsight.config.schema.features import Driver, Feature
from npsight.config.schema.outlook import Benchmark, Goal
from npsight.config.schema.pages import Pages, Variable
from npsight.config.schema.service import Service
from npsight.config.schema.settings import (
    AuditSettings,
    Comments,
    Engine,
    Quarantine,
    Training,
    Worklist,
)
from npsight.config.schema.tables import Tables
from npsight.config.schema.targets import Targets
from npsight.config.schema.writeback import Writeback


class Project(Section):
    """The whole file."""

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")] = Field(
        description="Short name; models are registered as `npsight-<project>`."
    )
    timezone: str | None = Field(
        None, description="IANA zone of all times written without one, such as `Europe/Berlin`."
    )
    state: str = Field(
        "",
        description="Folder for the database, runs and outputs, relative to this file. Default: "
        "`var/<project>`.",
    )
    database: Variable | None = Field(
        None,
        description="Name of the environment variable that holds the connection string of the "
        "database for scores, follow-ups, users and keys, such as "
        "`postgresql://user:password@host/name`. Default: SQLite in `state`.",
    )
    tables: Tables = Field(description="The user's tables.")
    targets: Targets = Field(description="What is foreseen.")
    features: list[Feature] = Field(
        default_factory=list,
        description="What is computed from facts before as_of. NPS history is always included "
        "where there are responses.",
    )
    drivers: dict[Name, Driver] = Field(
        default_factory=dict, description="Groups of features, by name."
    )
    goals: list[Goal] = Field(
        default_factory=list, description="NPS to reach by a day; see docs/segments.md."
    )
    benchmarks: list[Benchmark] = Field(
        default_factory=list,
        description="Published NPS to show beside the segments; see docs/segments.md.",
    )
    worklist: Worklist = Field(default_factory=Worklist, description="Ranking.")
    training: Training = Field(default_factory=Training, description="Training and backtest.")
    audit: AuditSettings = Field(default_factory=AuditSettings, description="Leakage audit.")
    comments: Comments = Field(default_factory=Comments, description="Comment analysis.")
    quarantine: Quarantine = Field(default_factory=Quarantine, description="Bad rows.")
    engine: Engine = Field(default_factory=Engine, description="Feature engine.")
    service: Service = Field(default_factory=Service, description="HTTP service.")
    pages: Pages = Field(default_factory=Pages, description="Pages for CS teams.")
    alerts: Alerts = Field(default_factory=Alerts, description="Messages to CS teams.")
    writeback: Writeback = Field(default_factory=Writeback, description="Scores into CRMs.")
