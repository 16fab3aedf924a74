"""Follow-ups and their history."""

from __future__ import annotations

revision = "0009_followups"
down_revision = "0008_users"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""


def downgrade() -> None:
    """Drop the tables."""
