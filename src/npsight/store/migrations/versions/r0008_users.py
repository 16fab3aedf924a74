"""Users, their sessions, failed sign-ins, and who did what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_users"
down_revision = "0007_worklist"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "audit_log",
        sa.Column("seq", number, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("actor", "action", "subject")),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    op.create_index("ix_audit_log_project_seq", "audit_log", ["project", "seq"])
    op.create_index("ix_audit_log_project_subject", "audit_log", ["project", "subject", "seq"])
    op.create_table(
        "users",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("project", "login", "name")),
        sa.Column("email", sa.String),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("owner", sa.String),
        *(sa.Column(name, sa.String, nullable=False) for name in ("time_zone", "theme")),
        *(sa.Column(name, sa.String) for name in ("password_hash", "issuer", "subject")),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("signed_in_at", sa.DateTime),
        sa.Column("disabled_at", sa.DateTime),
        sa.UniqueConstraint("project", "login", name="uq_users_login"),
    )
    op.create_index("ix_users_subject", "users", ["project", "issuer", "subject"], unique=True)
    owner = sa.ForeignKey("users.id", ondelete="CASCADE")
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("user_id", sa.String, owner, nullable=False),
        sa.Column("csrf", sa.String, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("used_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_used_at", "sessions", ["used_at"])
    op.create_index("ix_sessions_started_at", "sessions", ["started_at"])
    op.create_table(
        "sign_in_failures",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failed_at", sa.DateTime, nullable=False),
        sa.Column("locked_until", sa.DateTime),
    )
    op.create_index("ix_sign_in_failures_failed_at", "sign_in_failures", ["failed_at"])
    op.create_table(
        "used_states",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("used_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_used_states_used_at", "used_states", ["used_at"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("used_states")
    op.drop_table("sign_in_failures")
    op.drop_table("sessions")
    op.drop_table("users")
    op.drop_table("audit_log")
