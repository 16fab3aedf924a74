"""Tables of a report as data. A number is only ever read from the evaluation's JSON, by its path,
so that page and JSON cannot part; and it always comes with its unit and the n it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

NOT_DEFINED = "n/a"
MINUS = "−"


@dataclass(frozen=True)
class Style:
    """How a kind of number is written: `unit` is shown in the column's head."""

    unit: str
    digits: int = 0
    signed: bool = False
    scale: float = 1.0

    def text(self, value: float | None) -> str:
        """The number in its unit; `n/a` where it is not defined."""
        if value is None:
            return NOT_DEFINED
        sign = "+" if self.signed else ""
        shown = round(value * self.scale, self.digits) + 0.0
        return f"{shown:{sign},.{self.digits}f}".replace("-", MINUS)


COUNT = Style("count")
WEIGHED = Style("weighed count", 1)
AUC = Style("0.5 to 1", 3)
SCORE = Style("0 to 1", 3)
SCORE_GAP = Style("0 to 1", 3, signed=True)
BRIER = Style("squared probability", 4)
BRIER_GAP = Style("squared probability", 4, signed=True)
NATS = Style("nats a row", 4)
NATS_GAP = Style("nats a row", 4, signed=True)
PERCENT = Style("%", 1, scale=100)
POINTS = Style("percentage points", 1, scale=100)
POINTS_GAP = Style("percentage points", 1, signed=True, scale=100)
TIMES = Style("times", 2)
TIMES_GAP = Style("times", 2, signed=True)
NPS = Style("NPS points", 1, signed=True)
NPS_ERROR = Style("NPS points", 1)
RANK = Style("−1 to 1", 2, signed=True)
LOG_ODDS = Style("log-odds", 3)


@dataclass(frozen=True)
class Number:
    """One number of a cell: where it stands in the JSON, and how it is written."""

    key: str
    text: str
    unit: str


@dataclass(frozen=True)
class Cell:
    """Words, or numbers (a value, and perhaps the low and high end of its interval)."""

    words: str = ""
    numbers: tuple[Number, ...] = ()
    n: str = ""


@dataclass(frozen=True)
class Column:
    """`unit` is empty for words."""

    head: str
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """`title` is its short name where it is folded; `strong` the positions of rows to stress."""

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    strong: frozenset[int] = frozenset()


def at(found: Any, key: str) -> Any:
    """The value at a dotted path, such as `targets.churn.rows` or `nps.0.answers`."""
    for step in key.split("."):
        found = found[int(step)] if isinstance(found, list) else found[step]
    return found


class Reader:
    """Cells from one evaluation's JSON."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    def get(self, key: str) -> Any:
        """The plain value at a path."""
        return at(self.found, key)

    def keys(self, key: str) -> list[str]:
        """The paths of a list's items."""
        return [f"{key}.{i}" for i in range(len(self.get(key)))]

    def words(self, key: str) -> Cell:
        """A text as it stands."""
        return Cell(words=str(self.get(key)))

    def number(self, key: str, style: Style, n: object, interval: str = "") -> Cell:
        """A number resting on `n`, and beside it the interval at that path, if there is one."""
        shown = [Number(key, style.text(self.get(key)), style.unit)]
        if interval and self.get(interval) is not None:
            shown += [
                Number(f"{interval}.{end}", style.text(self.get(f"{interval}.{end}")), style.unit)
                for end in ("low", "high")
            ]
        return Cell(numbers=tuple(shown), n=_count(n))


def _count(n: object) -> str:
    return f"{n:,.0f}" if isinstance(n, (int, float)) else str(n)


def table(
    name: str,
    title: str,
    caption: str,
    columns: Sequence[tuple[str, Style | None]],
    rows: Iterable[Sequence[Cell]],
    strong: Iterable[int] = (),
) -> Table:
    """A table whose columns are (head, style); None for words."""
    heads = tuple(Column(head, style.unit if style else "") for head, style in columns)
    return Table(name, title, caption, heads, tuple(tuple(row) for row in rows), frozenset(strong))
