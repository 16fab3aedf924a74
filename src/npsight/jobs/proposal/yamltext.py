"""YAML written by hand, because a written file needs comments where it guesses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"^[A-Za-z_./][A-Za-z0-9_./-]*$")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def scalar(value: str) -> str:
    """The string as a YAML scalar, quoted where YAML would read something else."""
    if _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def flow(value: Mapping[str, str] | Sequence[str]) -> str:
    """A mapping or a list on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {scalar(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(scalar(item) for item in value) + "]"


class Lines:
    """Indented lines with comments behind them."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, indent: int, text: str, comment: str = "") -> None:
        """One line."""
        behind = f"   # {comment}" if comment else ""
        self._lines.append(" " * indent + text + behind)

    def comment(self, indent: int, text: str) -> None:
        """A comment on a line of its own."""
        self._lines.append(" " * indent + f"# {text}")

    def blank(self) -> None:
        """An empty line."""
        self._lines.append("")

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines) + "\n"
