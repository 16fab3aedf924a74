"""What the event of a logged call needs to be taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_calls"
down_revision = "0014_originals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("follow_up_events", sa.Column("call", sa.JSON))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("follow_up_events", "call")
