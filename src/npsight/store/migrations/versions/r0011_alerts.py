"""What was told to whom."""

from __future__ import annotations

revision = "0011_alerts"
down_revision = "0010_impact"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""


def downgrade() -> None:
    """Drop the tables."""
