"""What the columns of unmapped tables hold: counts and ranges, for `npsight init` to guess from."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.schema import Source, Wide
from npsight.errors import DataError, Problem
from npsight.tables import times
from npsight.tables.engine import fresh_name, name_literal, one_row, run
from npsight.tables.files import read_files
from npsight.tables.found import other_files, sources_in
from npsight.tables.headers import header_of
from npsight.tables.namedperiods import named_places, read_named
from npsight.tables.numbers import Decimal, currency_of, plain_number, without_words
from npsight.tables.periods import pattern_of, periods_of
from npsight.tables.profiletimes import Reading, time_of
from npsight.tables.raw import RawTable, UnusableTableError
from npsight.tables.reshape import made_long
from npsight.tables.workbooks import is_workbook

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

BLANK_WORDS = (
    *("n/a", "na", "n.a.", "null", "none", "nil", "nan", "nat", "-", "--", "–", "?", "#n/a"),
    *("missing", "(null)", "<null>", "(blank)", "\\n", "0000-00-00", "0000-00-00 00:00:00"),
)
DECIMALS: tuple[Literal["."], Literal[","]] = (".", ",")
_TOTAL = r"(?i)^(grand |sub-?)?totals?( général)?( \(\d+ [a-z]+\))?:?$|^(gesamt)?summe:?$|^gesamt$"
_THOUSANDS = r"^[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+$"
_MOSTLY = 0.95
_SAMPLE = 1_000
_AT_ONCE = 25


@dataclass(frozen=True)
class ColumnProfile:
    """One column: how many values, of what kind, in which range.

    `share_on_ten` is the share of filled values that are whole numbers from 0 to 10, `low` and
    `high` the lowest and highest number there, and `is_percent` says that all numbers lie between 0
    and 100, some above 10. `time_format` is None unless the column holds times. `decimal` is None
    where its numbers, if any, are plain. `blanks` are texts such as `N/A`, which are not counted
    as values. `total` is a value that names a line of totals. `sample` holds different values; of
    two columns with the same values it holds the same ones. `label` is what further lines of the
    header say. `is_scored` says that the values are numbers from 0 to 10, with or without words
    behind them; `is_fraction`, that some of these are no whole ones. `is_in_thousands` is an
    example where each number has groups of three digits behind a point, so that `1.234` may be
    either. `is_either_way` says that day and month of its times could change places.
    `currencies` are those of its amounts, where they stand beside them.
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
    label: str = ""
    is_scored: bool = False
    is_fraction: bool = False
    is_in_thousands: str | None = None
    is_either_way: bool = False
    currencies: tuple[str, ...] = ()

    @property
    def is_time(self) -> bool:
        """Whether the values are times."""
        return self.time_format is not None


@dataclass(frozen=True)
class TableProfile:
    """One table: how it is read, the number of its different rows, and its columns.

    `unsure` is what is to be verified of the order in which its times are read.
    """

    name: str
    source: Source
    rows: int
    columns: tuple[ColumnProfile, ...]
    unsure: str = ""

    def column(self, name: str) -> ColumnProfile | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


def profile_tables(
    location: Path, progress: Callable[[str], None] | None = None
) -> tuple[list[TableProfile], list[Problem]]:
    """Profile every table of a folder or a DuckDB file (see `sources_in`).

    `progress` is called with a line for each table.

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
        problems = other_files(location)
        found: list[TableProfile] = []
        for name, source in sources_in(location, backend):
            if progress is not None:
                progress(f"looking at {name}")
            try:
                for profile in _profiles(name, source, backend):
                    found.append(_dated_by_name(profile, backend) or profile)
            except UnusableTableError as error:
                problems += error.problems
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


def _profiles(name: str, source: Source, backend: Backend) -> Iterator[TableProfile]:
    """The table; or, with a column for each month or wave, the rows that it stands for: one table
    for each of several amounts, such as `* Volume` and `* Fees`.
    """
    raw = read_files(source, name, backend)
    patterns, plain = _patterns_in(raw.columns)
    if not patterns:
        yield _profile_of(name, source, raw, raw.columns, backend)
    for index, pattern in enumerate(patterns):
        raw = raw if index == 0 else read_files(source, name, backend)
        amount = re.sub(r"[^a-z0-9]+", "_", pattern.lower()).strip("_") or "value"
        settings = {"columns": pattern, "value": "value" if amount in raw.columns else amount}
        wide = Wide.model_validate(settings)
        long = made_long(raw, wide, name, name, backend)
        called = name if len(patterns) == 1 else f"{name}_{amount}"
        columns = [*plain, wide.time, wide.value]
        yield _profile_of(called, source.model_copy(update={"wide": wide}), long, columns, backend)


def _patterns_in(columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Patterns of columns of periods, and the columns that none of them fits."""
    plain, found = list(columns), list[str]()
    while pattern := pattern_of(plain):
        found.append(pattern)
        fitting = periods_of(plain, Wide.model_validate({"columns": pattern}))
        plain = [column for column in plain if column not in fitting]
    return found, plain


def _profile_of(
    name: str, source: Source, raw: RawTable, columns: Sequence[str], backend: Backend
) -> TableProfile:
    profile = _profile(name, source, raw.table.select(*columns), _labels(source), backend)
    backend.drop_table(raw.name)
    return profile


def _dated_by_name(profile: TableProfile, backend: Backend) -> TableProfile | None:
    """A table without any time, where the names of its files or sheets tell of which period each
    is; None where they do not.
    """
    source = profile.source
    if any(column.is_time for column in profile.columns):
        return None
    for place in named_places(source):
        try:
            raw = read_named(place, profile.name, backend)
        except UnusableTableError:
            continue
        table = raw.table.select(*raw.columns)
        dated = _profile(profile.name, place, table, _labels(source), backend)
        backend.drop_table(raw.name)
        return dated
    return None


def _labels(source: Source) -> dict[str, str]:
    """What the further lines of a header say of each column."""
    if source.header_rows == 1 or source.path is None or is_workbook(source):
        return {}
    file = next(iter(sorted(glob.glob(source.path))), source.path)
    header = header_of(Path(file), source, file, "")
    return dict(zip(header.names, header.labels, strict=True))


def _profile(
    name: str, source: Source, table: ir.Table, labels: Mapping[str, str], backend: Backend
) -> TableProfile:
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
            profiles += _columns(different, columns, labels, backend)
    finally:
        run(backend, f"DROP TABLE {name_literal(held)}")
    return TableProfile(name, source, rows, tuple(profiles))


def _is_opaque(kind: dt.DataType) -> bool:
    return bool(kind.is_nested() or kind.is_binary())


def _columns(
    table: ir.Table, names: Sequence[str], labels: Mapping[str, str], backend: Backend
) -> list[ColumnProfile]:
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
            labels.get(name, ""),
            backend,
        )
        for place, name in enumerate(names)
    ]


def _text(value: ir.Value) -> ir.StringValue:
    return cast(ir.StringValue, value.cast(dt.string).strip().nullif(""))


def _given(value: ir.Value) -> ir.StringValue:
    """The value as text, null where it is blank or a word for that."""
    text = _text(value)
    blank = text.lower().isin(BLANK_WORDS)
    return cast(ir.StringValue, ibis.ifelse(blank, ibis.null(dt.string), text))


def _counts(value: ir.Value) -> dict[str, ir.Scalar]:
    text, given = _text(value), _given(value)
    plain = given.try_cast(dt.float64)
    score = without_words(given, {})
    on_ten = score.re_search(r"^(10|[0-9])(\.0*)?$")
    scored = score.try_cast(dt.float64)
    thousands = given.re_search(_THOUSANDS)
    blank = text.lower().isin(BLANK_WORDS)
    counts: dict[str, ir.Scalar] = {
        "filled": given.notnull().sum(),
        "distinct": given.nunique(),
        "numbers": plain.notnull().sum(),
        "on_ten": on_ten.sum(),
        "scored": scored.between(0, 10).sum(),
        "parts": (scored.between(0, 10) & ~on_ten).sum(),
        "thousands": thousands.sum(),
        "a_thousand": ibis.ifelse(thousands, given, ibis.null(dt.string)).max(),
        "low": ibis.ifelse(scored.between(0, 10), scored, ibis.null(dt.float64)).min(),
        "high": ibis.ifelse(scored.between(0, 10), scored, ibis.null(dt.float64)).max(),
        "highest": plain.max(),
        "lowest": plain.min(),
        "zeros": given.isin(times.NO_COUNT).sum(),
        "mean_length": given.length().mean(),
        "blanks": ibis.ifelse(blank, text, ibis.null(dt.string)).collect(distinct=True),
    }
    if value.type().is_string():
        counts["total"] = ibis.ifelse(given.re_search(_TOTAL), given, ibis.null(dt.string)).min()
    for sign in DECIMALS if value.type().is_string() else ():
        counts[sign] = plain_number(given, sign).notnull().sum()
    if value.type().is_string():
        counts["currencies"] = currency_of(given).collect(distinct=True)
    return counts


def _column(
    given: ir.Table, value: ir.Column, seen: dict[str, Any], label: str, backend: Backend
) -> ColumnProfile:
    blanks = cast(list[str], seen["blanks"] or [])
    enough = max(_MOSTLY * seen["filled"], 1)
    decimal: Decimal = None
    if seen["numbers"] < enough:
        decimal = next((sign for sign in DECIMALS if seen.get(sign, 0) >= enough), None)
    sample = _sample(given, backend)
    if times.is_typed_time(value):
        when = Reading("", times.is_naive_type(value))
    else:
        when = time_of(given, sample, value.get_name())
    undated = seen["zeros"] if when.pattern in times.EPOCHS else 0
    return ColumnProfile(
        name=value.get_name(),
        filled=seen["filled"] - undated,
        distinct=seen["distinct"] - bool(undated),
        is_number=seen["numbers"] >= enough or decimal is not None,
        share_on_ten=seen["on_ten"] / seen["filled"] if seen["filled"] else 0.0,
        low=seen["low"],
        high=seen["high"],
        time_format=when.pattern,
        is_naive=when.is_naive,
        is_either_way=when.is_either_way,
        mean_length=float(seen["mean_length"]),
        decimal=decimal,
        blanks=tuple(sorted(blanks)),
        currencies=tuple(sorted(seen.get("currencies") or [])) if decimal is not None else (),
        sample=frozenset(sample),
        total=seen.get("total") or None,
        label=label,
        is_scored=seen["scored"] >= enough,
        is_fraction=seen["parts"] > 0.01 * seen["filled"],
        is_in_thousands=str(seen["a_thousand"]) if seen["thousands"] >= enough else None,
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
