"""What the columns of unmapped tables hold: counts and ranges, for `npsight init` to guess from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from npsight.config.schema import Source
from npsight.errors import DataError, Problem
from npsight.tables import times
from npsight.tables.engine import fresh_name, name_literal, one_row, run, text_literal
from npsight.tables.files import read_files
from npsight.tables.numbers import Decimal, plain_number
from npsight.tables.raw import UnusableTableError
from npsight.tables.sniff import sniffed
from npsight.tables.workbooks import ENDINGS, sheets_of

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
TIME_FORMATS = ("", "%Y%m%d", *(day + clock for clock in _CLOCKS for day in _DAYS))
"""What reads most values is taken; of equals the first. The empty one is ISO 8601."""
_TABLE_ENDINGS = (".csv", ".csv.gz", ".tsv", ".parquet", *ENDINGS)
_DATABASE_ENDINGS = (".duckdb", ".db")
BLANK_WORDS = ("n/a", "na", "null", "none", "nan", "-", "--", "–", "?", "#n/a")
DECIMALS: tuple[Literal["."], Literal[","]] = (".", ",")
_LIKE_A_DATE = re.compile(r"^(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?!\d)|\d{8}$)")
_MOSTLY = 0.95
_SAMPLE = 1_000


@dataclass(frozen=True)
class ColumnProfile:
    """One column: how many values, of what kind, in which range.

    `share_on_ten` is the share of filled values that are whole numbers from 0 to 10, `low` and
    `high` the lowest and highest of those, and `is_percent` says that all numbers lie between 0
    and 100, some above 10. `time_format` is None unless the column holds times. `decimal` is None
    where its numbers, if any, are plain. `blanks` are texts such as `N/A`, which are not counted
    as values. `sample` holds different values; of two columns with the same values it holds the
    same ones.
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
    decimal: Decimal = None
    blanks: tuple[str, ...] = ()
    is_percent: bool = False
    sample: frozenset[str] = frozenset()

    @property
    def is_time(self) -> bool:
        """Whether the values are times."""
        return self.time_format is not None


@dataclass(frozen=True)
class TableProfile:
    """One table: how it is read, the number of its different rows, and its columns."""

    name: str
    source: Source
    rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


def profile_tables(location: Path) -> tuple[list[TableProfile], list[Problem]]:
    """Profile every CSV, Parquet and Excel file of a folder, or every table of a DuckDB file.

    Returns
    -------
    tuple
        The tables, and what is wrong with those that cannot be read.

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
            "give a folder with CSV, Parquet or Excel files, or a DuckDB file",
            str(location),
        )
        raise DataError(f"{location}: nothing to propose from", problems or [nothing])
    return found, problems


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
    tables = [f for f in files if f.is_file() and f.name.lower().endswith(_TABLE_ENDINGS)]
    return [found for file in tables for found in _in_file(file)]


def _in_file(file: Path) -> list[tuple[str, Source]]:
    name = file.name.split(".")[0]
    if not file.name.lower().endswith(ENDINGS):
        return [(name, sniffed(file))]
    try:
        sheets = sheets_of(file)
    except UnusableTableError:
        sheets = []  # reading it says why
    if len(sheets) < 2:
        return [(name, Source(path=str(file)))]
    return [(sheet, Source(path=str(file), table=sheet)) for sheet in sheets]


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
    # As when it is read: a row that stands there twice counts once.
    different = table.select(*columns).distinct()
    profiles = tuple(_column(different, column) for column in columns)
    rows = int(one_row(different.aggregate(n=different.count()))["n"])
    return TableProfile(name, source, rows, profiles)


def _column(table: ir.Table, name: str) -> ColumnProfile:
    value = table[name]
    text = value.cast("string").strip().nullif("")
    blank = text.lower().isin(BLANK_WORDS)
    given = ibis.ifelse(blank, ibis.null("string"), text)
    plain = given.try_cast("float64")
    on_ten = given.re_search(r"^(10|[0-9])(\.0*)?$")
    counts: dict[str, Any] = {
        "filled": given.notnull().sum(),
        "distinct": given.nunique(),
        "numbers": plain.notnull().sum(),
        "on_ten": on_ten.sum(),
        "low": ibis.ifelse(on_ten, plain, ibis.null("float64")).min(),
        "high": ibis.ifelse(on_ten, plain, ibis.null("float64")).max(),
        "highest": plain.max(),
        "lowest": plain.min(),
        "mean_length": given.length().mean(),
        "blanks": ibis.ifelse(blank, text, ibis.null("string")).collect(distinct=True),
    }
    for sign in DECIMALS if value.type().is_string() else ():
        counts[sign] = plain_number(given, sign).notnull().sum()
    seen = {key: found or 0 for key, found in one_row(table.aggregate(**counts)).items()}
    blanks = cast(list[str], seen["blanks"] or [])
    enough = max(_MOSTLY * seen["filled"], 1)
    decimal: Decimal = None
    if seen["numbers"] < enough:
        decimal = next((sign for sign in DECIMALS if seen.get(sign, 0) >= enough), None)
    order = given.hash()
    sampled = table.select(given=given, order=order).filter(ibis._.given.notnull()).distinct()
    sample = sampled.order_by("order").limit(_SAMPLE).given.to_pyarrow().to_pylist()
    if times.is_typed_time(value):
        when: tuple[str | None, bool] = ("", times.is_naive_type(value))
    else:
        when = _time(table.select(given=given), sample)
    return ColumnProfile(
        name=name,
        filled=seen["filled"],
        distinct=seen["distinct"],
        is_number=seen["numbers"] >= enough or decimal is not None,
        share_on_ten=seen["on_ten"] / seen["filled"] if seen["filled"] else 0.0,
        low=seen["low"],
        high=seen["high"],
        time_format=when[0],
        is_naive=when[1],
        mean_length=float(seen["mean_length"]),
        decimal=decimal,
        blanks=tuple(sorted(blanks)),
        sample=frozenset(sample),
        is_percent=bool(
            seen["numbers"] >= enough and seen["lowest"] >= 0 and 10 < seen["highest"] <= 100
        ),
    )


def _time(table: ir.Table, sample: Sequence[str]) -> tuple[str | None, bool]:
    """The pattern that reads nearly all of `given`, if one does, and whether some lack a zone."""
    dated = [text for text in sample if _LIKE_A_DATE.match(text)]
    if not dated or len(dated) < _MOSTLY * len(sample):
        return None, False
    some = _read_by(ibis.memtable(pa.table({"given": dated})), TIME_FORMATS)
    likely = [pattern for pattern in TIME_FORMATS if some[pattern] >= 0.9 * len(dated)]
    found = _read_by(table, likely)
    best = max(likely, key=lambda pattern: found[pattern], default="")
    if not likely or found[best] < _MOSTLY * found["filled"]:
        return None, False
    return best, found[f"{best} naive"] > 0


def _read_by(table: ir.Table, patterns: Sequence[str]) -> dict[str, int]:
    """How many values each pattern reads, and how many of those without a zone."""
    counts = {"filled": table.given.notnull().sum()}
    for pattern in patterns:
        reading = times.parse_text(table.given, None, [pattern] if pattern else [])
        counts[pattern] = (reading.at.notnull() | reading.naive).sum()
        counts[f"{pattern} naive"] = reading.naive.sum()
    named = {f"n{place}": count for place, count in enumerate(counts.values())}
    found = one_row(table.aggregate(**named))
    return {key: int(found[name] or 0) for key, name in zip(counts, named, strict=True)}
