"""How a CSV file is written: its encoding, and what parts its columns."""

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
_BLOCK = 1 << 20


def sniffed(file: Path) -> Source:
    """The source that reads the file; settings that are the default are not set."""
    settings: dict[str, str] = {"path": str(file)}
    if file.name.lower().endswith(_TEXT_ENDINGS):
        encoding = encoding_of(file)
        delimiter = delimiter_of(file, encoding)
        if encoding != "utf-8":
            settings["encoding"] = encoding
        if delimiter and delimiter != ("\t" if ".tsv" in file.name.lower() else ","):
            settings["delimiter"] = delimiter
    return Source.model_validate(settings)


def header_of(source: Source) -> list[str]:
    """The names in the first line of a CSV file."""
    with opened(Path(str(source.path)), source.encoding) as text:
        return next(_records(text, source.delimiter), [])


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
    """The sign that parts the first line, and most others, into most columns; None if none does."""
    columns = {sign: _columns(file, encoding, sign) for sign in _DELIMITERS}
    best = max(columns, key=lambda sign: columns[sign])
    return best if columns[best] > 1 else None


def _columns(file: Path, encoding: str, delimiter: str) -> int:
    with opened(file, encoding) as text:
        widths = [len(line) for line in islice(_records(text, delimiter), _LINES)]
    fitting = sum(width == widths[0] for width in widths) if widths else 0
    return widths[0] if widths and fitting >= 0.9 * len(widths) else 0


def _records(text: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from (line for line in csv.reader(text, delimiter=delimiter) if line)
    except csv.Error:
        return
