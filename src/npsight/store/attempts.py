"""How often a sign-in failed, by login and by address: kept here, so that all workers count alike.

A login that nobody has is counted like any other, so the answers tell nothing about it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Column, Connection, Index, Integer, String, Table, delete, select

from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.upserts import upsert
from npsight.store.values import UtcInstant

Kind = Literal["login", "address"]

FREE: dict[Kind, int] = {"login": 5, "address": 30}
"""So many failures have no consequence; an office shares one address."""
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
FORGET = timedelta(days=1)
"""Failures are forgotten so long after the last of them."""

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("project", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", UtcInstant, nullable=False),
    Column("locked_until", UtcInstant),
    Index("ix_sign_in_failures_failed_at", "failed_at"),
)


@dataclass(frozen=True)
class Attempt:
    """Who tries to sign in: the login they typed, and where from (None: that says nothing)."""

    login: str
    address: str | None = None

    @property
    def counted(self) -> dict[str, Kind]:
        """What it is counted under; what was typed is not kept in words."""
        found: dict[str, Kind] = {_digest("login", self.login.casefold()): "login"}
        if self.address is not None:
            found[_digest("address", self.address)] = "address"
        return found


def wait_for(kind: Kind, failures: int) -> timedelta | None:
    """How long nobody may try after so many failures; None for not at all."""
    over = failures - FREE[kind]
    return None if over < 0 else min(FIRST_WAIT * 2 ** min(over, 10), LONGEST_WAIT)


def begin_attempt(store: Store, project: str, attempt: Attempt, now: datetime) -> datetime | None:
    """Count an attempt as failed before it is made, so that many at once gain nothing.

    Returns None, or until when it may not be made (exclusive); then it is not counted.
    `forgive_attempt` takes it back where the password was right.
    """
    with store.writing() as connection:
        old = sign_in_failures.c.failed_at <= now - FORGET
        connection.execute(delete(sign_in_failures).where(old))
        rows = {digest: _row(connection, project, digest) for digest in attempt.counted}
        locks = (row.locked_until for row in rows.values() if row is not None)
        until: datetime | None = max((at for at in locks if at is not None), default=None)
        if until is not None and now < until:
            return until
        for digest, kind in attempt.counted.items():
            row = rows[digest]
            failures = 1 if row is None else row.failures + 1
            wait = wait_for(kind, failures)
            values = {
                "failures": failures,
                "failed_at": now,
                "locked_until": None if wait is None else now + wait,
            }
            upsert(connection, sign_in_failures, {"project": project, "digest": digest}, values)
    return None


def forgive_attempt(connection: Connection, project: str, attempt: Attempt) -> None:
    """The attempt was right: forget the login's failures, and count one less for the address.

    The address keeps the others: one who has an account cannot guess at those of others for free.
    """
    for digest, kind in attempt.counted.items():
        keys = {"project": project, "digest": digest}
        row = _row(connection, project, digest)
        if row is None:
            continue
        if kind == "login" or row.failures <= 1:
            connection.execute(delete(sign_in_failures).where(_mine(project, digest)))
        else:
            values = {
                "failures": row.failures - 1,
                "failed_at": row.failed_at,
                "locked_until": None,
            }
            upsert(connection, sign_in_failures, keys, values)


def _row(connection: Connection, project: str, digest: str) -> Any:
    table = sign_in_failures
    columns = (table.c.failures, table.c.failed_at, table.c.locked_until)
    return connection.execute(select(*columns).where(_mine(project, digest))).one_or_none()


def _mine(project: str, digest: str) -> Any:
    return (sign_in_failures.c.project == project) & (sign_in_failures.c.digest == digest)


def _digest(kind: Kind, value: str) -> str:
    return hashlib.sha256(f"{kind}\0{value}".encode("utf-8", "replace")).hexdigest()
