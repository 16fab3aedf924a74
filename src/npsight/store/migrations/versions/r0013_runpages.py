"""What pages show of a whole run."""

from __future__ import annotations

revision = "0013_runpages"
down_revision = "0012_pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""


def downgrade() -> None:
    """Drop the tables."""
