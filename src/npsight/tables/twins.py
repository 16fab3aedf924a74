"""Rows of a source that equal another row of it in every column: they carry no information."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from npsight.tables.engine import fresh_name, one_row, row_hash
from npsight.tables.raw import ROW, RawTable

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


def twins_of(raw: RawTable, backend: Backend) -> str | None:
    """Name of a table with the `_row` of each row that equals one before it, None without any.

    All columns of the source are compared, mapped or not, as they were read; null equals null.
    """
    hashed = raw.table.select(hash=row_hash(_whole(raw)))
    counted = one_row(hashed.aggregate(rows=hashed.count(), distinct=hashed.hash.nunique()))
    if counted["rows"] == counted["distinct"]:
        return None
    # Few rows share a hash, so that only these are compared column by column.
    shared = hashed.group_by("hash").having(hashed.count() > 1).aggregate()
    table = raw.table.mutate(_npsight_hash=row_hash(_whole(raw)))
    alike = table.semi_join(shared, table._npsight_hash == shared.hash)
    first = alike.group_by(raw.columns).aggregate(_first=alike[ROW].min())
    name = fresh_name("twins")
    again = alike.anti_join(first, alike[ROW] == first._first)
    backend.create_table(name, again.select(ROW))
    return name


def _whole(raw: RawTable) -> ir.StructValue:
    return ibis.struct({column: raw.table[column] for column in raw.columns})
