"""Score runs, scores and inputs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_scores"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "score_runs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("as_of", sa.DateTime, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("model_version", sa.Integer, nullable=False),
        sa.Column("model_digest", sa.String, nullable=False),
        sa.Column("account_count", sa.Integer, nullable=False),
        sa.Column("data_digest", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("peers", sa.JSON, nullable=False),
    )
    op.create_index("ix_score_runs_project_as_of", "score_runs", ["project", "as_of"])
    op.create_table(
        "scores",
        _run_id(),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("as_of", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.String) for name in ("name", "owner", "segment")),
        sa.Column("revenue", sa.Float),
        sa.Column("renewal_at", sa.DateTime),
        sa.Column("band_now", sa.String),
        sa.Column("last_score", sa.Float),
        sa.Column("last_answer_at", sa.DateTime),
        *(sa.Column(name, sa.Float) for name in ("detractor_risk", "promoter_prob")),
        *(sa.Column(name, sa.Float) for name in ("predicted_nps", "nps_low_80", "nps_high_80")),
        *(sa.Column(name, sa.Float) for name in ("nps_low_95", "nps_high_95", "churn_risk")),
        sa.Column("risk_level", sa.String),
        sa.Column("rank", sa.Integer),
        sa.Column("priority", sa.Float),
        sa.Column("priority_reason", sa.String),
        sa.Column("within_capacity", sa.Boolean),
        *(sa.Column(name, sa.Float) for name in ("base_risk", "base_nps", "base_churn")),
        sa.Column("drivers", sa.JSON, nullable=False),
        sa.Column("churn_drivers", sa.JSON, nullable=False),
    )
    op.create_index("ix_scores_run_id_rank", "scores", ["run_id", "rank"])
    op.create_table(
        "inputs",
        _run_id(),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("features", sa.JSON, nullable=False),
        sa.Column("past", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Drop the three tables."""
    for table in ("inputs", "scores", "score_runs"):
        op.drop_table(table)


def _run_id() -> sa.Column[str]:
    owner = sa.ForeignKey("score_runs.id", ondelete="CASCADE")
    return sa.Column("run_id", sa.String, owner, primary_key=True)
