"""Ibis's PostgreSQL backend, with tables that are computed once and results by COPY.

Text is compared byte by byte (`COLLATE "C"`), as DuckDB and Spark do, whatever the database's
language. Results come by COPY: typed, exact and fast.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from ibis.backends.postgres import Backend as IbisPostgres

from npsight.tables.engine import name_literal, text_literal
from npsight.tables.postgres_compiler import PostgresCompiler

_BATCH_ROWS = 100_000
_SESSION = (
    "SET TimeZone = 'UTC'",
    "SET DateStyle = 'ISO'",
    "SET client_encoding = 'UTF8'",
    "SET extra_float_digits = 1",
    # Compiling expressions of this width costs seconds and gains none back.
    "SET jit = off",
)


class PostgresBackend(IbisPostgres):  # type: ignore[misc]
    """Ibis's PostgreSQL backend over one schema, in which temporary tables lie too.

    They are plain unlogged tables, because PostgreSQL reads its own temporary tables with one
    process only.
    """

    compiler = PostgresCompiler()
    schema: str

    @classmethod
    def within(cls, connection: psycopg.Connection[Any], schema: str) -> PostgresBackend:
        """A backend over a connection in autocommit mode, and a schema that exists."""
        backend: PostgresBackend = cls.from_connection(connection)
        backend.schema = schema
        for statement in _SESSION:
            backend.run(statement)
        path = f"{name_literal(schema)}, " + str(backend.run("SHOW search_path")[0][0])
        backend.run(f"SELECT set_config('search_path', {text_literal(path)}, false)")
        return backend

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """One statement of PostgreSQL's own language, for housekeeping only."""
        with self.con.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def create_table(
        self, name: str, /, obj: Any = None, *, temp: bool = False, **rest: Any
    ) -> ir.Table:
        """With `temp`: computed once, kept in the run's schema."""
        if not temp:
            return super().create_table(name, obj, temp=temp, **rest)
        if isinstance(obj, ir.Table):
            self._run_pre_execute_hooks(obj)
            self.run(f"CREATE UNLOGGED TABLE {self._place(name)} AS {self.compile(obj)}")
        else:
            self.copy_in(name, obj.schema, obj.to_batches(_BATCH_ROWS))
        self.run(f"ANALYZE {self._place(name)}")
        made = self.table(name)
        names = obj.columns if isinstance(obj, ir.Table) else obj.schema.names
        cut = {
            name: found for name, found in zip(names, made.columns, strict=True) if name != found
        }
        return made.rename(cut) if cut else made

    def copy_in(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """A new table in the run's schema, filled by COPY."""
        place = self._place(name)
        self.run(f"CREATE UNLOGGED TABLE {place} ({self._columns(schema)})")
        self._fill(place, schema, batches)

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        data: pa.Table = op.data.to_pyarrow(op.schema)
        place = name_literal(op.name)
        self.run(f"CREATE TEMPORARY TABLE {place} ({self._columns(data.schema)})")
        self._fill(place, data.schema, data.to_batches(_BATCH_ROWS))
        self.run(f"ANALYZE {place}")

    def _place(self, name: str) -> str:
        return f"{name_literal(self.schema)}.{name_literal(name)}"

    def _columns(self, schema: pa.Schema) -> str:
        kinds = ibis.Schema.from_pyarrow(schema)
        return ", ".join(
            f"{name_literal(name)} {self.compiler.type_mapper.to_string(kind)}"
            + (' COLLATE "C"' if kind.is_string() else "")
            for name, kind in kinds.items()
        )

    def _fill(self, place: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        options = pacsv.WriteOptions(include_header=False)
        query = f"COPY {place} FROM STDIN (FORMAT csv)"
        with self.con.cursor() as cursor, cursor.copy(query) as copy:
            for batch in batches:
                text = io.BytesIO()
                pacsv.write_csv(_storable(batch), text, options)
                copy.write(text.getvalue())

    def to_pyarrow(self, expr: ir.Expr, /, **options: Any) -> Any:
        """The result as Arrow, in the types of the expression."""
        table = expr.as_table()
        self._run_pre_execute_hooks(table)
        query = f"COPY ({self.compile(table, **options)}) TO STDOUT (FORMAT csv)"
        text = pa.BufferOutputStream()
        with self.con.cursor() as cursor, cursor.copy(query) as copy:
            for piece in copy:
                text.write(piece)
        return expr.__pyarrow_result__(_parsed(text.getvalue(), table.schema().to_pyarrow()))


def _storable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """PostgreSQL's text holds no zero character; U+FFFD stands for it."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_string(field.type) and pc.any(_has_zero(batch[index])).as_py():
            mended = pc.replace_substring(batch[index], "\0", "\ufffd")
            batch = batch.set_column(index, field, mended)
    return batch


def _has_zero(column: pa.Array) -> pa.Array:
    return pc.match_substring(column, "\0")


def _parsed(text: pa.Buffer, schema: pa.Schema) -> pa.Table:
    """PostgreSQL's CSV: null is nothing at all, an empty text is quoted."""
    if text.size == 0:
        return schema.empty_table()
    return pacsv.read_csv(
        pa.BufferReader(text),
        pacsv.ReadOptions(column_names=schema.names),
        pacsv.ParseOptions(newlines_in_values=True),
        pacsv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
