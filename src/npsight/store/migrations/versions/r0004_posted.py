"""Facts that came over HTTP, what they changed, and jobs for large batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_posted"
down_revision = "0003_access"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "score_changes",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
    )
    op.create_index(
        "ix_score_changes_project_account", "score_changes", ["project", "account", "seq"]
    )
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "posted_facts",
        sa.Column("seq", number, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("project", "source", "fact_id")),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("occurred_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("known_at", sa.DateTime, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.UniqueConstraint(
            "project", "source", "fact_id", "version", name="uq_posted_facts_version"
        ),
    )
    op.create_index("ix_posted_facts_account", "posted_facts", ["project", "account"])
    op.create_index("ix_posted_facts_known_at", "posted_facts", ["project", "known_at"])
    owner = sa.ForeignKey("score_runs.id", ondelete="CASCADE")
    op.create_table(
        "facts_read",
        sa.Column("run_id", sa.String, owner, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("seq", number, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("facts_read")
    op.drop_table("posted_facts")
    op.drop_index("ix_score_changes_project_account", "score_changes")
    op.drop_table("score_changes")
