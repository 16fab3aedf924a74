"""What pages show of a whole run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_runpages"
down_revision = "0012_pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    owner = sa.ForeignKey("score_runs.id", ondelete="CASCADE")
    op.create_table(
        "run_pages",
        sa.Column("run_id", sa.String, owner, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("content", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("run_pages")
