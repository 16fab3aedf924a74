"""What a proposal says of how one table is read: where it lies, how it is written, its scale."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from npsight.config.schema import PERIOD
from npsight.jobs.notes.scales import usual_bands
from npsight.jobs.notes.words import is_id, words
from npsight.jobs.proposal import guess
from npsight.jobs.proposal.yamltext import flow, scalar
from npsight.tables.namedperiods import parts_of

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

_ZONE = re.compile(r'"timeZone":"([A-Za-z_]+(?:/[A-Za-z_]+)*)"')
"""In the import ids of a survey tool, which stand in the third line of its exports."""
_TRIAL = re.compile(r"(?i)^(survey )?(preview|test)( response| answer)?$")
_SCALE = re.compile(
    r"(?i)(?<![\w.,-])([01]) ?(?:-|–|—|/|\.\.+|…|to|bis|à|a|hasta) ?(5|7|10)(?![\w.,-])"
)
_ENDS = re.compile(r"(?<![\w.,])([01]) ?=.*?(?<![\w.,])(5|7|10) ?=")
_ENOUGH_TO_TELL = 30
"""Answers, among which the highest score of a scale has occurred."""
_MANY_BLANK = 0.01
_CURRENCY_WORDS = {"currency", "wahrung", "waehrung", "devise", "moneda", "divisa"}
_SHOWN = 4
Line = tuple[str, str]
"""A setting, and the comment behind it."""


def place_of(table: TableProfile, relative_to: Path | None) -> Iterator[Line]:
    """Where a table lies, seen from the folder of the project file if given, and how it is read."""
    yield from file_of(table, relative_to)
    wide = table.source.wide
    if wide is not None:
        setting = f"wide: {{columns: {json.dumps(wide.columns[0])}, value: {scalar(wide.value)}}}"
        yield setting, "VERIFY: a column for each period; each filled cell becomes a row"
    yield from _written(table)


def file_of(table: TableProfile, relative_to: Path | None) -> Iterator[Line]:
    """Where a table lies, seen from the folder of the project file if given, and its layout."""
    path = Path(str(table.source.path)).resolve()
    text = str(path) if relative_to is None else os.path.relpath(path, relative_to.resolve())
    yield f"path: {scalar(text)}", _period_of(table) if PERIOD in text else ""
    if table.source.format == "duckdb" and path.suffix.lower() not in (".duckdb", ".db"):
        yield "format: duckdb", ""
    for setting in ("table", "encoding", "delimiter", "skip_rows", "header_rows"):
        if setting in table.source.model_fields_set:
            value = getattr(table.source, setting)
            comment = _period_of(table) if PERIOD in str(value) else ""
            yield f"{setting}: {value if isinstance(value, int) else scalar(value)}", comment


def _period_of(table: TableProfile) -> str:
    first = parts_of(table.source, table.name)[0]
    return f"VERIFY: all rows of a period are dated when it is over; the first one is {first.span}"


def _written(table: TableProfile) -> Iterator[Line]:
    """Settings by which times, numbers and missing values are read."""
    zones = {found[1] for c in table.columns if (found := _ZONE.search(c.label))}
    if len(zones) == 1:
        yield f"timezone: {scalar(zones.pop())}", ""
    patterns = {c.time_format for c in table.columns if c.time_format is not None}
    if patterns - {""}:
        formats = sorted(patterns - {""}) + (list(guess.ISO_FORMATS) if "" in patterns else [])
        value = flow(formats) if len(formats) > 1 else scalar(formats[0])
        yield f"time_format: {value}", table.unsure
    yield from _decimal(table)
    read = [c for c in table.columns if c.is_number or c.is_time]
    blanks = sorted({text for c in read for text in c.blanks})
    if blanks:
        yield f"blanks: {flow(blanks)}", ""


def rows_of(table: TableProfile, key: str) -> Iterator[Line]:
    """Which rows are not read: those without an account where they are many, and totals."""
    column = table.column(key)
    if column is None or not table.rows:
        return
    trials = _trials(table)
    shown = [f"{scalar(c.name)}: {flow(texts)}" for c, texts in trials]
    named = " and ".join(f"`{text}`" for _, texts in trials for text in texts)
    blank = 1 - column.filled / table.rows
    left_out = [""] if blank >= _MANY_BLANK else []
    comment = f"VERIFY: rows without an account ({blank:.0%}) are not read" if left_out else ""
    if column.total is not None:
        head = re.sub(r"\s*\(.*$", "*", column.total)
        left_out.append(head)
        comment = comment or f"VERIFY: `{column.total}` is no account"
    if left_out:
        values = scalar(left_out[0]) if len(left_out) == 1 else flow(left_out)
        shown = [f"{scalar(key)}: {values}", *shown]
    if named:
        comment += f"{'; ' if comment else 'VERIFY: '}{named} are no answers of customers"
    if shown:
        yield f"without: {{{', '.join(shown)}}}", comment


def _trials(table: TableProfile) -> list[tuple[ColumnProfile, list[str]]]:
    """Values of a survey by which its makers' own trials are told, by column."""
    if guess.guess_score(table) is None:
        return []
    found = [
        (c, sorted(text for text in c.sample if _TRIAL.match(text)))
        for c in table.columns
        if guess.is_category(c)
    ]
    return [(column, texts) for column, texts in found if texts]


def snapshot_target(outcome: ColumnProfile) -> Line:
    """Churn by a column without time in it."""
    return (
        f"churn: {{event: snapshot, column: {scalar(outcome.name)}, "
        f"positive: {flow(guess.leaving_values(outcome))}}}",
        "VERIFY: the values that mean the account left",
    )


def currencies_of(table: TableProfile) -> str | None:
    """What is to be verified where a column says that amounts are in several currencies."""
    column = guess.pick(table.columns, _CURRENCY_WORDS, time=False)
    amounts = any(c.is_number and not is_id(c) for c in table.columns)
    if column is None or not amounts or not guess.is_category(column):
        return None
    first = sorted(column.sample)[:_SHOWN]
    shown = ", ".join(first) + (", …" if column.distinct > len(first) else "")
    return (
        f"VERIFY: amounts are in several currencies ({column.name}: {shown}), compared as if they "
        "were of one: bring them in one currency, or leave the amounts out"
    )


def _decimal(table: TableProfile) -> Iterator[Line]:
    """The sign of decimals; to be verified where all points may part thousands."""
    decimals = sorted({c.decimal for c in table.columns if c.decimal})
    mixed = [
        f"VERIFY: {c.name} holds amounts in {' and '.join(c.currencies)}, compared as if in one"
        for c in table.columns
        if len(c.currencies) > 1
    ]
    unclear = next((c for c in table.columns if c.is_in_thousands), None)
    if unclear is not None and decimals != ["."]:
        shown = str(unclear.is_in_thousands)
        unsure = f"VERIFY: {shown} in {unclear.name} is read as {shown.replace('.', '')}"
        if not decimals:
            unsure += f"; without this line, as {float(shown):g}"
        yield 'decimal: ","', "; ".join([unsure, *mixed])
    elif decimals:
        unsure = "VERIFY: some numbers use the other sign" if len(decimals) > 1 else ""
        said = "; ".join([*([unsure] if unsure else []), *mixed])
        yield f"decimal: {scalar(decimals[0])}", said


def bands_of(score: ColumnProfile, table_name: str) -> Iterator[Line]:
    """The bands of a column of scores, where they are not those of 0 to 10."""
    if score.is_percent:
        yield (
            "bands: {scale: [0, 100], detractor: [0, 69], passive: [70, 89], promoter: [90, 100]}",
            "VERIFY: scores run from 0 to 100; confirm the scale and its bands",
        )
        return
    low = 0 if score.low is None else score.low
    high = 10 if score.high is None else score.high
    said = _said_scale(f"{score.name} {score.label}", low, high)
    if said is not None:
        if said != (0, 10):
            bands = usual_bands(*said, score.is_fraction)
            yield f"bands: {{{bands}}}", "VERIFY: the scale as the header names it; confirm bands"
        return
    named_nps = "nps" in words(score.name) | words(table_name)
    top = _top(low, high, score.filled)
    if top == 10 and not score.is_fraction and (named_nps or not 1 <= low < 2):
        return
    yield (
        f"bands: {{{usual_bands(0 if low < 1 else 1, top, score.is_fraction)}}}",
        f"VERIFY: scores run from {low:g} to {high:g}; confirm the scale and its bands",
    )


def _said_scale(header: str, low: float, high: float) -> tuple[int, int] | None:
    """The scale that a header names, as in `(0-10)` or `1 = never … 5 = always`, if scores fit."""
    for found in (*_SCALE.finditer(header), *_ENDS.finditer(header)):
        bottom, top = int(found[1]), int(found[2])
        if bottom <= low and high <= top:
            return bottom, top
    return None


def _top(low: float, high: float, answers: int) -> int:
    """The highest score of the scale; few answers from 0 on may be of a longer one."""
    if high > 7 or (low < 1 and (high > 5 or answers < _ENOUGH_TO_TELL)):
        return 10
    return 5 if high <= 5 else 7
