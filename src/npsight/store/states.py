"""Sign-ins at an issuer that were finished: none can be finished twice."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Index, String, Table, delete, insert, select

from npsight.errors import StateError
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

used_states = Table(
    "used_states",
    metadata,
    Column("digest", String, primary_key=True),
    Column("used_at", UtcInstant, nullable=False),
    Index("ix_used_states_used_at", "used_at"),
)


def use_state(connection: Connection, state: str, now: datetime, valid: timedelta) -> None:
    """Have a state count as used; those that are over anyway, after `valid`, are forgotten.

    Raises
    ------
    StateError
        It was used before.
    """
    digest = hashlib.sha256(state.encode()).hexdigest()
    connection.execute(delete(used_states).where(used_states.c.used_at <= now - valid))
    if connection.execute(select(used_states).where(used_states.c.digest == digest)).first():
        raise StateError("this sign-in was finished before\n  → sign in again")
    connection.execute(insert(used_states).values(digest=digest, used_at=now))
