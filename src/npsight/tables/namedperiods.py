"""Files and sheets whose names alone tell of which period their rows are: `usage_{period}.csv`.

Each row gets a column `period_over`: the midnight that ends the period, a clock time of the
table's zone. What is said of January is known when January is over, and is dated so, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.schema import PERIOD, PERIOD_OVER, Place, Source
from npsight.errors import Problem
from npsight.tables import times
from npsight.tables.engine import fresh_name, name_literal, one_row, run, text_literal
from npsight.tables.files import matching, numbered, read_files, tidy
from npsight.tables.periodnames import Told, is_all_of_a_name, told_by
from npsight.tables.periods import Span
from npsight.tables.raw import RawTable, UnusableTableError
from npsight.tables.workbooks import sheets_of
from npsight.temporal.instants import INSTANT

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


@dataclass(frozen=True)
class Part:
    """A file, or a sheet of one, with the days that its name tells.

    Parts with the same `beside` differ in their period only.
    """

    place: Place
    called: str
    span: Span
    beside: str

    @property
    def over(self) -> datetime:
        """The midnight that ends the last day."""
        return datetime.combine(self.span.last + timedelta(days=1), time.min)


def is_named(place: Place) -> bool:
    """Whether the name of its file or sheet has a `{period}`."""
    return PERIOD in (place.path or "") or PERIOD in (place.table or "")


def read_named(source: Place, key: str, backend: Backend, taken: Collection[str] = ()) -> RawTable:
    """The rows of all files or sheets in the order of their periods, with `period_over`.

    Raises
    ------
    UnusableTableError
        As `read_files`; there is none, a name tells no period or several, or two that differ in
        their period only tell the same days.
    """
    parts = parts_of(source, key, taken)
    raws = [read_files(part.place, key, backend, taken) for part in parts]
    problems = [
        Problem(
            f"the table has a column `{PERIOD_OVER}` itself",
            f"map that one and write `*` for `{PERIOD}`, or rename it where it is exported",
            part.called,
            key,
        )
        for part, raw in zip(parts, raws, strict=True)
        if PERIOD_OVER in raw.columns
    ]
    if problems:
        raise UnusableTableError(problems)
    name = fresh_name("raw")
    rows = " UNION ALL BY NAME ".join(
        f"(SELECT *, TIMESTAMP {text_literal(str(part.over))} AS {PERIOD_OVER} "
        f"FROM {name_literal(raw.name)})"
        for part, raw in zip(parts, raws, strict=True)
    )
    run(backend, "SET preserve_insertion_order = true")
    run(backend, f"CREATE TABLE {name_literal(name)} AS {rows}")
    run(backend, "SET preserve_insertion_order = false")
    for raw in raws:
        backend.drop_table(raw.name)
    return RawTable(
        name,
        numbered(backend, name),
        True,
        tuple(line for raw in raws for line in raw.malformed),
        sum(raw.malformed_twins for raw in raws),
        footer=sum(raw.footer for raw in raws),
        lacking=_lacking(parts, raws),
    )


def _lacking(parts: Sequence[Part], raws: Sequence[RawTable]) -> dict[str, str]:
    """Columns that only some parts have, each with a part that has not."""
    return {
        column: part.called
        for column in dict.fromkeys(column for raw in raws for column in raw.columns)
        for part, raw in zip(parts, raws, strict=True)
        if column not in raw.columns
    }


def over_of(source: Source, raw: RawTable) -> ir.Value | None:
    """The midnight, a clock time, at which the period of each row is over, where the name of its
    file, its sheet or its column tells one; else None.
    """
    if is_named(source):
        return raw.table[PERIOD_OVER]
    if source.wide is None:
        return None
    last_day = cast(ir.DateValue, raw.table[source.wide.time].cast(dt.date))
    return (last_day + ibis.interval(days=1)).cast(INSTANT)


def without_running(
    raw: RawTable, over: ir.Value, zone: str | None, now: datetime, where: str, key: str
) -> RawTable:
    """The rows of periods that are over at `now` (UTC); those of a running one are not complete.

    Raises
    ------
    UnusableTableError
        None is over.
    """
    if zone is None:
        return raw  # reading the times says that they lack one
    over_at = times.parse_typed(over, zone).at
    is_over = over_at <= ibis.literal(now, type=INSTANT)
    counts = one_row(raw.table.aggregate(rows=raw.table.count(), over=is_over.sum()))
    rows, over = counts["rows"], counts["over"] or 0
    if rows and not over:
        what = "no period that the names tell is over yet, so that no row is complete"
        remedy = "bring an earlier period, or wait until one is over"
        raise UnusableTableError([Problem(what, remedy, where, key)])
    return replace(raw, table=raw.table.filter(is_over), running=rows - over)


def named_places(source: Source) -> Iterator[Source]:
    """The source with `{period}` for each star in turn, the last one first, or at its end.

    Of a name such as `usage_2025-01-01_2025-01-31.csv`, the period at the end is the last day. A
    source with `**` gives none. A file alone is named by the period in its name, if there is one:
    further ones will come.
    """
    if source.path is not None and "*" not in source.path + (source.table or ""):
        yield from _alone(source, source.path)
    for setting in ("table", "path"):
        text = getattr(source, setting) or ""
        places = [at for at, sign in enumerate(text) if sign == "*" and "**" not in text]
        for at in reversed(places):
            for named in (PERIOD, f"*{PERIOD}"):
                yield source.model_copy(update={setting: text[:at] + named + text[at + 1 :]})


def _alone(source: Source, path: str) -> Iterator[Source]:
    folder, slash, name = path.rpartition("/")
    told = told_by(name, f"*{PERIOD}*")
    if len(told) == 1 and told[0].beside.count(PERIOD) == 1:
        yield source.model_copy(update={"path": f"{folder}{slash}{told[0].beside}"})


# --- Which parts there are ----------------------------------------------------------------------


def parts_of(source: Place, key: str, taken: Collection[str] = ()) -> list[Part]:
    """The files or sheets that a source names with `{period}`, in the order of their days.

    Raises
    ------
    UnusableTableError
        As `read_named`.
    """
    setting = "path" if PERIOD in (source.path or "") else "table"
    pattern = str(getattr(source, setting))
    names = _files(source, key, taken) if setting == "path" else _sheets(source, key, taken)
    at = f"{key}.{setting}"
    parts: list[Part] = []
    problems: list[Problem] = []
    for name, called, place in names:
        told = told_by(name, pattern)
        if len(told) == 1:
            beside = told[0].beside if setting == "path" else str(place.path)
            parts.append(Part(place, called, told[0].span, beside))
        elif told or not is_all_of_a_name(pattern):
            problems.append(_unclear(told, called, pattern, at))
    problems += _of_the_same_days(parts, at)
    if not parts and not problems:
        what = f"no name tells a period where `{_last(pattern)}` has it"
        remedy = "rename them to a day, week, month, quarter or year, such as 2025-01"
        problems = [Problem(what, remedy, tidy(source.path or ""), at)]
    if problems:
        raise UnusableTableError(problems)
    return sorted(parts, key=lambda part: (part.span, part.called))


def _files(source: Place, key: str, taken: Collection[str]) -> Iterator[tuple[str, str, Place]]:
    anywhere = source.model_copy(update={"path": str(source.path).replace(PERIOD, "*")})
    for file in matching(anywhere, key, taken):
        yield str(file), tidy(file), source.model_copy(update={"path": str(file)})


def _sheets(source: Place, key: str, taken: Collection[str]) -> Iterator[tuple[str, str, Place]]:
    before, _, behind = str(source.table).partition(PERIOD)
    for file in matching(source, key, taken):
        for sheet in sheets_of(file, key):
            within = len(sheet) > len(before) + len(behind)
            if within and sheet.startswith(before) and sheet.endswith(behind):
                place = source.model_copy(update={"path": str(file), "table": sheet})
                yield sheet, f"{tidy(file)}, sheet `{sheet}`", place


def _last(pattern: str) -> str:
    return pattern.rpartition("/")[2]


def _unclear(told: Sequence[Told], called: str, pattern: str, at: str) -> Problem:
    if told:
        texts = " and ".join(f"`{one.text}`" for one in told)
        what = f"the name tells several periods where `{_last(pattern)}` has one: {texts}"
        remedy = f"write `*` for the text that is not meant, such as `usage_*_{PERIOD}.csv`, or "
        remedy += "rename it"
    else:
        what = f"the name tells no period where `{_last(pattern)}` has one"
        remedy = "rename it to a day, week, month, quarter or year, such as 2025-01; or narrow the "
        remedy += "pattern, or move it away, if it is of another table"
    return Problem(what, remedy, called, at)


def _of_the_same_days(parts: Sequence[Part], at: str) -> Iterator[Problem]:
    """Parts that differ in their period only, and share days: their rows would count twice."""
    ordered = sorted(parts, key=lambda part: (part.beside, part.span))
    for one, other in pairwise(ordered):
        if one.beside == other.beside and other.span.first <= one.span.last:
            what = f"is of {other.span}, and {one.called} of {one.span}: these days would count "
            what += "twice"
            remedy = "move one of the two away"
            yield Problem(what, remedy, other.called, at)
