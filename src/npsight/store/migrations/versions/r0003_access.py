"""Keys of callers, and what their repeated writes are answered with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_access"
down_revision = "0002_answers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime),
        sa.Column("revoked_at", sa.DateTime),
        sa.Column("last_used_at", sa.DateTime),
        sa.Column("rate_per_minute", sa.Integer),
    )
    op.create_index("ix_api_keys_project_name", "api_keys", ["project", "name"])
    op.create_table(
        "answers",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("caller", sa.String, primary_key=True),
        sa.Column("operation", sa.String, primary_key=True),
        sa.Column("key_hash", sa.LargeBinary, primary_key=True),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("leased_until", sa.DateTime),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("media_type", sa.String),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_index("ix_answers_expires_at", "answers", ["expires_at"])


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_answers_expires_at", "answers")
    op.drop_table("answers")
    op.drop_index("ix_api_keys_project_name", "api_keys")
    op.drop_table("api_keys")
