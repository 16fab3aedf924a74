"""Accounts that are held out."""

from __future__ import annotations

revision = "0010_impact"
down_revision = "0009_followups"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""


def downgrade() -> None:
    """Drop the tables."""
