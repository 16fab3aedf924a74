"""Follow-ups and their history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_followups"
down_revision = "0008_users"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "follow_ups",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("project", "account", "state")),
        *(sa.Column(name, sa.String) for name in ("owner", "reason", "driver", "play")),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("notes", sa.String),
        sa.Column("opened_at", sa.DateTime, nullable=False),
        sa.Column("opened_by", sa.String, nullable=False),
        *(sa.Column(name, sa.DateTime) for name in ("reopened_at", "contacted_at", "closed_at")),
        sa.Column("closed_by", sa.String),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON),
        sa.Column("version", sa.Integer, nullable=False),
    )
    still_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_follow_ups_open",
        "follow_ups",
        ["project", "account"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_index("ix_follow_ups_account", "follow_ups", ["project", "account", "opened_at"])
    op.create_index("ix_follow_ups_state", "follow_ups", ["project", "state", "due_on", "id"])
    op.create_index("ix_follow_ups_closed", "follow_ups", ["project", "state", "closed_at", "id"])
    op.create_index(
        "ix_follow_ups_owner", "follow_ups", ["project", "owner", "state", "due_on", "id"]
    )
    op.create_table(
        "follow_up_events",
        sa.Column("seq", number, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("follow_up_id", sa.String, sa.ForeignKey("follow_ups.id", ondelete="CASCADE")),
        sa.Column("version", sa.Integer),
        sa.Column("at", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("actor", "kind")),
        *(sa.Column(name, sa.JSON) for name in ("before", "after")),
        sa.Column("note", sa.String),
        sa.UniqueConstraint("follow_up_id", "version", name="uq_follow_up_events_version"),
    )
    op.create_index(
        "ix_follow_up_events_account", "follow_up_events", ["project", "account", "seq"]
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("follow_up_events")
    op.drop_table("follow_ups")
