"""Panes: the pieces into which all window edges of a shared grid of as_of dates cut time.

A fact that lies in a pane lies in every window that covers the pane, and in no other. So facts
are read and summed once, by account and pane, however many windows and as_of dates there are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import ibis
import ibis.expr.datatypes as dt

from npsight.temporal.instants import INSTANT

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, order=True)
class Span:
    """The window `[as_of − (back + days), as_of − back)`; `days` None is all before its end."""

    days: int | None
    back: int = 0

    @property
    def reach(self) -> int | None:
        """Days from as_of to the window's start; None is all history."""
        return None if self.days is None else self.back + self.days


@dataclass(frozen=True)
class Grid:
    """The edges of all `spans` at all `as_ofs`, in order, and the as_of dates in order."""

    edges: tuple[datetime, ...]
    as_ofs: tuple[datetime, ...]

    @classmethod
    def of(cls, as_ofs: Iterable[datetime], spans: Iterable[Span]) -> Grid:
        """The grid of these windows."""
        days = sorted(set(as_ofs))
        ends = {timedelta(days=span.back) for span in spans} | {timedelta(0)}
        starts = {timedelta(days=span.reach) for span in spans if span.reach is not None}
        return cls(tuple(sorted({day - t for day in days for t in ends | starts})), tuple(days))

    def number(self, edge: datetime) -> int:
        """The edge's place in `edges`: a fact lies before it iff `edges_passed(…) <= number`."""
        return bisect_left(self.edges, edge)


def edges_passed(instant: ir.TimestampValue, edges: Sequence[datetime]) -> ir.IntegerValue:
    """How many of the rising `edges` are at or before the instant: its pane, from 0.

    A missing instant lies behind all of them: it never comes. Found by halves, so that a row is
    compared with few edges.
    """
    if not edges:
        return ibis.literal(0, type=dt.int64)
    return _passed(instant, edges, 0, len(edges))


def _passed(
    instant: ir.TimestampValue, edges: Sequence[datetime], low: int, high: int
) -> ir.IntegerValue:
    if low == high:
        return cast("ir.IntegerValue", ibis.literal(low, type=dt.int64))
    middle = (low + high) // 2
    edge = ibis.literal(edges[middle], type=INSTANT)
    before = _passed(instant, edges, low, middle)
    after = _passed(instant, edges, middle + 1, high)
    return cast("ir.IntegerValue", ibis.ifelse(instant < edge, before, after))
