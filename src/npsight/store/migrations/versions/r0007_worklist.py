"""The worklist as pages read it, and what people did with its accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_worklist"
down_revision = "0006_reading"
branch_labels = None
depends_on = None

ORDERS = (
    "rank",
    "detractor_risk",
    "churn_risk",
    "predicted_nps",
    "revenue",
    "renewal_at",
    "last_contact_at",
)
GROUPS = ("owner", "segment", "move", "driver", "state")


def upgrade() -> None:
    """Add the tables."""
    owner = sa.ForeignKey("score_runs.id", ondelete="CASCADE")
    op.create_table(
        "worklist",
        sa.Column("run_id", sa.String, owner, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        *(sa.Column(name, sa.String) for name in ("name", "owner", "segment")),
        sa.Column("revenue", sa.Float),
        sa.Column("renewal_at", sa.DateTime),
        *(sa.Column(name, sa.String) for name in ("band_now", "expected_band", "move")),
        *(sa.Column(name, sa.Float) for name in ("detractor_risk", "predicted_nps", "churn_risk")),
        sa.Column("risk_level", sa.String),
        sa.Column("rank", sa.Integer),
        *(sa.Column(name, sa.String) for name in ("driver", "second_driver")),
        sa.Column("last_contact_at", sa.DateTime),
        sa.Column("state", sa.String),
        sa.Column("due_on", sa.Date),
        sa.Column("stands_back", sa.Boolean, nullable=False),
        sa.Column("stands_back_until", sa.DateTime),
        sa.Column("stands_back_why", sa.String),
        sa.Column("held_out", sa.Boolean, nullable=False),
    )
    for column in ORDERS:
        op.create_index(
            f"ix_worklist_{column}", "worklist", ["run_id", "stands_back", column, "account"]
        )
    for column in GROUPS:
        op.create_index(
            f"ix_worklist_{column}",
            "worklist",
            ["run_id", column, "stands_back", "rank", "account"],
        )
    op.create_index("ix_worklist_stands_back_until", "worklist", ["stands_back_until"])
    op.create_table(
        "account_marks",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("state", sa.String),
        sa.Column("due_on", sa.Date),
        sa.Column("contacted_at", sa.DateTime),
        sa.Column("contacted_days", sa.Integer),
        sa.Column("snoozed_until", sa.DateTime),
        sa.Column("held_out_until", sa.DateTime),
    )
    op.create_index("ix_account_marks_state", "account_marks", ["project", "state"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("account_marks")
    op.drop_table("worklist")
