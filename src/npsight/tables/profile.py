"""What the columns of unmapped tables hold: counts and ranges, for `npsight init` to guess from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from npsight.config.schema import Source
from npsight.errors import DataError, Problem
from npsight.tables import times
from npsight.tables.engine import fresh_name, name_literal, one_row, run, text_literal
from npsight.tables.files import read_files
from npsight.tables.raw import UnusableTableError

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

TIME_FORMATS = ("", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y %H:%M")
"""Tried in this order; the empty one is ISO 8601."""
_TABLE_ENDINGS = (".csv", ".csv.gz", ".tsv", ".parquet")
_DATABASE_ENDINGS = (".duckdb", ".db")
_MOSTLY = 0.95


@dataclass(frozen=True)
class ColumnProfile:
    """One column: how many values, of what kind, in which range.

    `share_on_ten` is the share of filled values that are whole numbers from 0 to 10, `low` and
    `high` the lowest and highest of those; `time_format` is None unless the column holds times.
    """

    name: str
    filled: int
    distinct: int
    is_number: bool
    share_on_ten: float
    low: float | None
    high: float | None
    time_format: str | None
    is_naive: bool
    mean_length: float

    @property
    def is_time(self) -> bool:
        """Whether the values are times."""
        return self.time_format is not None


@dataclass(frozen=True)
class TableProfile:
    """One table: `path` is its file, `table` its name inside a DuckDB file."""

    name: str
    path: Path
    table: str | None
    rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


def profile_tables(location: Path) -> list[TableProfile]:
    """Profile every CSV and Parquet file of a folder, or every table of a DuckDB file.

    Raises
    ------
    DataError
        Nothing to profile there, or nothing of it can be read.
    """
    backend = ibis.duckdb.connect(":memory:")
    try:
        run(backend, "SET TimeZone = 'UTC'")
        problems: list[Problem] = []
        found: list[TableProfile] = []
        for name, source in _sources(location, backend):
            try:
                raw = read_files(source, name, backend)
            except UnusableTableError as error:
                problems += error.problems
                continue
            table = raw.table.select(*raw.columns)
            found.append(_profile(name, source, table))
            backend.drop_table(raw.name)
    finally:
        backend.disconnect()
    if not found:
        nothing = Problem(
            "no table can be read here",
            "give a folder with CSV or Parquet files, or a DuckDB file",
            str(location),
        )
        raise DataError(f"{location}: nothing to propose from", problems or [nothing])
    return found


def _sources(location: Path, backend: Backend) -> list[tuple[str, Source]]:
    if location.is_file() and location.name.lower().endswith(_DATABASE_ENDINGS):
        return [
            (
                name,
                Source.model_validate({"path": str(location), "table": name, "format": "duckdb"}),
            )
            for name in _tables_of(location, backend)
        ]
    files = [location] if location.is_file() else sorted(location.glob("*"))
    return [
        (file.name.split(".")[0], Source.model_validate({"path": str(file)}))
        for file in files
        if file.is_file() and file.name.lower().endswith(_TABLE_ENDINGS)
    ]


def _tables_of(file: Path, backend: Backend) -> list[str]:
    alias = fresh_name("profiled")
    run(backend, f"ATTACH {text_literal(str(file))} AS {name_literal(alias)} (READ_ONLY)")
    try:
        rows = run(
            backend,
            "SELECT table_schema, table_name FROM information_schema.tables "
            f"WHERE table_catalog = {text_literal(alias)} ORDER BY ALL",
        )
    finally:
        run(backend, f"DETACH {name_literal(alias)}")
    return [name if schema == "main" else f"{schema}.{name}" for schema, name in rows]


def _profile(name: str, source: Source, table: ir.Table) -> TableProfile:
    columns = [column for column in table.columns if not table[column].type().is_nested()]
    profiles = tuple(_column(table, column) for column in columns)
    rows = int(one_row(table.aggregate(n=table.count()))["n"])
    return TableProfile(name, Path(str(source.path)), source.table, rows, profiles)


def _column(table: ir.Table, name: str) -> ColumnProfile:
    value = table[name]
    text = value.cast("string").strip().nullif("")
    number = text.try_cast("float64")
    on_ten = text.re_search(r"^(10|[0-9])(\.0*)?$")
    counts: dict[str, Any] = {
        "filled": text.notnull().sum(),
        "distinct": text.nunique(),
        "numbers": number.notnull().sum(),
        "on_ten": on_ten.sum(),
        "low": ibis.ifelse(on_ten, number, ibis.null("float64")).min(),
        "high": ibis.ifelse(on_ten, number, ibis.null("float64")).max(),
        "mean_length": text.length().mean(),
    }
    typed = times.is_typed_time(value)
    readings = [] if typed else [times.parse_text(text, None, f or None) for f in TIME_FORMATS]
    for index, reading in enumerate(readings):
        counts[f"times_{index}"] = (reading.at.notnull() | reading.naive).sum()
        counts[f"naive_{index}"] = reading.naive.sum()
    seen = {key: found or 0 for key, found in one_row(table.aggregate(**counts)).items()}
    enough = _MOSTLY * seen["filled"]
    time_format, naive = ("", times.is_naive_type(value)) if typed else (None, False)
    for index in range(len(readings)):
        if seen["filled"] and seen[f"times_{index}"] >= enough:
            time_format, naive = TIME_FORMATS[index], seen[f"naive_{index}"] > 0
            break
    return ColumnProfile(
        name=name,
        filled=seen["filled"],
        distinct=seen["distinct"],
        is_number=bool(seen["filled"] and seen["numbers"] >= enough),
        share_on_ten=seen["on_ten"] / seen["filled"] if seen["filled"] else 0.0,
        low=seen["low"],
        high=seen["high"],
        time_format=time_format,
        is_naive=naive,
        mean_length=float(seen["mean_length"]),
    )
