"""People who may open the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Index, String, Table, UniqueConstraint, insert, select, update

from npsight.config.schema import Role
from npsight.errors import NotFoundError, StateError
from npsight.store.auditlog import note
from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("login", String, nullable=False),
    Column("name", String, nullable=False),
    Column("email", String),
    Column("role", String, nullable=False),
    Column("owner", String),
    Column("time_zone", String, nullable=False),
    Column("theme", String, nullable=False),
    Column("password_hash", String),
    Column("issuer", String),
    Column("subject", String),
    Column("created_at", UtcInstant, nullable=False),
    Column("disabled_at", UtcInstant),
    UniqueConstraint("project", "login", name="uq_users_login"),
    Index("ix_users_subject", "project", "issuer", "subject", unique=True),
)


@dataclass(frozen=True)
class User:
    """A user.

    Attributes
    ----------
    owner
        What the tables call them as the owner of accounts; None for nobody's.
    time_zone
        IANA name; times are shown in it.
    theme
        `system`, `light` or `dark`.
    issuer, subject
        Who an OpenID Connect issuer says they are; None for a local user.
    """

    id: str
    login: str
    name: str
    role: Role
    owner: str | None = None
    email: str | None = None
    time_zone: str = "UTC"
    theme: str = "system"
    issuer: str | None = None
    subject: str | None = None
    disabled_at: datetime | None = None


_SHOWN = [users.c[name] for name in User.__dataclass_fields__]


def users_of(store: Store, project: str) -> list[User]:
    """Every user, by login."""
    query = select(*_SHOWN).where(users.c.project == project).order_by(users.c.login)
    with store.reading() as connection:
        return [User(**row._mapping) for row in connection.execute(query)]


def user_by_login(store: Store, project: str, login: str) -> tuple[User, str | None] | None:
    """A user and the hash of their password; None for nobody."""
    query = select(*_SHOWN, users.c.password_hash).where(
        users.c.project == project, users.c.login == login
    )
    with store.reading() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    secret = values.pop("password_hash")
    return User(**values), secret


def add_user(store: Store, project: str, user: User, password_hash: str | None, actor: str) -> User:
    """Keep a new user.

    Raises
    ------
    StateError
        The login is taken.
    """
    at = datetime.now(UTC)
    with store.writing() as connection:
        taken = select(users.c.id).where(users.c.project == project, users.c.login == user.login)
        if connection.execute(taken).first() is not None:
            raise StateError(f"there is a user {user.login!r} already\n  → choose another login")
        values = {name: getattr(user, name) for name in User.__dataclass_fields__}
        connection.execute(
            insert(users).values(
                **values, project=project, password_hash=password_hash, created_at=at
            )
        )
        detail = {"role": user.role, "owner": user.owner}
        note(connection, project, at, actor, "user added", f"user {user.login}", detail)
    return user


def change_user(
    store: Store, project: str, login: str, actor: str, action: str, **changes: Any
) -> None:
    """Change columns of a user.

    Raises
    ------
    NotFoundError
        There is no such user.
    """
    at = datetime.now(UTC)
    shown: Sequence[str] = [name for name in changes if name != "password_hash"]
    with store.writing() as connection:
        mine = (users.c.project == project) & (users.c.login == login)
        done = connection.execute(update(users).where(mine).values(**changes))
        if done.rowcount == 0:
            raise NotFoundError(f"there is no user {login!r}\n  → npsight users list -c FILE")
        detail = {name: str(changes[name]) for name in shown}
        note(connection, project, at, actor, action, f"user {login}", detail)
