"""The worklist as pages read it, what people did with its accounts, and their own views of it."""

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
GROUPS = ("owner", "segment", "move", "driver", "state", "risk_level")
BYTES = sa.String().with_variant(sa.String(collation="C"), "postgresql")
"""Compared byte by byte on every database, so that the beginning of a word is a range."""


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
        sa.Column("within_capacity", sa.Boolean),
        *(sa.Column(name, sa.String) for name in ("driver", "second_driver")),
        sa.Column("last_contact_at", sa.DateTime),
        sa.Column("contact_until", sa.DateTime),
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
        order = "detractor_risk" if column == "risk_level" else "rank"
        op.create_index(
            f"ix_worklist_{column}",
            "worklist",
            ["run_id", column, "stands_back", order, "account"],
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
    _add_choices()
    _add_search()
    _add_views()
    for name in ("risk_low_80", "risk_high_80"):
        op.add_column("scores", sa.Column(name, sa.Float))
    op.add_column("scores", sa.Column("last_contact_at", sa.DateTime))


def _add_choices() -> None:
    owner = sa.ForeignKey("score_runs.id", ondelete="CASCADE")
    op.create_table(
        "worklist_facets",
        sa.Column("run_id", sa.String, owner, primary_key=True),
        sa.Column("facet", sa.String, primary_key=True),
        sa.Column("value", sa.String, primary_key=True),
        sa.Column("accounts", sa.Integer, nullable=False),
    )


def _add_search() -> None:
    op.create_table(
        "account_words",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("word", BYTES, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
    )
    op.create_index("ix_account_words_account", "account_words", ["project", "account", "word"])
    op.create_table(
        "account_names",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("name", sa.String),
    )


def _add_views() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("login", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("query", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("project", "login", "name", name="uq_saved_views_name"),
    )


def downgrade() -> None:
    """Drop the tables, and what scores have more since; scores and runs stay."""
    for name in ("last_contact_at", "risk_high_80", "risk_low_80"):
        op.drop_column("scores", name)
    for name in ("saved_views", "account_names", "account_words", "worklist_facets"):
        op.drop_table(name)
    op.drop_table("account_marks")
    op.drop_table("worklist")
