"""Insert a row, or change the one that has its key, in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(
    connection: Connection, table: Table, keys: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Have the row of these keys (its primary key) hold these values; others stay."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(**keys, **values)
    if values:
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(keys), set_=dict(values))
        )
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=list(keys)))
