"""Up to which posted fact the scores of a run were made."""

from __future__ import annotations

from sqlalchemy import Column, Connection, ForeignKey, String, Table, delete, insert

from npsight.store.tables import metadata
from npsight.store.values import Number

ALL = ""
"""Stands for every account of a run: no account has an empty key."""

facts_read = Table(
    "facts_read",
    metadata,
    Column("run_id", String, ForeignKey("score_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("account", String, primary_key=True),
    Column("seq", Number, nullable=False),
)


def note_read(connection: Connection, run_id: str, seq: int, account: str = ALL) -> None:
    """Facts up to this number were read for an account of a run, or for all of them."""
    mine = (facts_read.c.run_id == run_id) & (facts_read.c.account == account)
    connection.execute(delete(facts_read).where(mine))
    connection.execute(insert(facts_read), [{"run_id": run_id, "account": account, "seq": seq}])
