"""Sums by account and pane in arrays, and the windows between their edges.

A pane is added to the cell of its account. Summed along the panes, a window at an as_of is the
difference between its two edges, less what that as_of could not see: known too late, or corrected
or moved by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from npsight.features.totals import DIGITS
from npsight.temporal.panes import Grid, Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_EXACT = 2**53
"""Whole numbers up to here are exact as float64."""
MOST_WHOLE = 2**63 - 1
UNIT = 10**DIGITS
"""A number whose squares are summed is split by it; it is 1 in units of the last digit."""


class TooLargeError(Exception):
    """A sum may leave whole numbers of 64 bits; the engine's own decimals are wider."""


@dataclass(frozen=True)
class Apart:
    """Of a batch, what some as_ofs that lie behind it do not see.

    Attributes
    ----------
    rows
        Their numbers in the batch.
    account, pane, seen, until
        Of each: number of the account, of the pane, of the first as_of that sees it, and of the
        first after that which does not.
    """

    rows: NDArray[np.int64]
    account: NDArray[np.int32]
    pane: NDArray[np.int16]
    seen: NDArray[np.int16]
    until: NDArray[np.int16]


@dataclass(frozen=True)
class Hidden:
    """What a span must not see of a batch: `rows` of it, each from one as_of until another.

    `begin` and `end` are places: number of the as_of × accounts + number of the account.
    """

    rows: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]


@dataclass(frozen=True)
class Placed:
    """Where a batch of panes, or of facts, is added.

    Attributes
    ----------
    cells
        Number of the pane × accounts + number of the account.
    hidden
        Of each span, what becomes known after an as_of that reads it, or is gone before one.
    apart
        All of which that may be said; None where every as_of behind it sees everything.
    """

    cells: NDArray[np.int64]
    hidden: Mapping[Span, Hidden]
    apart: Apart | None


@dataclass(frozen=True)
class Reads:
    """Which panes a span reads at which as_of, all by number.

    As_of k reads the panes after `start[k]` (None: from the first one) and up to `end[k]`; pane p
    is read by the as_ofs from `first[p]` and before `last[p]`.
    """

    start: NDArray[np.int64] | None
    end: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, grid: Grid, span: Span) -> Reads:
        """What `[as_of − back − days, as_of − back)` reads at each as_of of the grid."""
        panes = np.arange(len(grid.edges))

        def edges(days: int) -> NDArray[np.int64]:
            return np.array([grid.number(day - timedelta(days=days)) for day in grid.as_ofs])

        end = edges(span.back)
        if span.reach is None:
            never = np.full(len(panes), len(grid.as_ofs))
            return cls(None, end, np.searchsorted(end, panes), never)
        start = edges(span.reach)
        return cls(start, end, np.searchsorted(end, panes), np.searchsorted(start, panes))

    def seen_by(self, apart: Apart) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each of these, the first as_of that reads and sees it, and the first after that
        which does not.
        """
        first, last = self.first[apart.pane], self.last[apart.pane]
        seen = np.clip(apart.seen.astype(np.int64), first, last)
        return seen, np.clip(apart.until.astype(np.int64), seen, last)

    def unseen(self, apart: Apart, accounts: int) -> Hidden:
        """The as_ofs that read these panes but lie before `seen`, or from `until` on."""
        first, last = self.first[apart.pane], self.last[apart.pane]
        seen, until = self.seen_by(apart)
        begin, end = np.concatenate([first, until]), np.concatenate([seen, last])
        some = np.flatnonzero(begin < end)
        which = some % max(len(apart.rows), 1)
        account = apart.account[which].astype(np.int64)
        return Hidden(
            apart.rows[which], begin[some] * accounts + account, end[some] * accounts + account
        )


class Total:
    """A sum by pane and account and, for each span, what its as_ofs must not see of it."""

    def __init__(self, shape: tuple[int, int], reads: Mapping[Span, Reads]) -> None:
        self.cells = np.zeros(shape, dtype=np.int64)
        self._reads = reads
        self._hidden: dict[Span, NDArray[np.int64]] = {}
        self._running: NDArray[np.int64] | None = None

    def add(self, placed: Placed, values: NDArray[np.int64] | np.int64) -> None:
        """Add a value for each row of the batch, or the same for all."""
        np.add.at(self.cells.reshape(-1), placed.cells, values)
        for span, hidden in placed.hidden.items():
            if span not in self._hidden:
                shape = len(self._reads[span].end) + 1, self.cells.shape[1]
                self._hidden[span] = np.zeros(shape, dtype=np.int64)
            flat = self._hidden[span].reshape(-1)
            unseen = values[hidden.rows] if isinstance(values, np.ndarray) else values
            np.add.at(flat, hidden.begin, unseen)
            np.subtract.at(flat, hidden.end, unseen)

    def within(self, span: Span) -> NDArray[np.int64]:
        """The sums of the span: as_ofs by accounts."""
        if self._running is None:
            self._running = np.cumsum(self.cells, axis=0, out=self.cells)
        reads = self._reads[span]
        sums = self._running[reads.end]
        if reads.start is not None:
            sums -= self._running[reads.start]
        if span in self._hidden:
            sums -= np.cumsum(self._hidden[span], axis=0)[:-1]
        return sums


def whole_numbers(column: pa.Array) -> tuple[NDArray[np.int64], int]:
    """Whole numbers (0 for null), and how many digits of them stand behind the point.

    Raises
    ------
    TooLargeError
        A decimal has more digits than 64 bits hold.
    """
    if not pa.types.is_decimal(column.type):
        return column.cast(pa.int64()).fill_null(0).to_numpy(), 0
    words = np.frombuffer(column.buffers()[1], dtype=f"i{min(column.type.byte_width, 8)}")
    words = words.reshape(-1, column.type.byte_width // words.itemsize)
    words = words[column.offset : column.offset + len(column)]
    if column.null_count:
        words = np.where(column.is_valid().to_numpy(zero_copy_only=False)[:, None], words, 0)
    low = words[:, 0]
    if words.shape[1] > 1 and (words[:, 1:] != (low >> 63)[:, None]).any():
        raise TooLargeError
    return low.astype(np.int64, copy=False), column.type.scale


def as_float(whole: NDArray[np.int64], scale: int) -> NDArray[np.float64]:
    """As the engine makes a float64 of a decimal with so many digits behind the point."""
    unit = 10**scale
    numbers: NDArray[np.float64] = whole / unit
    if not scale or not whole.size or max(whole.max(), -whole.min()) <= MOST_EXACT:
        return numbers
    size = np.abs(whole)
    apart = (size // unit + size % unit / unit) * np.sign(whole)
    return np.asarray(np.where(size <= MOST_EXACT, numbers, apart))


def squares_as_float(
    above: NDArray[np.int64], between: NDArray[np.int64], below: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The sum of (a · UNIT + b)², of which these are Σa², Σ2ab and Σb², as the engine makes a
    float64 of a decimal with twice `DIGITS` behind the point.
    """
    square = UNIT**2
    carried, rest = np.divmod(between, UNIT)
    more, rest = np.divmod(rest * UNIT + below, square)
    whole = above + carried + more
    small = whole <= MOST_EXACT // square
    units = np.where(small, whole, 0) * square + rest
    small &= units <= MOST_EXACT
    return np.asarray(np.where(small, units / square, whole.astype(np.float64) + rest / square))
