"""Counts and sums of windows, put together in this process: from facts, or from sums by pane.

The numbers of `Panes.features`, in a fraction of the time where there are many as_of dates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pyarrow as pa

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import FORMULAS
from npsight.features.arrays import Numbers
from npsight.features.cells import (
    MOST_WHOLE,
    Apart,
    Placed,
    Reads,
    TooLargeError,
    Total,
    as_float,
    whole_numbers,
)
from npsight.features.panes import Key, Panes, placed_facts, totals_asked
from npsight.features.rows import matching
from npsight.features.totals import Selection
from npsight.temporal.panes import Grid, Span

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

PLAIN_COUNT: Key = ("count", (), "")
"""How many facts there are; of one fact it need not be asked."""


def _counted(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return ibis.literal(1, dt.int8) if rows is None else rows.cast(dt.int8)


def _counted_of(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    measured = t[m].notnull()
    return (measured if rows is None else rows & measured).cast(dt.int8)


def _measured(t: ir.Table, m: str, rows: ir.BooleanValue | None) -> ir.Value:
    return t[m] if rows is None else rows.ifelse(t[m], ibis.null(t[m].type()))


OF_ONE: dict[str, Callable[[ir.Table, str, ir.BooleanValue | None], ir.Value]] = {
    "count": _counted,
    "count_of": _counted_of,
    "sum": _measured,
}
"""Totals that fit into whole numbers of 64 bits in all but monstrous data: what one fact adds."""


def adds_up(source: ir.Table, spec: FeatureSpec) -> bool:
    """Whether all that the feature's formula asks for is counts, and sums of exact numbers."""
    return spec.aggregation in FORMULAS and all(
        kind in OF_ONE and (not measure or _exact(source[measure]))
        for (kind, _, measure), _ in totals_asked(source, spec)
    )


def _exact(column: ir.Column) -> bool:
    return bool(column.type().is_decimal() or column.type().is_integer())


@dataclass(frozen=True)
class Asked:
    """The totals that some features ask for, a key and a window each, at the dates of a grid."""

    grid: Grid
    totals: tuple[tuple[Key, Span], ...]
    specs: tuple[FeatureSpec, ...]

    @classmethod
    def of(cls, source: ir.Table, specs: Sequence[FeatureSpec], grid: Grid) -> Asked:
        """What these features of a source, which all add up, ask for."""
        totals = {total: None for spec in specs for total in totals_asked(source, spec)}
        return cls(grid, tuple(totals), tuple(specs))

    @property
    def keys(self) -> tuple[Key, ...]:
        """The totals whatever their windows, each once."""
        return tuple(dict.fromkeys(key for key, _ in self.totals))

    @property
    def spans(self) -> tuple[Span, ...]:
        """The windows, each once."""
        return tuple(dict.fromkeys(span for _, span in self.totals))

    def array_bytes(self, accounts: int) -> int:
        """Memory that the arrays of so many accounts take at most, nulls in every column."""
        by_span = len(self.spans) * (len(self.grid.as_ofs) + 1)
        arrays = 1 + 2 * len(self.keys)
        return 8 * accounts * arrays * (len(self.grid.edges) + by_span)

    @property
    def fact_bytes(self) -> int:
        """Memory that a row of `facts` takes at most."""
        return 10 + 8 * len(self.keys)

    @property
    def since(self) -> datetime | None:
        """The first instant that any window reaches; None where one reads all history."""
        return None if any(span.days is None for span in self.spans) else self.grid.edges[0]

    @property
    def zero_means_none(self) -> bool:
        """Whether a feature is the same where there is no fact and where facts add up to zero."""
        return all(spec.aggregation == "sum" and spec.missing == "zero" for spec in self.specs)

    def panes(self, panes: Panes, accounts: ir.Table) -> ir.Table:
        """The panes of these accounts (`account`, `number_` from 0): `number_`, the pane's own
        numbers, and a column for each of `keys`.
        """
        columns = {f"key{k}_": panes.table[panes.prefixes[key]] for k, key in enumerate(self.keys)}
        return _numbered(panes.table, accounts, columns)

    def facts(self, source: ir.Table, accounts: ir.Table) -> ir.Table:
        """The same of facts that no one has summed, each like a pane of its own.

        There is no column for the plain count, since each is one.
        """
        facts, _ = placed_facts(source, self.specs, self.grid)
        columns = {
            f"key{k}_": OF_ONE[kind](facts, measure, matching(facts, where))
            for k, (kind, where, measure) in enumerate(self.keys)
            if (kind, where, measure) != PLAIN_COUNT
        }
        return _numbered(facts, accounts, columns)


def _numbered(placed: ir.Table, accounts: ir.Table, columns: dict[str, ir.Value]) -> ir.Table:
    slots = [c for c in ("pane_", "seen_", "gone_") if c in placed.columns]
    return placed.join(accounts, placed.account == accounts.account).select(
        accounts.number_.cast(dt.int32),
        **{slot: placed[slot].cast(dt.int16) for slot in slots},
        **columns,
    )


class Sums:
    """The totals asked of panes, for accounts numbered from 0; added to batch by batch."""

    def __init__(self, asked: Asked, accounts: int) -> None:
        grid = asked.grid
        self._asked = asked
        self._shape = (len(grid.edges), accounts)
        self._as_ofs = len(grid.as_ofs)
        self._reads = {span: Reads.of(grid, span) for span in asked.spans}
        self._on_time = Reads.of(grid, Span(None)).first.astype(np.int16)
        self._rows = self._total()
        self._sums = [self._total() for _ in asked.keys]
        self._absent: dict[int, Total] = {}
        self._scales = [0 for _ in asked.keys]
        self._largest = 0

    def _total(self) -> Total:
        return Total(self._shape, self._reads)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a batch of `Asked.panes`, or of `Asked.facts`.

        Raises
        ------
        TooLargeError
            A sum does not fit.
        """
        placed = self._placed(batch)
        self._rows.add(placed, np.int64(1))
        for k, total in enumerate(self._sums):
            if f"key{k}_" not in batch.schema.names:
                total.add(placed, np.int64(1))
                continue
            column = batch.column(f"key{k}_")
            if column.null_count:
                absent = self._absent.setdefault(k, self._total())
                absent.add(placed, column.is_null().to_numpy(zero_copy_only=False).astype("int64"))
            whole, self._scales[k] = whole_numbers(column)
            if whole.size:
                self._largest = max(self._largest, int(whole.max()), -int(whole.min()))
            total.add(placed, whole)

    def _placed(self, batch: pa.RecordBatch) -> Placed:
        account, pane, seen = (batch.column(c).to_numpy() for c in ("number_", "pane_", "seen_"))
        accounts = self._shape[1]
        cells = np.multiply(pane, accounts, dtype=np.int64)
        cells += account
        apart = seen > self._on_time[pane]
        until = np.full(len(pane), self._as_ofs, dtype=np.int16)
        if "gone_" in batch.schema.names:
            until = batch.column("gone_").to_numpy()
            apart |= until < self._as_ofs
        rows = np.flatnonzero(apart)
        if not len(rows):
            return Placed(cells, {})
        some = Apart(rows, account[rows], pane[rows], seen[rows], until[rows])
        hidden = {span: reads.unseen(some, accounts) for span, reads in self._reads.items()}
        return Placed(cells, hidden)

    def features(self, places: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Every feature (float64; NaN is missing) of the rows at these places: number of the as_of
        × accounts + number of the account.

        Raises
        ------
        TooLargeError
            A sum might not fit.
        """
        most_rows = int(self._rows.cells.sum(axis=0).max(initial=0))
        if self._largest * most_rows > MOST_WHOLE:
            raise TooLargeError
        all_of_them = np.array_equal(places, np.arange(self._as_ofs * self._shape[1]))
        wanted = slice(None) if all_of_them else places
        ready = _Ready(self, wanted, nulls_count=not self._asked.zero_means_none)
        return {spec.name: self._feature(ready, spec) for spec in self._asked.specs}

    @staticmethod
    def _feature(ready: _Ready, spec: FeatureSpec) -> NDArray[np.float64]:
        formula: Any = FORMULAS[spec.aggregation]
        found: Numbers = formula(ready, spec)
        return found.fill_null(0.0).values if spec.missing == "zero" else found.values

    def rows_within(self, span: Span) -> NDArray[np.int64]:
        """How many panes each as_of sees in the window, for each account."""
        return self._rows.within(span).ravel()

    def total_within(
        self, key: Key, span: Span
    ) -> tuple[NDArray[np.int64], int, NDArray[np.int64] | None]:
        """The total in units of the last digit behind the point, how many digits there are, and
        in how many panes it is null (None: in no pane).
        """
        k = self._asked.keys.index(key)
        absent = self._absent.get(k)
        nulls = None if absent is None else absent.within(span).ravel()
        return self._sums[k].within(span).ravel(), self._scales[k], nulls


class _Ready:
    """Totals of the wanted places, as arrays; see `features.totals.Totals`."""

    def __init__(self, sums: Sums, wanted: slice | NDArray[np.int64], nulls_count: bool) -> None:
        self._sums = sums
        self._wanted = wanted
        self._nulls_count = nulls_count
        self._rows: dict[Span, NDArray[np.int64]] = {}

    @property
    def as_of(self) -> Any:
        raise NotImplementedError(
            "counts and sums do not depend on as_of: a formula that asks for it must be left to "
            "the engine by `adds_up`"
        )

    def total(self, kind: str, selection: Selection, measure: str = "") -> Any:
        """A total as `Numbers`; null where no pane has a value, if that makes a difference."""
        span = selection.span
        key = (kind, selection.where, measure)
        whole, scale, nulls = self._sums.total_within(key, span)
        numbers = as_float(whole[self._wanted], scale)
        if self._nulls_count:
            numbers[self._rows_within(span) == (0 if nulls is None else nulls[self._wanted])] = (
                np.nan
            )
        return Numbers(numbers)

    def _rows_within(self, span: Span) -> NDArray[np.int64]:
        if span not in self._rows:
            self._rows[span] = self._sums.rows_within(span)[self._wanted]
        return self._rows[span]
