"""The tables as the newest migration leaves them; a test holds the two equal."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)

from npsight.store.values import UtcInstant

metadata = MetaData()

score_runs = Table(
    "score_runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("as_of", UtcInstant, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("model_digest", String, nullable=False),
    Column("account_count", Integer, nullable=False),
    Column("data_digest", String, nullable=False),
    Column("status", String, nullable=False),
    Column("peers", JSON, nullable=False),
    Index("ix_score_runs_project_as_of", "project", "as_of"),
)


def run_id_column() -> Column[str]:
    """The run that a row belongs to, and goes with."""
    owner = ForeignKey("score_runs.id", ondelete="CASCADE")
    return Column("run_id", String, owner, primary_key=True)


def score_columns() -> list[Column[Any]]:
    """The fields of `ScoreRow`, as new columns."""
    return [
        Column("account", String, primary_key=True),
        Column("as_of", UtcInstant, nullable=False),
        Column("name", String),
        Column("owner", String),
        Column("segment", String),
        Column("revenue", Float),
        Column("renewal_at", UtcInstant),
        Column("band_now", String),
        Column("last_score", Float),
        Column("last_answer_at", UtcInstant),
        Column("detractor_risk", Float),
        Column("promoter_prob", Float),
        Column("predicted_nps", Float),
        Column("nps_low_80", Float),
        Column("nps_high_80", Float),
        Column("nps_low_95", Float),
        Column("nps_high_95", Float),
        Column("churn_risk", Float),
        Column("risk_level", String),
        Column("rank", Integer),
        Column("priority", Float),
        Column("priority_reason", String),
        Column("within_capacity", Boolean),
        Column("base_risk", Float),
        Column("base_nps", Float),
        Column("base_churn", Float),
        Column("answer_prob", Float),
        Column("expected_answers", Float),
        Column("risk_low_80", Float),
        Column("risk_high_80", Float),
        Column("last_contact_at", UtcInstant),
        Column("drivers", JSON, nullable=False),
        Column("churn_drivers", JSON, nullable=False),
    ]


scores = Table(
    "scores",
    metadata,
    run_id_column(),
    *score_columns(),
    *(
        Index(f"ix_scores_run_id_{column}", "run_id", column, "account")
        for column in (
            "rank",
            "detractor_risk",
            "churn_risk",
            "predicted_nps",
            "revenue",
            "renewal_at",
        )
    ),
    *(
        Index(f"ix_scores_run_id_{column}", "run_id", column, "rank", "account")
        for column in ("owner", "segment")
    ),
)

inputs = Table(
    "inputs",
    metadata,
    run_id_column(),
    Column("account", String, primary_key=True),
    Column("features", JSON, nullable=False),
    Column("past", JSON, nullable=False),
)
