"""What the page of an account shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_pages"
down_revision = "0011_alerts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    owner = sa.ForeignKey("score_runs.id", ondelete="CASCADE")
    op.create_table(
        "account_pages",
        sa.Column("run_id", sa.String, owner, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("content", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("account_pages")
