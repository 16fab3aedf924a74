"""Who is expected to answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_answers"
down_revision = "0001_scores"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the chance and the expected number of answers; null in the runs that are there."""
    op.add_column("scores", sa.Column("answer_prob", sa.Float))
    op.add_column("scores", sa.Column("expected_answers", sa.Float))


def downgrade() -> None:
    """Drop both; scores and runs stay."""
    op.drop_column("scores", "expected_answers")
    op.drop_column("scores", "answer_prob")
