"""The working DuckDB, and the few of its functions that Ibis has no name for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.specs import ProjectSpec
from npsight.temporal.instants import INSTANT

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

AWARE = dt.Timestamp(timezone="UTC", scale=6)
MEASURE = dt.Decimal(18, 6)
"""Canonical numbers: exact, so that sums do not depend on the order of rows."""


@contextmanager
def connect(project: ProjectSpec) -> Iterator[Backend]:
    """An in-process DuckDB with the project's memory and threads, gone at the end.

    What exceeds the memory is spilled to a private temporary folder that is removed with it.
    The session's time zone is UTC, so that no result depends on the machine's zone.
    """
    with tempfile.TemporaryDirectory(prefix="npsight-") as folder:
        backend = ibis.duckdb.connect(
            ":memory:",
            memory_limit=project.engine.memory,
            threads=project.engine.threads,
            temp_directory=str(Path(folder) / "spill"),
        )
        try:
            run(backend, "SET TimeZone = 'UTC'")
            run(backend, "SET preserve_insertion_order = false")
            # Inside a notebook even switching it off asks for a widget library.
            if run(backend, "SELECT current_setting('enable_progress_bar')") == [(True,)]:
                run(backend, "SET enable_progress_bar = false")
            yield backend
        finally:
            backend.disconnect()


def run(backend: Backend, sql: str) -> list[tuple[Any, ...]]:
    """Run one statement of DuckDB's own language, for reading files and housekeeping only."""
    rows: list[tuple[Any, ...]] = backend.raw_sql(sql).fetchall()
    return rows


def batches_of(backend: Backend, table: ir.Table, rows: int) -> pa.RecordBatchReader:
    """The rows of a table as Arrow batches, streamed (Ibis's own way warns of what it calls)."""
    backend._run_pre_execute_hooks(table)
    return backend.con.sql(backend.compile(table)).to_arrow_reader(rows)


def arrow_of(backend: Backend, table: ir.Table, rows: int) -> pa.Table:
    """The rows of a table in Arrow batches of so many, decimals in as few bytes as they need.

    Unlike a stream, the engine makes it on all its threads.
    """
    backend._run_pre_execute_hooks(table)
    run(backend, "SET arrow_output_version = '1.5'")
    try:
        return backend.con.sql(backend.compile(table)).to_arrow_table(rows)
    finally:
        run(backend, "RESET arrow_output_version")


def text_literal(value: str) -> str:
    """A string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def name_literal(value: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def fresh_name(stem: str) -> str:
    """A table name that no other table of this session has."""
    return str(ibis.util.gen_name(f"npsight_{stem}"))


def one_row(table: ir.Table) -> dict[str, Any]:
    """The only row of a small result, through Arrow (DuckDB's own path needs pytz)."""
    rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return rows[0]


# Ibis reads a function's types from its annotations; mypy cannot see that these are types.
# mypy: disable-error-code="valid-type,empty-body,untyped-decorator"


@ibis.udf.scalar.builtin(name="timezone")
def instant_in_zone(zone: str, local: INSTANT) -> AWARE:
    """The instant at which clocks in `zone` showed `local`."""


@ibis.udf.scalar.builtin(name="epoch_us")
def _microseconds(instant: AWARE) -> dt.int64:
    """Microseconds since 1970-01-01 UTC."""


@ibis.udf.scalar.builtin(name="make_timestamp")
def _from_microseconds(microseconds: dt.int64) -> INSTANT:
    """The clock time in UTC."""


@ibis.udf.scalar.builtin(name="isfinite")
def is_finite_instant(instant: AWARE) -> bool:
    """False for DuckDB's `infinity`."""


@ibis.udf.scalar.builtin(name="isfinite")
def is_finite_time(at: INSTANT) -> bool:
    """False for DuckDB's `infinity`."""


def utc_of(instant: ir.TimestampValue) -> ir.TimestampValue:
    """An aware instant as a UTC timestamp without a zone; null for `infinity`.

    By way of the count of microseconds, which is ten times faster than the zone functions.
    """
    utc = _from_microseconds(_microseconds(instant))
    finite = ibis.ifelse(is_finite_instant(instant), utc, ibis.null(INSTANT))
    return cast(ir.TimestampValue, finite)


def utc_of_epoch(microseconds: ir.IntegerValue) -> ir.TimestampValue:
    """Microseconds since 1970-01-01 UTC as a UTC timestamp without a zone."""
    return cast(ir.TimestampValue, _from_microseconds(microseconds))


@ibis.udf.scalar.builtin(name="try_strptime")
def parse_local(text: str, pattern: str) -> INSTANT:
    """The clock time that the text shows by the pattern; null where it does not fit."""


@ibis.udf.scalar.builtin(name="try_strptime")
def parse_aware(text: str, pattern: str) -> AWARE:
    """The same for a pattern with an offset in it."""


@ibis.udf.scalar.builtin(name="hash")
def row_hash(row) -> dt.uint64:  # type: ignore[no-untyped-def]
    """DuckDB's 64-bit hash of a struct, nulls included."""
