"""Counts and sums of panes, put together in this process instead of by a join.

The numbers of `Panes.features`, in a fraction of the time where there are many as_of dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import FORMULAS
from npsight.features.arrays import Numbers
from npsight.features.cells import (
    MOST_WHOLE,
    Placed,
    Reads,
    TooLargeError,
    Total,
    as_float,
    whole_numbers,
)
from npsight.features.panes import Key, Panes, totals_asked
from npsight.features.totals import Selection
from npsight.temporal.panes import Span

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

KINDS = frozenset({"count", "count_of", "sum"})
"""Totals that fit into whole numbers of 64 bits in all but monstrous data."""


def adds_up(source: ir.Table, spec: FeatureSpec) -> bool:
    """Whether all that the feature's formula asks for is counts, and sums of exact numbers."""
    return spec.aggregation in FORMULAS and all(
        kind in KINDS and (not measure or _exact(source[measure]))
        for (kind, _, measure), _ in totals_asked(source, spec)
    )


def _exact(column: ir.Column) -> bool:
    return bool(column.type().is_decimal() or column.type().is_integer())


@dataclass(frozen=True)
class Asked:
    """The totals that some features ask of panes: a key and a window each."""

    panes: Panes
    totals: tuple[tuple[Key, Span], ...]
    specs: tuple[FeatureSpec, ...]

    @classmethod
    def of(cls, panes: Panes, source: ir.Table, specs: Sequence[FeatureSpec]) -> Asked:
        """What these features, which all add up, ask for."""
        totals = {total: None for spec in specs for total in totals_asked(source, spec)}
        return cls(panes, tuple(totals), tuple(specs))

    @property
    def keys(self) -> tuple[Key, ...]:
        """The totals whatever their windows, each once."""
        return tuple(dict.fromkeys(key for key, _ in self.totals))

    @property
    def spans(self) -> tuple[Span, ...]:
        """The windows, each once."""
        return tuple(dict.fromkeys(span for _, span in self.totals))

    def bytes_for(self, accounts: int) -> int:
        """Memory that the arrays of so many accounts take at most, nulls in every column."""
        by_span = len(self.spans) * (len(self.panes.grid.as_ofs) + 1)
        arrays = 1 + 2 * len(self.keys)
        return 8 * accounts * arrays * (len(self.panes.grid.edges) + by_span)

    def stream(self, accounts: ir.Table) -> ir.Table:
        """The panes of these accounts (`account`, `number_` from 0): `number_`, the pane's own
        numbers, and a column for each of `keys`.
        """
        panes = self.panes.table
        numbered = panes.join(accounts, panes.account == accounts.account)
        slots = [c for c in ("pane_", "seen_", "gone_") if c in panes.columns]
        return numbered.select(
            accounts.number_.cast("int32"),
            **{slot: panes[slot].cast("int16") for slot in slots},
            **{f"key{k}_": panes[self.panes.prefixes[key]] for k, key in enumerate(self.keys)},
        )


class Sums:
    """The totals asked of panes, for accounts numbered from 0; added to batch by batch."""

    def __init__(self, asked: Asked, accounts: int) -> None:
        grid = asked.panes.grid
        self._asked = asked
        self._shape = (len(grid.edges), accounts)
        self._as_ofs = len(grid.as_ofs)
        self._reads = {span: Reads.of(grid, span) for span in asked.spans}
        self._on_time = Reads.of(grid, Span(None)).first
        self._rows = self._total()
        self._sums = [self._total() for _ in asked.keys]
        self._absent: dict[int, Total] = {}
        self._scales = [0 for _ in asked.keys]
        self._largest = 0

    def _total(self) -> Total:
        return Total(self._shape, self._reads)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the panes of a batch of `Asked.stream`.

        Raises
        ------
        TooLargeError
            A sum does not fit.
        """
        panes = self._placed(batch)
        self._rows.add(panes, np.int64(1))
        for k, total in enumerate(self._sums):
            column = batch.column(f"key{k}_")
            if column.null_count:
                absent = self._absent.setdefault(k, self._total())
                absent.add(panes, column.is_null().to_numpy(zero_copy_only=False).astype("int64"))
            whole, self._scales[k] = whole_numbers(column)
            if whole.size:
                self._largest = max(self._largest, int(whole.max()), -int(whole.min()))
            total.add(panes, whole)

    def _placed(self, batch: pa.RecordBatch) -> Placed:
        account, pane, seen = (batch.column(c).to_numpy() for c in ("number_", "pane_", "seen_"))
        gone = batch.column("gone_").to_numpy() if "gone_" in batch.schema.names else None
        hidden = seen > self._on_time[pane]
        if gone is not None:
            hidden |= gone < self._as_ofs
        rows = np.flatnonzero(hidden)
        until = np.full(len(rows), self._as_ofs) if gone is None else gone[rows]
        cell = np.multiply(pane, self._shape[1], dtype=np.int64) + account
        return Placed(cell, rows, account[rows], pane[rows], seen[rows], until)

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
        ready = _Ready(self, slice(None) if all_of_them else places)
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

    def __init__(self, sums: Sums, wanted: slice | NDArray[np.int64]) -> None:
        self._sums = sums
        self._wanted = wanted
        self._rows: dict[Span, NDArray[np.int64]] = {}

    @property
    def as_of(self) -> Any:
        raise NotImplementedError("counts and sums do not depend on as_of")

    def total(self, kind: str, selection: Selection, measure: str = "") -> Any:
        """A total as `Numbers`; null where no pane has a value."""
        span = selection.span
        if span not in self._rows:
            self._rows[span] = self._sums.rows_within(span)[self._wanted]
        key = (kind, selection.where, measure)
        whole, scale, nulls = self._sums.total_within(key, span)
        numbers = as_float(whole[self._wanted], scale)
        numbers[self._rows[span] == (0 if nulls is None else nulls[self._wanted])] = np.nan
        return Numbers(numbers)
