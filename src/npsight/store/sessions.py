"""Who is signed in. Only a digest of what the browser holds is stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, ForeignKey, Index, String, Table, delete, insert, select, update

from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.users import User, users
from npsight.store.values import UtcInstant

TOUCH = timedelta(minutes=1)
"""The last use is written down at most so often."""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String, primary_key=True),
    Column(
        "user_id", String, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("csrf", String, nullable=False),
    Column("started_at", UtcInstant, nullable=False),
    Column("used_at", UtcInstant, nullable=False),
    Index("ix_sessions_used_at", "used_at"),
)


@dataclass(frozen=True)
class Session:
    """A user who is signed in, and the token that their forms must send back."""

    user: User
    csrf: str
    digest: str


def start_session(store: Store, user_id: str, now: datetime) -> str:
    """Sign a user in; returns what the browser is to keep, 256 random bits."""
    token = secrets.token_urlsafe(32)
    with store.writing() as connection:
        connection.execute(
            insert(sessions).values(
                digest=_digest(token),
                user_id=user_id,
                csrf=secrets.token_urlsafe(32),
                started_at=now,
                used_at=now,
            )
        )
    return token


def session_of(
    store: Store, project: str, token: str, now: datetime, idle: timedelta, longest: timedelta
) -> Session | None:
    """The session of a token; None where there is none, it ended, or its user was disabled.

    It lasts while ``now < used_at + idle`` and ``now < started_at + longest``.
    """
    digest = _digest(token)
    shown = [users.c[name] for name in User.__dataclass_fields__]
    query = (
        select(*shown, sessions.c.csrf, sessions.c.used_at)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.digest == digest,
            sessions.c.used_at > now - idle,
            sessions.c.started_at > now - longest,
            users.c.project == project,
            users.c.disabled_at.is_(None),
        )
    )
    with store.reading() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if now - row.used_at > TOUCH:
        with store.writing() as connection:
            mine = sessions.c.digest == digest
            connection.execute(update(sessions).where(mine).values(used_at=now))
    user = User(**{name: row._mapping[name] for name in User.__dataclass_fields__})
    return Session(user, row.csrf, digest)


def end_session(store: Store, digest: str) -> None:
    """Sign out."""
    with store.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.digest == digest))


def end_sessions_of(store: Store, user_id: str) -> None:
    """Sign a user out everywhere."""
    with store.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.user_id == user_id))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
