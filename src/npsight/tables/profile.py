"""What the columns of unmapped tables hold: counts and ranges, for `npsight init` to guess from."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from npsight.config.schema import Source, Wide
from npsight.errors import DataError, Problem
from npsight.tables import times
from npsight.tables.engine import fresh_name, one_row, run
from npsight.tables.files import read_files
from npsight.tables.found import other_files, sources_in
from npsight.tables.headers import header_of
from npsight.tables.numbers import Decimal, plain_number, without_words
from npsight.tables.periods import pattern_of
from npsight.tables.raw import RawTable, UnusableTableError
from npsight.tables.reshape import made_long

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_SHORT = ("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y")
_NAMED = (
    "%B %d, %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%m %d, %Y",
    "%Y-%m",
)
TIME_FORMATS = (
    "",
    "%Y%m%d",
    *(day + clock for clock in _CLOCKS for day in _SHORT),
    *(day + clock for clock in _CLOCKS for day in _DAYS),
    *_NAMED,
    "%m %d, %Y",
    "%Y-%m",
)
"""What reads most values is taken; of equals the first. The empty one is ISO 8601."""
BLANK_WORDS = ("n/a", "na", "null", "none", "nan", "-", "--", "–", "?", "#n/a", "missing")
DECIMALS: tuple[Literal["."], Literal[","]] = (".", ",")
_LIKE_A_DATE = re.compile(
    r"^(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?!\d)|\d{8}$|\d{4}-\d{1,2}$|"
    r"[A-Za-z]{3,9} \d{1,2}, \d{4}$|\d{2} \d{1,2}, \d{4}$|"
    r"\d{1,2}(st|nd|rd|th)?[- ][A-Za-z]{3,9}[- ]\d{2,4}$)"
)
_THOUSANDS = r"^[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+$"
_MOSTLY = 0.95
_SAMPLE = 1_000
_TRIED = 20
_ORDINAL = re.compile(r"^(\d{1,2})(st|nd|rd|th)\b")


@dataclass(frozen=True)
class ColumnProfile:
    """One column: how many values, of what kind, in which range.

    `share_on_ten` is the share of filled values that are whole numbers from 0 to 10, `low` and
    `high` the lowest and highest number there, and `is_percent` says that all numbers lie between 0
    and 100, some above 10. `time_format` is None unless the column holds times. `decimal` is None
    where its numbers, if any, are plain. `blanks` are texts such as `N/A`, which are not counted
    as values. `sample` holds different values; of two columns with the same values it holds the
    same ones. `label` is what further lines of the header say. `is_scored` says that the values
    are numbers from 0 to 10, with or without words behind them; `is_fraction`, that some of these
    are no whole ones. `is_in_thousands` is an example where each number has groups of three digits
    behind a point, so that `1.234` may be either.
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
    label: str = ""
    is_scored: bool = False
    is_fraction: bool = False
    is_in_thousands: str | None = None

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


def profile_tables(
    location: Path, progress: Callable[[str], None] | None = None
) -> tuple[list[TableProfile], list[Problem]]:
    """Profile every CSV and Parquet file of a folder, or every table of a DuckDB file.

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
                raw = read_files(source, name, backend)
                raw, source = _long_if_wide(raw, source, name, backend)
            except UnusableTableError as error:
                problems += error.problems
                continue
            table = raw.table.select(*raw.columns)
            found.append(_profile(name, source, table, _labels(source), backend))
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
    return found, problems


def _long_if_wide(
    raw: RawTable, source: Source, name: str, backend: Backend
) -> tuple[RawTable, Source]:
    """A table with a column for each month or wave is profiled as the rows that it stands for."""
    pattern = pattern_of(raw.columns)
    if pattern is None:
        return raw, source
    called = re.sub(r"[^a-z0-9]+", "_", pattern.lower()).strip("_") or "value"
    settings = {"columns": pattern, "value": "value" if called in raw.columns else called}
    wide = Wide.model_validate(settings)
    long = made_long(raw, wide, name, name, backend)
    return long, source.model_copy(update={"wide": wide})


def _labels(source: Source) -> dict[str, str]:
    """What the further lines of a header say of each column."""
    if source.header_rows == 1 or source.path is None:
        return {}
    file = next(iter(sorted(glob.glob(source.path))), source.path)
    header = header_of(Path(file), source, file, "")
    return dict(zip(header.names, header.labels, strict=True))


def _profile(
    name: str, source: Source, table: ir.Table, labels: Mapping[str, str], backend: Backend
) -> TableProfile:
    columns = [column for column in table.columns if not table[column].type().is_nested()]
    # As when it is read: a row that stands there twice counts once. Made once for all columns.
    held = fresh_name("different")
    backend.create_table(held, table.select(*columns).distinct())
    different = backend.table(held)
    profiles = tuple(_column(different, column, labels.get(column, "")) for column in columns)
    rows = int(one_row(different.aggregate(n=different.count()))["n"])
    backend.drop_table(held)
    return TableProfile(name, source, rows, profiles)


def _column(table: ir.Table, name: str, label: str) -> ColumnProfile:
    value = table[name]
    text = value.cast("string").strip().nullif("")
    blank = text.lower().isin(BLANK_WORDS)
    given = ibis.ifelse(blank, ibis.null("string"), text)
    plain = given.try_cast("float64")
    score = without_words(given, {})
    on_ten = score.re_search(r"^(10|[0-9])(\.0*)?$")
    scored = score.try_cast("float64")
    thousands = given.re_search(_THOUSANDS)
    counts: dict[str, Any] = {
        "filled": given.notnull().sum(),
        "distinct": given.nunique(),
        "numbers": plain.notnull().sum(),
        "on_ten": on_ten.sum(),
        "scored": scored.between(0, 10).sum(),
        "parts": (scored.between(0, 10) & ~on_ten).sum(),
        "thousands": thousands.sum(),
        "a_thousand": ibis.ifelse(thousands, given, ibis.null("string")).max(),
        "low": ibis.ifelse(scored.between(0, 10), scored, ibis.null("float64")).min(),
        "high": ibis.ifelse(scored.between(0, 10), scored, ibis.null("float64")).max(),
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
        label=label,
        is_scored=seen["scored"] >= enough,
        is_fraction=seen["parts"] > 0.01 * seen["filled"],
        is_in_thousands=str(seen["a_thousand"]) if seen["thousands"] >= enough else None,
        is_percent=bool(
            seen["numbers"] >= enough and seen["lowest"] >= 0 and 10 < seen["highest"] <= 100
        ),
    )


def _time(table: ir.Table, sample: Sequence[str]) -> tuple[str | None, bool]:
    """The pattern that reads nearly all of `given`, if one does, and whether some lack a zone."""
    dated = [text for text in sample if _LIKE_A_DATE.match(text)]
    if not dated or len(dated) < _MOSTLY * len(sample):
        return None, False
    fitting = [pattern for pattern in TIME_FORMATS if _may_fit(pattern, dated[:_TRIED])]
    some = _read_by(ibis.memtable(pa.table({"given": dated})), fitting)
    likely = [pattern for pattern in fitting if some[pattern] >= 0.9 * len(dated)]
    found = _read_by(table, likely)
    best = max(likely, key=lambda pattern: found[pattern], default="")
    if not likely or found[best] < _MOSTLY * found["filled"]:
        return None, False
    return best, found[f"{best} naive"] > 0


def _may_fit(pattern: str, texts: Sequence[str]) -> bool:
    """Whether a pattern reads some of the texts; the engine, which is slower to ask, decides."""
    if not pattern:
        return True
    for text in texts:
        with suppress(ValueError):
            datetime.strptime(_ORDINAL.sub(r"\1", text), pattern)
            return True
    return False


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
