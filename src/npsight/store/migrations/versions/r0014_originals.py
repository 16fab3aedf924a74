"""What a run itself gave accounts that were scored again since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_originals"
down_revision = "0013_runpages"
branch_labels = None
depends_on = None

TEXTS = ("name", "owner", "segment", "band_now", "risk_level", "priority_reason")
INSTANTS = ("renewal_at", "last_answer_at", "last_contact_at")
NUMBERS = (
    *("revenue", "last_score", "detractor_risk", "promoter_prob", "predicted_nps", "nps_low_80"),
    *("nps_high_80", "nps_low_95", "nps_high_95", "churn_risk", "priority", "base_risk"),
    *("base_nps", "base_churn", "answer_prob", "expected_answers", "risk_low_80", "risk_high_80"),
)


def upgrade() -> None:
    """Add the table."""
    owner = sa.ForeignKey("score_runs.id", ondelete="CASCADE")
    op.create_table(
        "originals",
        sa.Column("run_id", sa.String, owner, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("as_of", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.String) for name in TEXTS),
        *(sa.Column(name, sa.DateTime) for name in INSTANTS),
        *(sa.Column(name, sa.Float) for name in NUMBERS),
        sa.Column("rank", sa.Integer),
        sa.Column("within_capacity", sa.Boolean),
        sa.Column("drivers", sa.JSON, nullable=False),
        sa.Column("churn_drivers", sa.JSON, nullable=False),
        sa.Column("features", sa.JSON),
        sa.Column("past", sa.JSON),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("originals")
