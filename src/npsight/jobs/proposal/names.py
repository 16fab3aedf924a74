"""What tables and columns are called in a proposed project file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from npsight.config.checks import RESERVED
from npsight.jobs.notes.words import plain

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile

_DAY_AT_END = re.compile(r"(?<=[a-z])_?(19|20)\d\d_?[01]\d_?[0-3]\d(_[\d_]*)?$")


def config_name(column: str) -> str:
    """The column's name as a name of the project file."""
    name = re.sub(r"[^a-z0-9]+", "_", plain(column)).strip("_")
    return (name if re.match(r"[a-z]", name) else f"c_{name}")[:60]


def config_names(columns: Iterable[ColumnProfile]) -> dict[str, str]:
    """Each column's name in the project file, no two the same, and none of npsight's own."""
    found: dict[str, str] = {}
    for column in columns:
        found[column.name] = free_name(config_name(column.name), {*found.values(), *RESERVED})
    return found


def is_illegible(name: str) -> bool:
    """Whether the name in the project file has lost letters, such as Greek or Chinese ones."""
    return any(letter.isalpha() and not letter.isascii() for letter in plain(name))


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it where it is taken."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def without_day(name: str) -> str:
    """A name of the project file without the day of the export that ends it."""
    return _DAY_AT_END.sub("", name) or name
