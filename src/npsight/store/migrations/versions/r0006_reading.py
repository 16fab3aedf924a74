"""Indexes for each order of the accounts of a run, and jobs for large batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_reading"
down_revision = "0005_outgoing"
branch_labels = None
depends_on = None

ORDERS = ("rank", "detractor_risk", "churn_risk", "predicted_nps", "revenue", "renewal_at")
GROUPS = ("owner", "segment")


def upgrade() -> None:
    """Add the indexes and both tables."""
    op.drop_index("ix_scores_run_id_rank", "scores")
    for column in ORDERS:
        op.create_index(f"ix_scores_run_id_{column}", "scores", ["run_id", column, "account"])
    for column in GROUPS:
        op.create_index(
            f"ix_scores_run_id_{column}", "scores", ["run_id", column, "rank", "account"]
        )
    op.create_table(
        "score_jobs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("detail", sa.String),
        sa.Column("drivers", sa.Boolean, nullable=False),
        sa.Column("targets", sa.JSON, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("as_of", sa.DateTime, nullable=False),
        sa.Column("model_version", sa.Integer, nullable=False),
        sa.Column("model_digest", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("lease_by", sa.String),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("tries", sa.Integer, nullable=False),
    )
    op.create_index(
        "ix_score_jobs_project_status", "score_jobs", ["project", "status", "created_at"]
    )
    op.create_index("ix_score_jobs_expires_at", "score_jobs", ["expires_at"])
    owner = sa.ForeignKey("score_jobs.id", ondelete="CASCADE")
    op.create_table(
        "score_job_chunks",
        sa.Column("job_id", sa.String, owner, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("accounts", sa.JSON, nullable=False),
        sa.Column("results", sa.JSON),
    )


def downgrade() -> None:
    """Drop both tables, and leave the one index that there was."""
    op.drop_table("score_job_chunks")
    op.drop_table("score_jobs")
    for column in (*ORDERS, *GROUPS):
        op.drop_index(f"ix_scores_run_id_{column}", "scores")
    op.create_index("ix_scores_run_id_rank", "scores", ["run_id", "rank"])
