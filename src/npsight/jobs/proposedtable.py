"""What a proposal says of how one table is read: where it lies, how it is written, its scale."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from npsight.jobs import guess
from npsight.jobs.yamltext import flow, scalar

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

_MANY_BLANK = 0.01

Line = tuple[str, str]
"""A setting, and the comment behind it."""


def place_of(table: TableProfile, relative_to: Path | None) -> Iterator[Line]:
    """Where a table lies, seen from the folder of the project file if given, and how it is read."""
    path = Path(str(table.source.path)).resolve()
    text = str(path) if relative_to is None else os.path.relpath(path, relative_to.resolve())
    yield f"path: {scalar(text)}", ""
    for setting in ("table", "encoding", "delimiter"):
        if setting in table.source.model_fields_set:
            yield f"{setting}: {scalar(getattr(table.source, setting))}", ""
    if table.source.skip_rows:
        yield f"skip_rows: {table.source.skip_rows}", ""
    yield from _written(table)


def _written(table: TableProfile) -> Iterator[Line]:
    """Settings by which times, numbers and missing values are read."""
    patterns = {c.time_format for c in table.columns if c.time_format is not None}
    if patterns - {""}:
        formats = sorted(patterns - {""}) + (list(guess.ISO_FORMATS) if "" in patterns else [])
        unsure = "VERIFY: day first or month first?" if "/" in "".join(formats) else ""
        value = flow(formats) if len(formats) > 1 else scalar(formats[0])
        yield f"time_format: {value}", unsure
    decimals = sorted({c.decimal for c in table.columns if c.decimal})
    if decimals:
        unsure = "VERIFY: some numbers use the other sign" if len(decimals) > 1 else ""
        yield f"decimal: {scalar(decimals[0])}", unsure
    read = [c for c in table.columns if c.is_number or c.is_time]
    blanks = sorted({text for c in read for text in c.blanks})
    if blanks:
        yield f"blanks: {flow(blanks)}", ""


def rows_of(table: TableProfile, key: str) -> Iterator[Line]:
    """Which rows are not read: those without an account where they are many, and totals."""
    column = table.column(key)
    if column is None or not table.rows:
        return
    blank = 1 - column.filled / table.rows
    left_out = [""] if blank >= _MANY_BLANK else []
    comment = f"VERIFY: rows without an account ({blank:.0%}) are not read" if left_out else ""
    if column.total is not None:
        head = re.sub(r"\s*\(.*$", "*", column.total)
        left_out.append(head)
        comment = comment or f"VERIFY: `{column.total}` is no account"
    if left_out:
        values = scalar(left_out[0]) if len(left_out) == 1 else flow(left_out)
        yield f"without: {{{scalar(key)}: {values}}}", comment


def snapshot_target(outcome: ColumnProfile) -> Line:
    """Churn by a column without time in it."""
    return (
        f"churn: {{event: snapshot, column: {scalar(outcome.name)}, "
        f"positive: {flow(guess.leaving_values(outcome))}}}",
        "VERIFY: the values that mean the account left",
    )


def bands_of(score: ColumnProfile, table_name: str) -> Iterator[Line]:
    """The bands of a column of scores, where they are not those of 0 to 10."""
    if score.is_percent:
        yield (
            "bands: {scale: [0, 100], detractor: [0, 69], passive: [70, 89], promoter: [90, 100]}",
            "VERIFY: scores run from 0 to 100; confirm the scale and its bands",
        )
        return
    low, high = score.low or 0, score.high or 10
    named_nps = "nps" in guess.words(score.name) | guess.words(table_name)
    if low == 0 or (high > 7 and (named_nps or low > 1)):
        return
    top, bands = 10, "detractor: [1, 6], passive: [7, 8], promoter: [9, 10]"
    if high <= 5:
        top, bands = 5, "detractor: [1, 3], passive: [4, 4], promoter: [5, 5]"
    elif high <= 7:
        top, bands = 7, "detractor: [1, 5], passive: [6, 6], promoter: [7, 7]"
    yield (
        f"bands: {{scale: [1, {top}], {bands}}}",
        f"VERIFY: scores run from {low:g} to {high:g}; confirm the scale and its bands",
    )
