"""What was told to whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011_alerts"
down_revision = "0010_impact"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "alert_looks",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("looked_at", sa.DateTime, nullable=False),
        sa.Column("changes_seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "alert_events",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("happened_at", sa.DateTime, nullable=False),
        sa.Column("found_at", sa.DateTime, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    op.create_index(
        "ix_alert_events_owner", "alert_events", ["project", "owner", "kind", "found_at"]
    )
    op.create_table(
        "alert_sends",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("channel", sa.String, primary_key=True),
        sa.Column("message_id", sa.String),
    )
    op.create_index("ix_alert_sends_message_id", "alert_sends", ["project", "message_id"])
    op.create_table(
        "alert_messages",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime, nullable=False),
        sa.Column("holder", sa.String),
        sa.Column("held_until", sa.DateTime),
        sa.Column("outcome", sa.String),
        sa.Column("settled_at", sa.DateTime),
    )
    op.create_index(
        "ix_alert_messages_status", "alert_messages", ["project", "status", "next_at", "id"]
    )


def downgrade() -> None:
    """Drop the tables: what was sent is forgotten, and the next look starts from its own day."""
    op.drop_table("alert_messages")
    op.drop_table("alert_sends")
    op.drop_table("alert_events")
    op.drop_table("alert_looks")
