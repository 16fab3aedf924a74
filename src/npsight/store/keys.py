"""Keys of callers: made, listed and revoked here; what a key may do is judged by the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    insert,
    or_,
    select,
    text,
    update,
)

from npsight.errors import ConfigError, NotFoundError, Problem
from npsight.store.keytext import key_hash, key_id, new_key
from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

SCOPES = ("score", "read", "write", "admin")
LIVE_PER_NAME = 2
"""The one in use, and the one that replaces it."""
VALID_FOR = timedelta(days=365)
MAX_NAME_LENGTH = 80
ADVISORY_LOCK = 7_061_787_402
"""PostgreSQL's name of the lock under which keys are counted and made."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("name", String, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant),
    Column("revoked_at", UtcInstant),
    Column("last_used_at", UtcInstant),
    Column("rate_per_minute", Integer),
    Index("ix_api_keys_project_name", "project", "name"),
)


@dataclass(frozen=True)
class KeyRow:
    """A key as it is kept: all but its secret.

    Attributes
    ----------
    id
        The public part of the key's text.
    hash
        SHA-256 of the key's text.
    expires_at
        From then on it is refused; None for never.
    last_used_at
        To the minute; None for a key that was never used.
    rate_per_minute
        Its own limit; None for the project's.
    """

    id: str
    project: str
    name: str
    hash: bytes = field(repr=False)
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    rate_per_minute: int | None = None

    def state(self, now: datetime) -> str:
        """`live`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "live"


def create_key(
    store: Store,
    project: str,
    name: str,
    scopes: Sequence[str],
    valid_for: timedelta | None = VALID_FOR,
    rate_per_minute: int | None = None,
    now: datetime | None = None,
) -> tuple[str, KeyRow]:
    """Make a key; returns its text, which is kept nowhere, and its row.

    Raises
    ------
    ConfigError
        The name, a scope or the rate cannot be used, or two keys of that name are live.
    StateError
        The store is locked, full or gone.
    """
    at = now or datetime.now(UTC)
    _check(name, scopes, valid_for, rate_per_minute)
    key = new_key()
    row = KeyRow(
        id=key_id(key),
        project=project,
        name=name,
        hash=key_hash(key),
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        created_at=at,
        expires_at=None if valid_for is None else at + valid_for,
        rate_per_minute=rate_per_minute,
    )
    with store.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        _check_live(connection, project, name, at)
        connection.execute(insert(api_keys), [vars(row) | {"scopes": list(row.scopes)}])
    return key, row


def keys_of(store: Store, project: str) -> list[KeyRow]:
    """Every key of a project, oldest first, revoked and expired ones too."""
    with store.reading() as connection:
        return _rows(connection, project)


def revoke_key(store: Store, project: str, identity: str, now: datetime | None = None) -> KeyRow:
    """Refuse a key from now on; a key that was revoked before stays as it is.

    Raises
    ------
    NotFoundError
        The project has no such key.
    """
    at = now or datetime.now(UTC)
    mine = (api_keys.c.id == identity) & (api_keys.c.project == project)
    with store.writing() as connection:
        connection.execute(
            update(api_keys).where(mine, api_keys.c.revoked_at.is_(None)).values(revoked_at=at)
        )
        for row in _rows(connection, project):
            if row.id == identity:
                return row
    raise NotFoundError(
        f"project {project} has no key with that id\n  → see the ids with `npsight keys list`"
    )


def record_uses(store: Store, uses: Mapping[str, datetime]) -> None:
    """Note when keys were last used; an older instant than the one kept changes nothing."""
    if not uses:
        return
    with store.writing() as connection:
        for identity, at in uses.items():
            newer = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < at)
            mine = update(api_keys).where(api_keys.c.id == identity, newer)
            connection.execute(mine.values(last_used_at=at))


def _rows(connection: Connection, project: str) -> list[KeyRow]:
    query = select(api_keys).where(api_keys.c.project == project)
    found = connection.execute(query.order_by(api_keys.c.created_at, api_keys.c.id))
    return [KeyRow(**{**row._mapping, "scopes": tuple(row.scopes)}) for row in found]


def _check(
    name: str, scopes: Sequence[str], valid_for: timedelta | None, rate_per_minute: int | None
) -> None:
    problems = []
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        remedy = f"give 1 to {MAX_NAME_LENGTH} printable characters, such as salesforce"
        problems.append(Problem("the name cannot be used", remedy, key="name"))
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        what = f"there is no scope {', '.join(unknown)}"
        problems.append(Problem(what, f"scopes are {', '.join(SCOPES)}", key="scope"))
    if not scopes:
        remedy = "add --scope score, or another of " + ", ".join(SCOPES)
        problems.append(Problem("no scope was given, so the key could do nothing", remedy))
    if valid_for is not None and valid_for <= timedelta(0):
        problems.append(Problem("the key would expire at once", "give 1d or more", key="expires"))
    if rate_per_minute is not None and rate_per_minute < 1:
        problems.append(Problem("the key could make no request", "give 1 or more", key="rate"))
    if problems:
        raise ConfigError("the key was not made", problems)


def _check_live(connection: Connection, project: str, name: str, now: datetime) -> None:
    of_name = [row for row in _rows(connection, project) if row.name == name]
    live = [row for row in of_name if row.state(now) == "live"]
    if len(live) < LIVE_PER_NAME:
        return
    ids = " and ".join(row.id for row in live)
    raise ConfigError(
        "the key was not made",
        [
            Problem(
                f"{name} has {LIVE_PER_NAME} live keys already ({ids})",
                f"once nothing uses the older one, `npsight keys revoke {live[0].id}`",
                key="name",
            )
        ],
    )
