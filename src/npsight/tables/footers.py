"""Lines below the last row of a CSV file that are none: who made the report, whose copyright."""

from __future__ import annotations

import csv
import gzip
import io
from collections import deque
from pathlib import Path

_CODECS = {"utf-8": "utf-8", "latin-1": "latin-1", "windows-1252": "cp1252"}
_MOST_LINES = 20
_LINES_READ = 60
_BYTES_READ = 1 << 16


def footer_of(file: Path, encoding: str, delimiter: str, width: int) -> str:
    """The text after the last row, from the blank line above it to the end; empty without one.

    A footer stands below a blank line, has up to 20 lines, and none of them has the header's
    number of columns. A file of one column has none, for nothing would tell it from rows.
    """
    if width < 2 or encoding not in _CODECS:
        return ""
    lines = _last_lines(file, encoding)
    start = len(lines)
    while start > 0 and _fits_not(lines[start - 1], delimiter, width):
        start -= 1
    blank = next((at for at in range(start, len(lines)) if not lines[at].strip()), len(lines))
    footer = lines[blank:]
    said = [line for line in footer if line.strip()]
    text = "".join(footer)
    # In a cell with line breaks that ends the file, too, lines fit no header.
    if not said or len(said) > _MOST_LINES or text.count('"') % 2 or start == 0:
        return ""
    return text


def lines_in(footer: str) -> int:
    """How many of its lines say something."""
    return sum(bool(line.strip()) for line in footer.splitlines())


def _fits_not(line: str, delimiter: str, width: int) -> bool:
    return not line.strip() or len(next(csv.reader([line], delimiter=delimiter), [])) != width


def _last_lines(file: Path, encoding: str) -> list[str]:
    """The last lines with their ends; of a long file the first of them may be a part of one."""
    if file.suffix == ".gz":
        with gzip.open(file, "rb") as packed:
            raw = b"".join(deque(packed, _LINES_READ))
    else:
        size = file.stat().st_size
        with file.open("rb") as binary:
            binary.seek(max(0, size - _BYTES_READ))
            raw = binary.read()
    return list(io.StringIO(raw.decode(_CODECS[encoding], "replace"), newline=""))[-_LINES_READ:]
