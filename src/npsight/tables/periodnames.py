"""Where a pattern such as `usage_{period}.csv` has its period in the name of a file or a sheet."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from npsight.config.schema import PERIOD
from npsight.tables.periods import Span, span_of

_EDGE = re.compile(r"[-_/. :()]+|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_MAGIC = re.compile(r"(\*\*/|\*|\?|\[[^\]]*\])")
_MEANT = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class Told:
    """A period that a name tells, as it is written there, and what stands around it."""

    text: str
    span: Span
    beside: str


def told_by(name: str, pattern: str) -> list[Told]:
    """The periods that stand in the name where the pattern says; `*` and `?` stand for anything.

    The longest that begins first counts: the year in `2025-01` is none of its own. Several where
    a star leaves it open which one is meant, or where several stand in the place of one.
    """
    told = _told_by(name, pattern)
    within = [] if told else _told_by(name, pattern.replace(PERIOD, f"*{PERIOD}*"))
    return within if len(within) > 1 else told


def _told_by(name: str, pattern: str) -> list[Told]:
    name = unicodedata.normalize("NFC", name)
    before, _, behind = unicodedata.normalize("NFC", pattern).partition(PERIOD)
    starts = [0, *(edge.end() for edge in _EDGE.finditer(name))]
    ends = [len(name), *(edge.start() for edge in _EDGE.finditer(name))]
    starts = [start for start in starts if re.fullmatch(_regex(before), name[:start])]
    ends = [end for end in ends if re.fullmatch(_regex(behind), name[end:])]
    found = [
        (start, -end, span)
        for start in starts
        for end in ends
        if end > start and (span := span_of(name[start:end]))
    ]
    told: list[Told] = []
    free = 0
    for start, end, span in sorted(found):
        if start >= free:
            free = -end
            told.append(Told(name[start:free], span, f"{name[:start]}{PERIOD}{name[free:]}"))
    return told


def is_all_of_a_name(pattern: str) -> bool:
    """Whether the period is a whole name, so that other names beside it are of other tables."""
    before, _, behind = pattern.rpartition("/")[2].partition(PERIOD)
    return not before.strip("*") and not behind.split(".")[0].strip("*")


def _regex(pattern: str) -> str:
    return "(?s)" + "".join(_meant(part) for part in _MAGIC.split(pattern))


def _meant(part: str) -> str:
    if part.startswith("[") and part.endswith("]"):
        inner = re.escape(part[1:-1]).replace(r"\-", "-")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return _MEANT.get(part) or re.escape(part)
