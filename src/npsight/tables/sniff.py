"""How a CSV file is written: its encoding, what parts its columns, and where its header stands."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from npsight.config.schema import Source
from npsight.tables.months import MONTHS
from npsight.tables.textfiles import opened

_DELIMITERS = (",", ";", "\t", "|")
_TEXT_ENDINGS = (".csv", ".csv.gz", ".tsv")
_LINES = 200
_BLOCK = 1 << 20
_LINES_ABOVE = 20
"""Of a title or a preamble; a header further down is not looked for."""
_HEADER_LINES = 3
_FITTING = 0.9
_VALUE = re.compile(r"^\W{0,3}\d")
"""Numbers, times, amounts and `10 - Extremely likely` begin so; titles of columns seldom do."""
_IMPORT_ID = '{"ImportId"'


@dataclass(frozen=True)
class Layout:
    """What parts the columns, lines above the header, lines of it, and how many columns."""

    delimiter: str
    skip_rows: int
    header_rows: int
    columns: int


@dataclass(frozen=True)
class _Record:
    """Cells of a record, and the number of lines of the file before it."""

    cells: list[str]
    above: int

    @property
    def filled(self) -> int:
        return sum(bool(cell.strip()) for cell in self.cells)


def sniffed(file: Path) -> Source:
    """The source that reads the file; settings that are the default are not set."""
    settings: dict[str, Any] = {"path": str(file)}
    if file.name.lower().endswith(_TEXT_ENDINGS):
        encoding = encoding_of(file)
        layout = layout_of(file, encoding)
        if encoding != "utf-8":
            settings["encoding"] = encoding
        if layout and layout.delimiter != ("\t" if ".tsv" in file.name.lower() else ","):
            settings["delimiter"] = layout.delimiter
        if layout and layout.skip_rows:
            settings["skip_rows"] = layout.skip_rows
        if layout and layout.header_rows > 1:
            settings["header_rows"] = layout.header_rows
    return Source.model_validate(settings)


def encoding_of(file: Path) -> str:
    """`utf-16` by its mark; else the first encoding by which all of it can be read."""
    with opened(file, "latin-1") as text:
        if text.read(2) in ("\xff\xfe", "\xfe\xff"):
            return "utf-16"
    return next((e for e in ("utf-8", "windows-1252") if _reads(file, e)), "latin-1")


def _reads(file: Path, encoding: str) -> bool:
    try:
        with opened(file, encoding) as text:
            while text.read(_BLOCK):
                pass
    except UnicodeDecodeError:
        return False
    return True


def layout_of(file: Path, encoding: str) -> Layout | None:
    """The layout with most columns, by the sign that parts most lines into as many as the header.

    None where no sign parts them.
    """
    found = [layout for sign in _DELIMITERS if (layout := _layout(file, encoding, sign))]
    return max(found, key=lambda layout: layout.columns, default=None)


def _layout(file: Path, encoding: str, delimiter: str) -> Layout | None:
    with opened(file, encoding) as text:
        records = list(islice(_records(text, delimiter), _LINES))
    widths = Counter(len(record.cells) for record in records)
    width = max(widths, key=lambda w: widths[w], default=0)
    start = _start(records, width)
    if width < 2 or start is None:
        return None
    table = records[start:]
    if sum(len(record.cells) == width for record in table) < _FITTING * len(table):
        return None
    return Layout(delimiter, table[0].above, _header_lines([r.cells for r in table]), width)


def _start(records: Sequence[_Record], width: int) -> int | None:
    """The header: the first line as wide as most, and not nearly empty as titles are."""
    enough = 3 if width > 4 else min(width, 2)
    first = next(
        (
            place
            for place, record in enumerate(records[:_LINES_ABOVE])
            if len(record.cells) == width and record.filled >= enough
        ),
        None,
    )
    return first


def _header_lines(table: Sequence[Sequence[str]]) -> int:
    """How many lines the header has: further ones hold words where all rows hold numbers."""
    rows = [line for line in table[_HEADER_LINES:] if len(line) == len(table[0])]
    if len(rows) < _HEADER_LINES:
        return 1
    columns = list(zip(*rows, strict=True))
    values = [place for place, cells in enumerate(columns) if _of_values(cells)]
    lines = 1
    for line in table[1:_HEADER_LINES]:
        cells = [line[place].strip() for place in values if place < len(line)]
        words = [cell for cell in cells if len(cell) > 3 and not _VALUE.match(cell)]
        words = words or [cell for cell in cells if cell.rstrip(".").lower() in MONTHS]
        # Below a column without a name, the second line of a survey tool names it.
        words = words or _names_of_unnamed(table[0], line)
        ids = any(cell.startswith(_IMPORT_ID) for cell in line)
        if not ids and (not words or any(map(_VALUE.match, cells))):
            break
        lines += 1
    return lines


def _names_of_unnamed(first: Sequence[str], line: Sequence[str]) -> list[str]:
    named = [cell.strip() for cell in first]
    return [cell for name, cell in zip(named, line, strict=False) if cell.strip() and not name]


def _of_values(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    fitting = sum(bool(_VALUE.match(cell)) for cell in filled)
    return bool(filled) and fitting >= 0.95 * len(filled)


def _records(text: Iterator[str], delimiter: str) -> Iterator[_Record]:
    reader = csv.reader(text, delimiter=delimiter)
    above = 0
    try:
        for cells in reader:
            if cells:
                yield _Record(cells, above)
            above = reader.line_num
    except csv.Error:
        return
