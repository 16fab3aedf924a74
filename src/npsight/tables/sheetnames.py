"""Sheets that are parts of one table: one for each month, quarter or year, or numbered ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from npsight.tables.periods import is_part

STAR = "*"
_EDGE = re.compile(r"[-_/. :]+|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


def is_pattern(name: str | None) -> bool:
    """Whether it stands for several sheets; no sheet of Excel has a star in its name."""
    return name is not None and STAR in name


def fitting(names: Iterable[str], pattern: str) -> list[str]:
    """The names in which a period or a number stands where the pattern has its star."""
    before, _, behind = pattern.partition(STAR)
    return [name for name in names if _fits(name, before, behind)]


def _fits(name: str, before: str, behind: str) -> bool:
    if len(name) <= len(before) + len(behind):
        return False
    within = name[len(before) : len(name) - len(behind)]
    return name.startswith(before) and name.endswith(behind) and is_part(within)


def patterns_of(names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each pattern with the names, two at least, that are parts of one table by it.

    A name belongs to one pattern at most: the one that fits most, and of these the shortest.
    """
    rest = list(names)
    while True:
        found = {p: fitting(rest, p) for name in rest for p in _patterns(name)}
        best = max(found, key=lambda p: (len(found[p]), -len(p)), default=None)
        if best is None or len(found[best]) < 2:
            return
        yield best, found[best]
        rest = [name for name in rest if name not in found[best]]


def _patterns(name: str) -> Iterator[str]:
    starts = [0, *(match.end() for match in _EDGE.finditer(name))]
    ends = [len(name), *(match.start() for match in _EDGE.finditer(name))]
    for start in starts:
        for end in ends:
            if end > start and is_part(name[start:end]):
                yield f"{name[:start]}{STAR}{name[end:]}"
