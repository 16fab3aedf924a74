"""Who is signed in. Only a digest of what the browser holds is stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    String,
    Table,
    delete,
    insert,
    or_,
    select,
    update,
)

from npsight.store.auditlog import note
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
    Index("ix_sessions_started_at", "started_at"),
)


@dataclass(frozen=True)
class Session:
    """A user who is signed in, and the token that their forms must send back."""

    user: User
    csrf: str
    digest: str


@dataclass(frozen=True)
class Life:
    """A session lasts while ``now < used_at + idle`` and ``now < started_at + longest``."""

    idle: timedelta
    longest: timedelta


@dataclass(frozen=True)
class OpenSession:
    """A session as its user may see it."""

    digest: str
    started_at: datetime
    used_at: datetime


def start_session(
    store: Store,
    project: str,
    user: User,
    now: datetime,
    life: Life,
    *,
    replaces: str | None = None,
    beside: Sequence[Callable[[Connection], None]] = (),
) -> str:
    """Sign a user in; returns what the browser is to keep, 256 random bits.

    `replaces` is the digest of the session that the browser had before, which ends. Sessions that
    are over are swept away. `beside` are called in the same transaction.
    """
    token = secrets.token_urlsafe(32)
    with store.writing() as connection:
        sweep_sessions(connection, now, life)
        connection.execute(delete(sessions).where(sessions.c.digest == (replaces or "")))
        connection.execute(
            insert(sessions).values(
                digest=_digest(token),
                user_id=user.id,
                csrf=secrets.token_urlsafe(32),
                started_at=now,
                used_at=now,
            )
        )
        connection.execute(update(users).where(users.c.id == user.id).values(signed_in_at=now))
        note(connection, project, now, user.login, "signed in", f"user {user.login}")
        for write in beside:
            write(connection)
    return token


def session_of(store: Store, project: str, token: str, now: datetime, life: Life) -> Session | None:
    """The session of a token; None where there is none, it ended, or its user was disabled."""
    digest = _digest(token)
    shown = [users.c[name] for name in User.__dataclass_fields__]
    query = (
        select(*shown, sessions.c.csrf, sessions.c.used_at)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.digest == digest,
            sessions.c.used_at > now - life.idle,
            sessions.c.started_at > now - life.longest,
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


def sessions_of(store: Store, user_id: str, now: datetime, life: Life) -> list[OpenSession]:
    """Where a user is signed in, used last first."""
    columns = [sessions.c[name] for name in OpenSession.__dataclass_fields__]
    query = (
        select(*columns)
        .where(
            sessions.c.user_id == user_id,
            sessions.c.used_at > now - life.idle,
            sessions.c.started_at > now - life.longest,
        )
        .order_by(sessions.c.used_at.desc(), sessions.c.digest)
    )
    with store.reading() as connection:
        return [OpenSession(**row._mapping) for row in connection.execute(query)]


def end_session(store: Store, project: str, session: Session, now: datetime) -> None:
    """Sign out."""
    with store.writing() as connection:
        done = connection.execute(delete(sessions).where(sessions.c.digest == session.digest))
        if done.rowcount:
            login = session.user.login
            note(connection, project, now, login, "signed out", f"user {login}")


def end_sessions(connection: Connection, user_id: str, but: str | None = None) -> int:
    """Sign a user out everywhere, `but` where the session has that digest; returns how many."""
    theirs = (sessions.c.user_id == user_id) & (sessions.c.digest != (but or ""))
    return connection.execute(delete(sessions).where(theirs)).rowcount


def sweep_sessions(connection: Connection, now: datetime, life: Life) -> None:
    """Delete what is over."""
    idle, old = sessions.c.used_at <= now - life.idle, sessions.c.started_at <= now - life.longest
    connection.execute(delete(sessions).where(or_(idle, old)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
