"""A project's rows from one database into another, such as from SQLite into PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Select, Table, func, insert, select, text

from npsight.errors import StateError
from npsight.store.database import count_rows, shown
from npsight.store.store import Store
from npsight.store.tables import metadata

ROWS = 1000
OF_NO_PROJECT = {"used_states"}
"""Kept for minutes, to refuse a second use of a sign-in."""


def copy_project(
    source: Store, target: Store, project: str, progress: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Copy every row of a project; the number of rows, by table.

    Both are locked against writers of this project meanwhile; the source is not changed, and the
    target has all of it or nothing. Rows keep their numbers (`seq`), to which others refer.

    Raises
    ------
    StateError
        The target holds something already, or either database fails.
    """
    with source.writing() as read, target.writing() as write:
        _check_empty(write, target)
        counts = {}
        for table in metadata.sorted_tables:
            if table.name not in OF_NO_PROJECT:
                progress(f"copying {table.name}")
                counts[table.name] = _copy(table, rows_of(table, project), read, write)
        _count_on(write)
        count_rows(write, *metadata.sorted_tables)
    return counts


def rows_of(table: Table, project: str) -> Select[Any]:
    """All rows of a table that are the project's, by itself or by the row that they belong to."""
    if "project" in table.c:
        return select(table).where(table.c.project == project)
    (key,) = (column for column in table.c if column.foreign_keys)
    (owner,) = (foreign.column for foreign in key.foreign_keys)
    owners = select(owner).where(owner.table.c.project == project)
    return select(table).where(key.in_(owners))


def _check_empty(write: Connection, target: Store) -> None:
    for table in metadata.sorted_tables:
        if write.execute(select(table).limit(1)).first() is not None:
            raise StateError(
                f"{shown(target.engine.url)}: table {table.name} holds rows already, and a copy "
                "would mix with them\n  → name an empty database in the project file's `database`"
            )


def _copy(table: Table, rows: Select[Any], read: Connection, write: Connection) -> int:
    count = 0
    found = read.execute(rows.execution_options(yield_per=ROWS))
    for some in found.mappings().partitions():
        write.execute(insert(table), [dict(row) for row in some])
        count += len(some)
    held = write.execute(select(func.count()).select_from(table)).scalar_one()
    if held != count:
        raise StateError(
            f"{table.name}: {held:,} of {count:,} rows arrived; nothing was copied\n"
            "  → run it again, and report it if it happens again"
        )
    return count


def _count_on(write: Connection) -> None:
    """Have PostgreSQL number new rows behind the copied ones."""
    if write.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if "seq" in table.primary_key.columns:
            newest = write.execute(select(func.max(table.c.seq))).scalar()
            if newest is not None:
                place = text("SELECT setval(pg_get_serial_sequence(:name, 'seq'), :newest)")
                write.execute(place, {"name": table.name, "newest": newest})
