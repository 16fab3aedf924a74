"""What the page of an account shows."""

from __future__ import annotations

revision = "0012_pages"
down_revision = "0011_alerts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""


def downgrade() -> None:
    """Drop the tables."""
