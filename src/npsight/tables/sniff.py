"""How a CSV file is written: its encoding, what parts its columns, where its header stands."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from npsight.config.schema import Source
from npsight.tables.textfiles import opened

_DELIMITERS = (",", ";", "\t", "|")
_TEXT_ENDINGS = (".csv", ".csv.gz", ".tsv")
_LINES = 200
_MOST_ABOVE = 10
_BLOCK = 1 << 20


def sniffed(file: Path) -> Source:
    """The source that reads the file; settings that are the default are not set."""
    settings: dict[str, str | int] = {"path": str(file)}
    if file.name.lower().endswith(_TEXT_ENDINGS):
        encoding = encoding_of(file)
        delimiter = delimiter_of(file, encoding)
        if encoding != "utf-8":
            settings["encoding"] = encoding
        if delimiter and delimiter != ("\t" if ".tsv" in file.name.lower() else ","):
            settings["delimiter"] = delimiter
        above = lines_before_header(file, encoding, delimiter or ",")
        if delimiter and above:
            settings["skip_rows"] = above
    return Source.model_validate(settings)


def header_of(source: Source) -> list[str]:
    """The names in the first line of a CSV file."""
    with opened(Path(str(source.path)), source.encoding) as text:
        data = islice(text, source.skip_rows, None)
        return next((cells for _, cells in _records(data, source.delimiter)), [])


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


def delimiter_of(file: Path, encoding: str) -> str | None:
    """The sign that parts the header, and most lines, into most columns; None if none does."""
    columns = {sign: _shape(file, encoding, sign)[0] for sign in _DELIMITERS}
    best = max(columns, key=lambda sign: columns[sign])
    return best if columns[best] > 1 else None


def lines_before_header(file: Path, encoding: str, delimiter: str) -> int:
    """Lines such as a title above the first one that has as many columns as most."""
    return _shape(file, encoding, delimiter)[1]


def _shape(file: Path, encoding: str, delimiter: str) -> tuple[int, int]:
    """How many columns most lines have, 0 where they differ; and the lines before the header."""
    with opened(file, encoding) as text:
        records = list(islice(_records(text, delimiter), _LINES))
    if not records:
        return 0, 0
    widths = [len(cells) for _, cells in records]
    usual = max(set(widths), key=widths.count)
    first = widths.index(usual)
    # Above a header stand a few short lines; one nearly as wide is a header that lacks a name.
    if first > _MOST_ABOVE or any(2 * width > usual for width in widths[:first]):
        first = 0
    fitting = sum(width == widths[first] for width in widths[first:])
    whole = fitting >= 0.9 * (len(widths) - first)
    return (widths[first] if whole else 0), records[first][0]


def _records(text: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the number of lines before it."""
    reader = csv.reader(text, delimiter=delimiter)
    before = 0
    try:
        for cells in reader:
            if cells:
                yield before, cells
            before = reader.line_num
    except csv.Error:
        return
