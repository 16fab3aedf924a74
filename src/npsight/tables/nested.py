"""Columns that hold a record each -> a column for each of its fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.tables.engine import name_literal, run

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

Keys = tuple[str, ...]


def flatten(name: str, backend: Backend) -> None:
    """Replace the table's records by their fields, such as `device.os`; lists stay as they are.

    A field whose name another column has already is left out.
    """
    table = backend.table(name)
    if not any(table[column].type().is_struct() for column in table.columns):
        return
    taken: set[str] = set()
    columns = []
    for path in _paths(table):
        called = ".".join(path)
        if called.lower() not in taken:
            taken.add(called.lower())
            value = ".".join(name_literal(key) for key in path)
            columns.append(f"{value} AS {name_literal(called)}")
    run(
        backend,
        f"CREATE OR REPLACE TABLE {name_literal(name)} AS "
        f"SELECT {', '.join(columns)} FROM {name_literal(name)}",
    )


def _paths(table: ir.Table) -> Iterator[Keys]:
    plain = [c for c in table.columns if not table[c].type().is_struct()]
    yield from ((column,) for column in plain)
    for column in table.columns:
        if column not in plain:
            yield from _within((column,), table[column].type())


def _within(above: Keys, kind: dt.DataType) -> Iterator[Keys]:
    if not isinstance(kind, dt.Struct):
        yield above
        return
    for key, inner in kind.items():
        yield from _within((*above, key), inner)
