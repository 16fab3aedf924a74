"""Workbooks of Excel and OpenDocument: a sheet becomes a CSV file, and is read as any other."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetVisibleEnum,
    WorksheetNotFound,
)

from npsight.config.checks import suggest
from npsight.config.schema import Place
from npsight.errors import Problem
from npsight.tables.raw import UnusableTableError
from npsight.tables.sheetnames import fitting, is_pattern, patterns_of

ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
CELL_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S.%f")
"""How cells that hold a date or a time are written into the CSV file."""

Cell = str | float | int | bool | date | time | timedelta


def is_workbook(source: Place) -> bool:
    """Whether the source is a sheet of a workbook."""
    if source.format is not None:
        return source.format == "excel"
    return (source.path or "").lower().endswith(ENDINGS)


def sheets_of(file: Path, key: str = "") -> list[str]:
    """The visible sheets that hold anything, in their order.

    Raises
    ------
    UnusableTableError
        The file is no workbook, or has a password.
    """
    return _filled(_opened(file, key))


def sheets_for(file: Path, source: Place, key: str) -> list[str | None]:
    """The sheets that a source reads of a file: those that fit the pattern in `table`, or the one.

    Raises
    ------
    UnusableTableError
        The file is no workbook or has a password, or no sheet fits the pattern.
    """
    if source.table is None or not is_pattern(source.table):
        return [source.table]
    there = sheets_of(file, key)
    found = fitting(there, source.table)
    if not found:
        what = f"no sheet fits `{source.table}`, with a period or a number for the star"
        remedy = f"use one of: {', '.join(there)}" if there else "save it again"
        raise UnusableTableError([Problem(what, remedy, str(file.resolve()), f"{key}.table")])
    return list(found)


def write_sheet(file: Path, source: Place, key: str, copy: Path) -> None:
    """Write the sheet `source.table`, or the only one that holds anything, as CSV in UTF-8.

    Blank rows are left out; the first row that is not, after `source.skip_rows`, is the header.
    Whole numbers are written without a point, dates by `CELL_TIMES`, yes and no as `true` and
    `false`. A cell with an error (`#N/A`) is empty, that of a formula has its last value.

    Raises
    ------
    UnusableTableError
        The file is no workbook or has a password; there is no such sheet, or more than one.
    """
    rows = _sheet(_opened(file, key), file, source, key).iter_rows()
    with copy.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written, lineterminator="\n").writerows(_texts(rows, source.skip_rows))


def write_top(file: Path, sheet: str | None, copy: Path, rows: int) -> None:
    """Write the first rows of a sheet as `write_sheet` does, blank ones too.

    Raises
    ------
    UnusableTableError
        As `write_sheet`.
    """
    source = Place(path=str(file), table=sheet)
    cells = _sheet(_opened(file, ""), file, source, "").iter_rows()
    texts = ([_text(cell) for cell in row] for row in islice(cells, rows))
    with copy.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written, lineterminator="\n").writerows(texts)


def _opened(file: Path, key: str) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(file))
    except PasswordError:
        what, remedy = "has a password", "save it without one, or export the sheet as CSV"
    except CalamineError as error:
        what = f"cannot be read as a workbook ({str(error)[:160]})"
        remedy = "check `format`, or save it again as .xlsx or CSV"
    raise UnusableTableError([Problem(what, remedy, str(file.resolve()), key)])


def _filled(workbook: CalamineWorkbook) -> list[str]:
    visible = [s.name for s in workbook.sheets_metadata if s.visible == SheetVisibleEnum.Visible]
    return [name for name in visible if workbook.get_sheet_by_name(name).start is not None]


def _sheet(workbook: CalamineWorkbook, file: Path, source: Place, key: str) -> CalamineSheet:
    names = [source.table] if source.table else _filled(workbook)
    where = str(file.resolve())
    if len(names) > 1:
        remedy = f"add `table:` with one of: {', '.join(names)}"
        for pattern, group in patterns_of(names):
            remedy += f"; or `table: '{pattern}'` for {len(group)} sheets of one table"
        raise UnusableTableError(
            [Problem("holds several sheets, and none is named", remedy, where, key)]
        )
    if not names:
        raise UnusableTableError([Problem("holds no rows", "save it again", where, key)])
    try:
        return workbook.get_sheet_by_name(names[0])
    except WorksheetNotFound:
        what = f"has no sheet `{names[0]}`"
    except CalamineError as error:
        what = f"sheet `{names[0]}` cannot be read ({str(error)[:160]})"
    remedy = suggest(names[0], workbook.sheet_names)
    raise UnusableTableError([Problem(what, remedy, where, f"{key}.table")])


def _texts(rows: Iterator[list[Cell]], skipped: int) -> Iterator[list[str]]:
    for number, row in enumerate(rows):
        texts = [_text(cell) for cell in row]
        if number >= skipped and any(text.strip() for text in texts):
            yield texts


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.strftime(CELL_TIMES[2 if cell.microsecond else 0])
    if isinstance(cell, date):
        return cell.strftime(CELL_TIMES[1])
    return str(cell)
