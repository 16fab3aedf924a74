"""Accounts that came within reach of a call: the arm each drew, and what came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_impact"
down_revision = "0009_followups"
branch_labels = None
depends_on = None

NUMBERS = (
    "detractor_risk",
    "predicted_nps",
    "churn_risk",
    "answer_prob",
    "revenue",
    "days_until_renewal",
    "days_since_contact",
)


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "enrolments",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("assigned_at", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("arm", sa.String, nullable=False),
        sa.Column("hold_out_prob", sa.Float, nullable=False),
        *(sa.Column(name, sa.String) for name in ("owner", "segment", "band_now", "driver")),
        sa.Column("rank", sa.Integer),
        *(sa.Column(name, sa.Float) for name in NUMBERS),
        sa.Column("contacted_at", sa.DateTime),
        *(sa.Column(name, sa.Integer) for name in ("answers", "detractors", "promoters")),
        sa.Column("first_answer_at", sa.DateTime),
        sa.Column("churned", sa.Boolean),
        sa.Column("read_at", sa.DateTime),
    )
    op.create_index("ix_enrolments_until", "enrolments", ["project", "until"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("enrolments")
