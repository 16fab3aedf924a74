"""What the columns of unmapped tables hold: counts and ranges, for `npsight init` to guess from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from npsight.config.schema import Source
from npsight.errors import DataError, Problem
from npsight.tables import times
from npsight.tables.engine import fresh_name, name_literal, one_row, run
from npsight.tables.files import read_files
from npsight.tables.found import sources_in
from npsight.tables.numbers import Decimal, plain_number
from npsight.tables.raw import UnusableTableError

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
TIME_FORMATS = ("", "%Y%m%d", *(day + clock for clock in _CLOCKS for day in _DAYS))
"""What reads most values is taken; of equals the first. The empty one is ISO 8601."""
BLANK_WORDS = ("n/a", "na", "null", "none", "nan", "-", "--", "–", "?", "#n/a")
DECIMALS: tuple[Literal["."], Literal[","]] = (".", ",")
_LIKE_A_DATE = re.compile(r"^(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?!\d)|\d{8}$)")
_TOTAL = r"(?i)^(grand |sub-?)?totals?( général)?( \(\d+ [a-z]+\))?:?$|^(gesamt)?summe:?$|^gesamt$"
_MOSTLY = 0.95
_SAMPLE = 1_000
_AT_ONCE = 25
_EPOCH_DIGITS = {"epoch_s": 10, "epoch_ms": 13, "epoch_us": 16}
_EPOCH_YEARS = (946_684_800, 2_051_222_400)
"""Seconds from 1970 to the years 2000 and 2035: of other numbers it is not guessed."""


@dataclass(frozen=True)
class ColumnProfile:
    """One column: how many values, of what kind, in which range.

    `share_on_ten` is the share of filled values that are whole numbers from 0 to 10, `low` and
    `high` the lowest and highest of those, and `is_percent` says that all numbers lie between 0
    and 100, some above 10. `time_format` is None unless the column holds times. `decimal` is None
    where its numbers, if any, are plain. `blanks` are texts such as `N/A`, which are not counted
    as values. `total` is a value that names a line of totals. `sample` holds different values; of
    two columns with the same values it holds the same ones.
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
    total: str | None = None

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
    """Profile every table of a folder or a DuckDB file (see `sources_in`).

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
        for name, source in sources_in(location, backend):
            try:
                raw = read_files(source, name, backend)
            except UnusableTableError as error:
                problems += error.problems
                continue
            table = raw.table.select(*raw.columns)
            found.append(_profile(name, source, table, backend))
            backend.drop_table(raw.name)
    finally:
        backend.disconnect()
    if not found:
        nothing = Problem(
            "no table can be read here",
            "give a folder with CSV, Excel, JSON or Parquet files, or a DuckDB file",
            str(location),
        )
        raise DataError(f"{location}: nothing to propose from", problems or [nothing])
    return found, problems


def _profile(name: str, source: Source, table: ir.Table, backend: Backend) -> TableProfile:
    plain = [c for c in table.columns if not _is_opaque(table[c].type())]
    # As when it is read: a row that stands there twice counts once.
    held = fresh_name("different")
    query = backend.compile(table.select(*plain).distinct())
    run(backend, f"CREATE TABLE {name_literal(held)} AS {query}")
    different = backend.table(held)
    try:
        rows = int(one_row(different.aggregate(n=different.count()))["n"])
        profiles: list[ColumnProfile] = []
        for first in range(0, len(plain), _AT_ONCE):
            columns = plain[first : first + _AT_ONCE]
            profiles += _columns(different, columns, backend)
    finally:
        run(backend, f"DROP TABLE {name_literal(held)}")
    return TableProfile(name, source, rows, tuple(profiles))


def _is_opaque(kind: dt.DataType) -> bool:
    return bool(kind.is_nested() or kind.is_binary())


def _columns(table: ir.Table, names: Sequence[str], backend: Backend) -> list[ColumnProfile]:
    """Profiles of some columns, all counted in one pass."""
    counts = {
        f"{place}_{what}": count
        for place, name in enumerate(names)
        for what, count in _counts(table[name]).items()
    }
    seen = one_row(table.aggregate(**counts))
    return [
        _column(
            table.select(given=_given(table[name])),
            table[name],
            {what: seen[f"{place}_{what}"] or 0 for what in _counts(table[name])},
            backend,
        )
        for place, name in enumerate(names)
    ]


def _text(value: ir.Value) -> ir.StringValue:
    return cast(ir.StringValue, value.cast("string").strip().nullif(""))


def _given(value: ir.Value) -> ir.StringValue:
    """The value as text, null where it is blank or a word for that."""
    text = _text(value)
    blank = text.lower().isin(BLANK_WORDS)
    return cast(ir.StringValue, ibis.ifelse(blank, ibis.null("string"), text))


def _counts(value: ir.Value) -> dict[str, ir.Scalar]:
    text, given = _text(value), _given(value)
    plain = given.try_cast("float64")
    on_ten = given.re_search(r"^(10|[0-9])(\.0*)?$")
    blank = text.lower().isin(BLANK_WORDS)
    counts: dict[str, ir.Scalar] = {
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
    if value.type().is_string():
        counts["total"] = ibis.ifelse(given.re_search(_TOTAL), given, ibis.null("string")).min()
    for sign in DECIMALS if value.type().is_string() else ():
        counts[sign] = plain_number(given, sign).notnull().sum()
    return counts


def _column(
    given: ir.Table, value: ir.Column, seen: dict[str, Any], backend: Backend
) -> ColumnProfile:
    blanks = cast(list[str], seen["blanks"] or [])
    enough = max(_MOSTLY * seen["filled"], 1)
    decimal: Decimal = None
    if seen["numbers"] < enough:
        decimal = next((sign for sign in DECIMALS if seen.get(sign, 0) >= enough), None)
    sample = _sample(given, backend)
    if times.is_typed_time(value):
        when: tuple[str | None, bool] = ("", times.is_naive_type(value))
    else:
        when = _time(given, sample)
    return ColumnProfile(
        name=value.get_name(),
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
        total=seen.get("total") or None,
        is_percent=bool(
            seen["numbers"] >= enough and seen["lowest"] >= 0 and 10 < seen["highest"] <= 100
        ),
    )


def _sample(given: ir.Table, backend: Backend) -> list[str]:
    """Different values, the same ones of any column that has the same values."""
    rows = run(
        backend,
        f"SELECT DISTINCT given FROM ({backend.compile(given)}) WHERE given IS NOT NULL "
        f"ORDER BY hash(given) LIMIT {_SAMPLE}",
    )
    return [str(text) for (text,) in rows]


def _time(table: ir.Table, sample: Sequence[str]) -> tuple[str | None, bool]:
    """The pattern that reads nearly all of `given`, if one does, and whether some lack a zone."""
    for pattern, digits in _EPOCH_DIGITS.items():
        if sample and all(_counts_from_1970(text, digits) for text in sample):
            return pattern, False
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


def _counts_from_1970(text: str, digits: int) -> bool:
    whole = text.removesuffix(".0")
    low, high = _EPOCH_YEARS
    return whole.isdecimal() and len(whole) == digits and low <= int(whole[:10]) < high


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
