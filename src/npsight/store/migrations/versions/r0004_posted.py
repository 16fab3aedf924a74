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


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index("ix_score_changes_project_account", "score_changes")
    op.drop_table("score_changes")
