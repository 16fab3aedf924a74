"""Stores at any revision, and rows in every table of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, select
from sqlalchemy.types import JSON, Boolean, Date, DateTime, Float, Integer, LargeBinary

from npsight.store import Store
from npsight.store.migrate import MIGRATIONS
from npsight.store.values import UtcInstant

Rows = dict[str, list[dict[str, Any]]]


def to_revision(store: Store, revision: str) -> None:
    """Up or down to a revision, as Alembic's own command goes; `head` is the newest."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    target = script.get_current_head() if revision == "head" else revision
    with store.engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        down = current is not None and current > str(target)
        steps = script._downgrade_revs if down else script._upgrade_revs
        with EnvironmentContext(
            config, script, fn=lambda at, _: steps(target, at), destination_rev=target
        ) as environment:
            environment.configure(connection=connection)
            environment.run_migrations()


def fill(store: Store, metadata: MetaData, count: int = 3) -> Rows:
    """Rows in every table, each column by its type; returns what was written."""
    written: Rows = {}
    with store.writing() as connection:
        for table in metadata.sorted_tables:
            rows = [row_of(table, number, written) for number in range(1, count + 1)]
            connection.execute(table.insert(), rows)
            written[table.name] = rows
    return written


def row_of(table: Table, number: int, written: Rows) -> dict[str, Any]:
    """The row of a number: another one of the same table differs in every value it can."""
    row = {}
    for column in table.columns:
        key = next(iter(column.foreign_keys), None)
        if key is not None:
            row[column.name] = written[key.column.table.name][number - 1][key.column.name]
        else:
            row[column.name] = value_of(column.name, column.type, number)
    return row


def value_of(name: str, kind: Any, number: int) -> Any:
    """A value of a column's type."""
    kinds: list[tuple[tuple[type, ...], Any]] = [
        ((JSON,), {"n": number, "é": [None, "🦄"]}),
        ((Boolean,), number % 2 == 0),
        ((UtcInstant, DateTime), datetime(2026, 1, number, 3, 4, 5, 678901, tzinfo=UTC)),
        ((Date,), date(2026, 2, number)),
        ((Float,), number + 0.25),
        ((Integer,), number),
        ((LargeBinary,), bytes([0, 255, number])),
    ]
    for types, value in kinds:
        if isinstance(kind, types) or getattr(kind, "impl", None).__class__ in types:
            return value
    return f"{name} é {number}"


def read(store: Store, metadata: MetaData, names: set[str] | None = None) -> Rows:
    """Every row of the tables, in the order of their keys."""
    found: Rows = {}
    with store.reading() as connection:
        for table in metadata.sorted_tables:
            if names is None or table.name in names:
                query = select(table).order_by(*table.primary_key.columns)
                rows = connection.execute(query).all()
                found[table.name] = [dict(row._mapping) for row in rows]
    return found


def reflected(store: Store) -> Mapping[str, Table]:
    """The tables that the database has now, by name."""
    metadata = MetaData()
    metadata.reflect(store.engine)
    return {name: table for name, table in metadata.tables.items() if name != "alembic_version"}


def only(rows: Rows, columns: Mapping[str, Table]) -> Rows:
    """Of the rows what tables with these columns hold."""
    return {
        name: [{key: row[key] for key in row if key in columns[name].columns} for row in found]
        for name, found in rows.items()
        if name in columns
    }


def flat(rows: Rows) -> list[Any]:
    """All rows, to be compared."""
    return sorted(
        (name, repr(sorted(row.items())))
        for name, row in itertools.chain.from_iterable(
            ((name, row) for row in found) for name, found in rows.items()
        )
    )
