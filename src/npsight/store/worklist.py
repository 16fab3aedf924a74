"""The worklist as pages read it: one narrow row an account of a run, each order indexed.

A run writes its rows with its scores, in one transaction; the newest runs alone have rows. What
people do between runs (follow-ups, snoozes, hold-outs) is kept in `account_marks` and copied onto
the rows: see `marks`. `contact_until` is until when an account steps back because the tables tell
of a contact.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Float, ForeignKey, Index, Integer, String, Table

from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

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
FACETS = ("owner", "segment", "move", "driver", "risk_level")
"""Columns whose values a page offers to choose from."""
WITHIN_CAPACITY = "within_capacity"
"""A facet of its own: how many accounts are the week's calls."""

worklist = Table(
    "worklist",
    metadata,
    Column("run_id", String, ForeignKey("score_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("account", String, primary_key=True),
    Column("name", String),
    Column("owner", String),
    Column("segment", String),
    Column("revenue", Float),
    Column("renewal_at", UtcInstant),
    Column("band_now", String),
    Column("expected_band", String),
    Column("move", String),
    Column("detractor_risk", Float),
    Column("predicted_nps", Float),
    Column("churn_risk", Float),
    Column("risk_level", String),
    Column("rank", Integer),
    Column("within_capacity", Boolean),
    Column("driver", String),
    Column("second_driver", String),
    Column("last_contact_at", UtcInstant),
    Column("contact_until", UtcInstant),
    Column("state", String),
    Column("due_on", Date),
    Column("stands_back", Boolean, nullable=False, default=False),
    Column("stands_back_until", UtcInstant),
    Column("stands_back_why", String),
    Column("held_out", Boolean, nullable=False, default=False),
    *(
        Index(f"ix_worklist_{column}", "run_id", "stands_back", column, "account")
        for column in ORDERS
    ),
    *(
        Index(
            f"ix_worklist_{column}",
            "run_id",
            column,
            "stands_back",
            # Levels are slices of the risk, so that by any other order they may lie far away.
            "detractor_risk" if column == "risk_level" else "rank",
            "account",
        )
        for column in GROUPS
    ),
    Index("ix_worklist_stands_back_until", "stands_back_until"),
)

worklist_facets = Table(
    "worklist_facets",
    metadata,
    Column("run_id", String, ForeignKey("score_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("facet", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("accounts", Integer, nullable=False),
)
"""Each value of the `FACETS`, and how many accounts had it when the run was written."""
