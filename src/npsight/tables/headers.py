"""The header of a CSV file: the names of its columns, and where its rows begin."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from npsight.config.schema import Place
from npsight.errors import Problem
from npsight.tables.periods import span_of
from npsight.tables.raw import UnusableTableError
from npsight.tables.sniff import layout_of
from npsight.tables.textfiles import opened

_BREAK = re.compile(r"\s*[\r\n]+\s*")
"""Within a cell; a name with one could hardly be written in a project file."""


@dataclass(frozen=True)
class Header:
    """Names of the columns, and how many lines of the file stand before the first row.

    `labels` holds what further lines of the header say of each column.
    """

    names: tuple[str, ...]
    lines: int
    labels: tuple[str, ...]

    @property
    def plain(self) -> bool:
        """Whether it is the file's first line and nothing more."""
        return self.lines == 1


def header_of(file: Path, source: Place, where: str, key: str) -> Header:
    """Read the header as the source says that it is written.

    Raises
    ------
    UnusableTableError
        There is none, or it is no header (then it is said where one seems to be).
    """
    delimiter = delimiter_for(source, file)
    with opened(file, source.encoding) as text:
        skipped = sum(1 for _ in islice(text, source.skip_rows))
        reader = csv.reader(text, delimiter=delimiter)
        read = [next(reader, []) for _ in range(source.header_rows)]
        header = _named(read, skipped + reader.line_num)
    if len(header.names) <= 1:
        _refuse_another_layout(file, source, delimiter, where, key)
    if not header.names:
        problem = Problem("holds no rows", "export it again, with its header", where, key)
        raise UnusableTableError([problem])
    return header


def _named(read: Sequence[Sequence[str]], lines: int) -> Header:
    """Columns named by the first line; without a name there, by their neighbour and subtitle.

    A year over its months names all of them: `2025 Jan`.
    """
    first, *further = [[_BREAK.sub(" ", cell.strip()) for cell in line] for line in read]
    labels = [
        " ".join(line[place] for line in further if place < len(line) and line[place])
        for place in range(len(first))
    ]
    names: list[str] = []
    left = ""
    for place, cell in enumerate(first):
        parts = [cell] if cell else [left, labels[place]] if labels[place] else []
        left = cell or left
        if labels[place] and left.isdecimal() and span_of(f"{left} {labels[place]}"):
            parts = [f"{left} {labels[place]}"]
        names.append(" - ".join(part for part in parts if part) or f"column_{place + 1}")
    return Header(told_apart(names), lines, tuple(labels))


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """The names; those that differ in case only, or not at all, are numbered: `Status (1)`.

    The engine knows no case, and of two columns of one name nobody can say which is meant.
    """
    often = Counter(name.lower() for name in names)
    taken, seen = set(often), Counter[str]()
    apart: list[str] = []
    for name in names:
        told, lowered = name, name.lower()
        while often[lowered] > 1 and told.lower() in taken:
            seen[lowered] += 1
            told = f"{name} ({seen[lowered]})"
        taken.add(told.lower())
        apart.append(told)
    return tuple(apart)


def _refuse_another_layout(file: Path, source: Place, delimiter: str, where: str, key: str) -> None:
    """Say by which settings the file would have several columns, if any."""
    found = layout_of(file, source.encoding)
    if found is None:
        return
    settings = []
    if found.delimiter != delimiter:
        settings.append(f'`delimiter: "{_shown(found.delimiter)}"`')
    if found.skip_rows != source.skip_rows:
        settings.append(f"`skip_rows: {found.skip_rows}`")
    if not settings:
        return
    at = source.skip_rows + 1
    line = "the first line" if at == 1 else f"line {at}"
    what = f"{line} reads as one column, but `{_shown(found.delimiter)}` parts it"
    if found.skip_rows != source.skip_rows:
        what = f"{line} reads as one column; the header seems to be line {found.skip_rows + 1}"
    raise UnusableTableError(
        [Problem(what, f"add {' and '.join(settings)} to this table", where, key)]
    )


def delimiter_for(source: Place, file: Path) -> str:
    """The field separator of a file; a `.tsv` has tabs unless another one is named."""
    tabs = file.name.lower().endswith((".tsv", ".tsv.gz")) and source.delimiter == ","
    return "\t" if tabs else source.delimiter


def _shown(delimiter: str) -> str:
    return "\\t" if delimiter == "\t" else delimiter


def write_header(written: IO[str], names: Sequence[str], delimiter: str, end: str) -> None:
    """The names as the first line of a file."""
    csv.writer(written, delimiter=delimiter, lineterminator=end).writerow(names)
