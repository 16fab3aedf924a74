"""Answers of writes, kept so that a repeated write gets the first one's answer.

A write first claims its key; the primary key of the table lets one claimant win, in whatever
process. A claim is a lease: who died holding it loses it when it ends.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    CursorResult,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    and_,
    delete,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

answers = Table(
    "answers",
    metadata,
    Column("project", String, primary_key=True),
    Column("caller", String, primary_key=True),
    Column("operation", String, primary_key=True),
    Column("key_hash", LargeBinary, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("holder", String, nullable=False),
    Column("leased_until", UtcInstant),
    Column("expires_at", UtcInstant, nullable=False),
    Column("status", Integer),
    Column("media_type", String),
    Column("body", LargeBinary),
    Index("ix_answers_expires_at", "expires_at"),
)


@dataclass(frozen=True)
class Repeatable:
    """One write as its caller names it.

    Attributes
    ----------
    caller, operation
        Among which the key is unique.
    key_hash
        SHA-256 of the key, which may be anything, a customer's name too.
    request_hash
        SHA-256 of what was asked; another one under the same key is a mistake.
    """

    project: str
    caller: str
    operation: str
    key_hash: bytes
    request_hash: bytes


@dataclass(frozen=True)
class Kept:
    """The first answer."""

    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True)
class Claimed:
    """The write is the caller's to do, until the lease ends; then it must be kept or released."""

    holder: str


@dataclass(frozen=True)
class InFlight:
    """Another request does this very write, or died at it; its lease ends in so many seconds."""

    seconds: float
    holder: str = ""


@dataclass(frozen=True)
class Different:
    """The key was used for another request."""


Outcome = Claimed | Kept | InFlight | Different


def new_holder() -> str:
    """A name that no other claim has."""
    return secrets.token_hex(16)


def claim(
    store: Store,
    write: Repeatable,
    lease: timedelta,
    keep: timedelta,
    now: datetime | None = None,
    holder: str | None = None,
) -> Outcome:
    """Claim a write, or learn what became of it. An answer is kept for `keep`, a claim `lease`.

    `holder` names the claim; none is as good as a new one.
    """
    at = now or datetime.now(UTC)
    holder = holder or new_holder()
    ours: dict[str, Any] = {
        "request_hash": write.request_hash,
        "holder": holder,
        "leased_until": at + lease,
        "expires_at": at + lease + keep,
        "status": None,
        "media_type": None,
        "body": None,
    }
    with store.writing() as connection:
        if _insert(connection, write, ours):
            return Claimed(holder)
        found = connection.execute(select(answers).where(_mine(write))).one_or_none()
        if found is None:
            # Released between the two statements, where no lock holds the row: a retry finds it.
            return InFlight(0.0)
        if not _is_over(found, at):
            return _told(found, write, at)
        # Of several that find a claim or an answer over, one takes it.
        over = and_(_mine(write), answers.c.holder == found.holder)
        taken: CursorResult[Any] = connection.execute(update(answers).where(over).values(ours))
        return Claimed(holder) if taken.rowcount == 1 else InFlight(lease.total_seconds())


def keep_answer(
    store: Store,
    write: Repeatable,
    held: Claimed,
    answer: Kept,
    keep: timedelta,
    now: datetime | None = None,
) -> bool:
    """Keep the answer of a claimed write; False where the lease ended and another took it."""
    at = now or datetime.now(UTC)
    with store.writing() as connection:
        done: CursorResult[Any] = connection.execute(
            update(answers)
            .where(_mine(write), answers.c.holder == held.holder)
            .values(
                leased_until=None,
                expires_at=at + keep,
                status=answer.status,
                media_type=answer.media_type,
                body=answer.body,
            )
        )
    return done.rowcount == 1


def release(store: Store, write: Repeatable, held: Claimed) -> None:
    """Give a claim up: nothing was done, a retry may do it."""
    with store.writing() as connection:
        connection.execute(delete(answers).where(_mine(write), answers.c.holder == held.holder))


def delete_expired(store: Store, now: datetime | None = None) -> int:
    """Forget what need not be kept any longer; returns how much that was."""
    with store.writing() as connection:
        old = delete(answers).where(answers.c.expires_at <= (now or datetime.now(UTC)))
        gone: CursorResult[Any] = connection.execute(old)
    return gone.rowcount


def _insert(connection: Connection, write: Repeatable, ours: dict[str, Any]) -> bool:
    """Whether the claim is new."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {**vars(write), **ours}
    statement = dialect.insert(answers).values(row).on_conflict_do_nothing()
    written = connection.execute(statement.returning(answers.c.holder))
    return written.scalar_one_or_none() is not None


def _mine(write: Repeatable) -> Any:
    return and_(
        answers.c.project == write.project,
        answers.c.caller == write.caller,
        answers.c.operation == write.operation,
        answers.c.key_hash == write.key_hash,
    )


def _is_over(found: Row[Any], now: datetime) -> bool:
    """Whether nobody answers for the key: its claimant died, or the answer is too old."""
    end = found.expires_at if found.leased_until is None else found.leased_until
    return bool(end <= now)


def _told(found: Row[Any], write: Repeatable, now: datetime) -> Outcome:
    if found.request_hash != write.request_hash:
        return Different()
    if found.leased_until is not None:
        return InFlight((found.leased_until - now).total_seconds(), found.holder)
    return Kept(found.status, found.media_type, found.body)
