"""Each user's own views of the worklist: a name, and the filters of the address."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from npsight.errors import NotFoundError, StateError
from npsight.store.auditlog import note
from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

MOST = 50
LONGEST_NAME = 60

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("login", String, nullable=False),
    Column("name", String, nullable=False),
    Column("query", String, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    UniqueConstraint("project", "login", "name", name="uq_saved_views_name"),
)


@dataclass(frozen=True)
class SavedView:
    """A view; `query` is the part of the worklist's address behind the question mark."""

    id: str
    name: str
    query: str


def views_of(store: Store, project: str, login: str) -> list[SavedView]:
    """A user's views, by name."""
    table = saved_views
    columns = [table.c[name] for name in SavedView.__dataclass_fields__]
    mine = (table.c.project == project) & (table.c.login == login)
    with store.reading() as connection:
        rows = connection.execute(select(*columns).where(mine).order_by(table.c.name)).all()
    return [SavedView(**row._mapping) for row in rows]


def save_view(
    store: Store, project: str, login: str, name: str, query: str, now: datetime
) -> SavedView:
    """Keep a view, in place of the user's view of that name.

    Raises
    ------
    StateError
        The user has `MOST` views already.
    """
    table = saved_views
    mine = (table.c.project == project) & (table.c.login == login)
    with store.writing() as connection:
        known = connection.execute(select(table.c.id).where(mine, table.c.name == name)).scalar()
        if known is None:
            _check_room(connection, project, login)
            known = uuid.uuid4().hex
            values = {"project": project, "login": login, "name": name, "query": query}
            connection.execute(insert(table).values(id=known, created_at=now, **values))
        else:
            connection.execute(update(table).where(table.c.id == known).values(query=query))
        detail = {"name": name, "query": query}
        note(connection, project, now, login, "view saved", f"view {known}", detail)
    return SavedView(known, name, query)


def rename_view(
    store: Store, project: str, login: str, view_id: str, name: str, now: datetime
) -> None:
    """Give a view another name.

    Raises
    ------
    NotFoundError
        The user has no such view; those of others are not there for them.
    StateError
        Another view of the user has the name.
    """
    table = saved_views
    mine = (table.c.project == project) & (table.c.login == login)
    with store.writing() as connection:
        before = _name_of(connection, project, login, view_id)
        if before == name:
            return
        if connection.execute(select(table.c.id).where(mine, table.c.name == name)).first():
            raise StateError("You have a view of that name\n  → give another one, or remove it")
        connection.execute(update(table).where(table.c.id == view_id).values(name=name))
        detail = {"name": name, "before": before}
        note(connection, project, now, login, "view renamed", f"view {view_id}", detail)


def remove_view(store: Store, project: str, login: str, view_id: str, now: datetime) -> None:
    """Forget a view.

    Raises
    ------
    NotFoundError
        The user has no such view; those of others are not there for them.
    """
    with store.writing() as connection:
        name = _name_of(connection, project, login, view_id)
        connection.execute(delete(saved_views).where(saved_views.c.id == view_id))
        note(connection, project, now, login, "view removed", f"view {view_id}", {"name": name})


def _name_of(connection: Connection, project: str, login: str, view_id: str) -> str:
    table = saved_views
    mine = (table.c.project == project) & (table.c.login == login) & (table.c.id == view_id)
    name = connection.execute(select(table.c.name).where(mine)).scalar()
    if name is None:
        raise NotFoundError("There is no such view.")
    return str(name)


def _check_room(connection: Connection, project: str, login: str) -> None:
    table = saved_views
    mine = (table.c.project == project) & (table.c.login == login)
    count = connection.execute(select(func.count()).select_from(table).where(mine)).scalar() or 0
    if count >= MOST:
        raise StateError(f"There are {MOST} views already\n  → remove one that nobody opens")
