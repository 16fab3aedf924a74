"""Largest and last values by account and pane in arrays, and of the windows over them.

Unlike a sum, neither can be taken back. So facts that some as_of behind them does not see lie
apart, and each as_of looks at those that it sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from npsight.features.cells import Apart, Placed, Reads
from npsight.temporal.panes import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOTHING = np.iinfo(np.int64).min
"""Below every number that there is."""


@dataclass
class Behind:
    """What lies apart in all batches, in the order in which it was added."""

    reads: Mapping[Span, Reads]
    parts: list[Apart] = field(default_factory=list)
    _seen: dict[Span, tuple[NDArray[np.int16], NDArray[np.int16]]] = field(default_factory=dict)

    @cached_property
    def account(self) -> NDArray[np.int64]:
        """Number of the account of each."""
        return np.concatenate([part.account for part in self.parts]).astype(np.int64)

    def seen(self, span: Span, as_of: int) -> NDArray[np.int64]:
        """The places of those that the as_of of this number sees in the span."""
        if span not in self._seen:
            seen = [self.reads[span].seen_by(part) for part in self.parts]
            begin, end = (np.concatenate(times) for times in zip(*seen, strict=True))
            self._seen[span] = begin.astype(np.int16), end.astype(np.int16)
        begin, end = self._seen[span]
        return np.flatnonzero((begin <= as_of) & (as_of < end))


class Largest:
    """The largest number by pane and account; `NOTHING` where there is none."""

    def __init__(self, shape: tuple[int, int], behind: Behind) -> None:
        self._cells = np.full(shape, NOTHING)
        self._behind = behind
        self._apart: list[NDArray[np.int64]] = []

    def add(self, placed: Placed, values: NDArray[np.int64]) -> None:
        """Add a number for each row of the batch; `NOTHING` is none."""
        if placed.apart is not None:
            self._apart.append(values[placed.apart.rows])
            values = values.copy()
            values[placed.apart.rows] = NOTHING
        np.maximum.at(self._cells.reshape(-1), placed.cells, values)

    def within(self, span: Span) -> NDArray[np.int64]:
        """The largest of the span: as_ofs by accounts."""
        reads = self._behind.reads[span]
        if reads.start is None:
            found = np.maximum.accumulate(self._cells, axis=0)[reads.end]
        else:
            panes = zip(reads.start + 1, reads.end + 1, strict=True)
            found = np.stack([self._cells[a:b].max(axis=0, initial=NOTHING) for a, b in panes])
        if self._apart:
            values = np.concatenate(self._apart)
            for as_of, largest in enumerate(found):
                seen = self._behind.seen(span, as_of)
                np.maximum.at(largest, self._behind.account[seen], values[seen])
        return found


@dataclass(frozen=True)
class Ranked:
    """Values, and what makes one of them the last: the latest `at`, among these the latest
    `known`, among these the largest value. `at` is `NOTHING` where there is none.
    """

    at: NDArray[np.int64]
    known: NDArray[np.int64]
    value: NDArray[np.int64]

    @classmethod
    def none(cls, count: int) -> Ranked:
        """So many of which none is there."""
        return cls(*(np.full(count, NOTHING) for _ in range(3)))

    def negated(self) -> Ranked:
        """The last of these is the first of those; none stays none."""
        return Ranked(-self.at, -self.known, -self.value)

    def pick(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Ranked:
        """Some of them, as a copy."""
        return Ranked(self.at[which], self.known[which], self.value[which])

    def raise_to(self, cells: NDArray[np.int64], others: Ranked) -> None:
        """Each of these cells to the last of itself and the others that belong to it."""
        ranks = ("at", "known", "value")
        for k, rank in enumerate(ranks):
            mine, theirs = getattr(self, rank), getattr(others, rank)
            risen = cells[theirs > mine[cells]]
            for lower in ranks[k + 1 :]:
                getattr(self, lower)[risen] = NOTHING
            np.maximum.at(mine, cells, theirs)
            level = theirs == mine[cells]
            cells, others = cells[level], others.pick(level)


class Last:
    """The last value by pane and account, or the first one."""

    def __init__(self, shape: tuple[int, int], behind: Behind, first: bool = False) -> None:
        self._shape = shape
        self._cells = Ranked.none(shape[0] * shape[1])
        self._behind = behind
        self._first = first
        self._apart: list[Ranked] = []

    def add(self, placed: Placed, facts: Ranked) -> None:
        """Add the facts of a batch."""
        facts = facts.negated() if self._first else facts
        there = facts.at != NOTHING
        if placed.apart is not None:
            self._apart.append(facts.pick(placed.apart.rows))
            there[placed.apart.rows] = False
        if there.all():
            self._cells.raise_to(placed.cells, facts)
        else:
            self._cells.raise_to(placed.cells[there], facts.pick(there))

    def within(self, span: Span) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The value of the span, and whether there is one: as_ofs by accounts."""
        reads = self._behind.reads[span]
        starts = np.full(len(reads.end), -1) if reads.start is None else reads.start
        found = [self._of_panes(*ends) for ends in zip(starts, reads.end, strict=True)]
        if self._apart:
            apart = self._all_apart
            for as_of, last in enumerate(found):
                seen = self._behind.seen(span, as_of)
                last.raise_to(self._behind.account[seen], apart.pick(seen))
        there = np.stack([last.at for last in found]) != NOTHING
        values = np.stack([last.value for last in found])
        return -values if self._first else values, there

    def _of_panes(self, start: int, end: int) -> Ranked:
        """Of each account, what is last in the panes after `start` and up to `end`."""
        panes, accounts = self._shape
        pane = self._nearest[start + 1 if self._first else end]
        inside = (start < pane) & (pane <= end)
        last = self._cells.pick(np.clip(pane, 0, panes - 1) * accounts + np.arange(accounts))
        last.at[~inside] = NOTHING
        return last

    @cached_property
    def _nearest(self) -> NDArray[np.int64]:
        """Once all is added: of each pane, the last up to it that holds anything (-1: none), or
        the first from it on (one too many: none).
        """
        count = self._shape[0]
        holds = (self._cells.at != NOTHING).reshape(self._shape)
        own = np.arange(count)[:, None]
        if self._first:
            return np.minimum.accumulate(np.where(holds, own, count)[::-1], axis=0)[::-1]
        return np.maximum.accumulate(np.where(holds, own, -1), axis=0)

    @cached_property
    def _all_apart(self) -> Ranked:
        parts = [(part.at, part.known, part.value) for part in self._apart]
        return Ranked(*(np.concatenate(column) for column in zip(*parts, strict=True)))
