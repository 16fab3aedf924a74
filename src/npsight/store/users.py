"""People who may open the pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
    update,
)

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
    Column("signed_in_at", UtcInstant),
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
    signed_in_at
        The last sign-in; None for never.
    disabled_at
        Since when they may not sign in; None for a user who may.
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
    signed_in_at: datetime | None = None
    disabled_at: datetime | None = None


_SHOWN = [users.c[name] for name in User.__dataclass_fields__]


def users_of(store: Store, project: str) -> list[User]:
    """Every user, by login."""
    query = select(*_SHOWN).where(users.c.project == project).order_by(users.c.login)
    with store.reading() as connection:
        return [User(**row._mapping) for row in connection.execute(query)]


def user_by_login(store: Store, project: str, login: str) -> tuple[User, str | None] | None:
    """A user and the hash of their password; None for nobody."""
    return _one(store, (users.c.project == project) & (users.c.login == login))


def user_by_id(store: Store, project: str, identity: str) -> User | None:
    """A user; None for nobody."""
    found = _one(store, (users.c.project == project) & (users.c.id == identity))
    return None if found is None else found[0]


def user_of_issuer(store: Store, project: str, issuer: str, subject: str) -> User | None:
    """Whom an OpenID Connect issuer means; None for nobody known."""
    theirs = (users.c.issuer == issuer) & (users.c.subject == subject)
    found = _one(store, (users.c.project == project) & theirs)
    return None if found is None else found[0]


def has_user(store: Store, project: str) -> bool:
    """Whether the project has any user."""
    with store.reading() as connection:
        return _any(connection, users.c.project == project)


def has_local_user(store: Store, project: str) -> bool:
    """Whether anybody can sign in with a password."""
    local = users.c.password_hash.is_not(None) & users.c.disabled_at.is_(None)
    with store.reading() as connection:
        return _any(connection, (users.c.project == project) & local)


def add_user(
    store: Store,
    project: str,
    user: User,
    password_hash: str | None,
    actor: str,
    *,
    only_first: bool = False,
    also: Callable[[Connection], object] | None = None,
) -> User:
    """Keep a new user; where `only_first`, only if the project has none.

    `also` is called in the same transaction.

    Raises
    ------
    StateError
        The login is taken, or the project has a user.
    """
    at = datetime.now(UTC)
    with store.writing() as connection:
        mine = users.c.project == project
        if only_first and _any(connection, mine):
            raise StateError("there are users already\n  → npsight users list -c FILE")
        if _any(connection, mine & (users.c.login == user.login)):
            raise StateError(f"there is a user {user.login!r} already\n  → choose another login")
        values = {name: getattr(user, name) for name in User.__dataclass_fields__}
        connection.execute(
            insert(users).values(
                **values, project=project, password_hash=password_hash, created_at=at
            )
        )
        detail = {"role": user.role, "owner": user.owner}
        note(connection, project, at, actor, "user added", f"user {user.login}", detail)
        if also is not None:
            also(connection)
    return user


def change_user(
    store: Store,
    project: str,
    login: str,
    actor: str,
    action: str,
    *,
    also: Callable[[Connection, str], object] | None = None,
    **changes: Any,
) -> None:
    """Change columns of a user; `also` is called with their id in the same transaction.

    Raises
    ------
    NotFoundError
        There is no such user.
    """
    at = datetime.now(UTC)
    mine = (users.c.project == project) & (users.c.login == login)
    with store.writing() as connection:
        identity = connection.execute(select(users.c.id).where(mine)).scalar_one_or_none()
        if identity is None:
            raise NotFoundError(f"there is no user {login!r}\n  → npsight users list -c FILE")
        if changes:
            connection.execute(update(users).where(users.c.id == identity).values(**changes))
        if also is not None:
            also(connection, identity)
        detail = {
            name: None if value is None else str(value)
            for name, value in changes.items()
            if name != "password_hash"
        }
        note(connection, project, at, actor, action, f"user {login}", detail)


def free_login(store: Store, project: str, wanted: str) -> str:
    """The wanted login, with a number behind it where it is taken."""
    names = (wanted, *(f"{wanted}-{number}" for number in range(2, 1000)))
    return next(name for name in names if user_by_login(store, project, name) is None)


def rehash(store: Store, user: User, password_hash: str) -> None:
    """Keep the same password under a better hash; nothing that anybody did."""
    with store.writing() as connection:
        connection.execute(
            update(users).where(users.c.id == user.id).values(password_hash=password_hash)
        )


def _one(store: Store, condition: ColumnElement[bool]) -> tuple[User, str | None] | None:
    with store.reading() as connection:
        query = select(*_SHOWN, users.c.password_hash).where(condition)
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    secret = values.pop("password_hash")
    return User(**values), secret


def _any(connection: Connection, condition: ColumnElement[bool]) -> bool:
    return connection.execute(select(users.c.id).where(condition).limit(1)).first() is not None
