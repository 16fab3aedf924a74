"""Where events are sent, the events that wait to be sent, and what CRMs were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_outgoing"
down_revision = "0004_posted"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the three tables."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("events", sa.JSON, nullable=False),
        sa.Column("master_check", sa.String, nullable=False),
        sa.Column("secret_version", sa.Integer, nullable=False),
        sa.Column("previous_until", sa.DateTime),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("disabled_at", sa.DateTime),
        sa.Column("disabled_why", sa.String),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("paused_until", sa.DateTime),
    )
    op.create_index(
        "ix_webhook_endpoints_project_name", "webhook_endpoints", ["project", "name"], unique=True
    )
    _create_outbox()
    op.create_table(
        "written_back",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("system", sa.String, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("written_at", sa.DateTime, nullable=False),
    )


def _create_outbox() -> None:
    owner = sa.ForeignKey("webhook_endpoints.id", ondelete="CASCADE")
    op.create_table(
        "outbox",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("message_id", sa.String, nullable=False),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("endpoint_id", sa.String, owner, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime, nullable=False),
        sa.Column("lease_owner", sa.String),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("outcome", sa.String),
        sa.Column("settled_at", sa.DateTime),
    )
    op.create_index("ix_outbox_message_id", "outbox", ["message_id"], unique=True)
    op.create_index("ix_outbox_project_status_seq", "outbox", ["project", "status", "seq"])
    op.create_index(
        "ix_outbox_endpoint_id_account", "outbox", ["endpoint_id", "account", "status", "seq"]
    )


def downgrade() -> None:
    """Drop the three tables; what waited in the outbox is gone with it."""
    op.drop_table("written_back")
    op.drop_table("outbox")
    op.drop_table("webhook_endpoints")
