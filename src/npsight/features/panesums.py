"""Features of windows, put together in this process: from facts, or from sums by pane.

The numbers of `Panes.features`, in a fraction of the time where there are many as_of dates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import FORMULAS
from npsight.features.arrays import Instants, Numbers
from npsight.features.asked import COUNTED, LARGEST, LAST, SUMMED, Asked, Value
from npsight.features.cells import (
    MOST_WHOLE,
    Apart,
    Placed,
    Reads,
    TooLargeError,
    Total,
    as_float,
    squares_as_float,
)
from npsight.features.extremes import NOTHING, Behind, Largest, Last
from npsight.features.factbatch import FactBatch, PaneBatch
from npsight.features.panes import Key
from npsight.features.totals import Selection
from npsight.temporal.panes import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Sums:
    """The totals asked of facts or panes, for accounts numbered from 0; added to by batches."""

    def __init__(self, asked: Asked, accounts: int) -> None:
        grid = asked.grid
        self._asked = asked
        self._shape = (len(grid.edges), accounts)
        self._as_ofs = np.array(grid.as_ofs, dtype="datetime64[us]")
        self._reads = {span: Reads.of(grid, span) for span in asked.spans}
        self._on_time = Reads.of(grid, Span(None)).first.astype(np.int16)
        self._rows = self._total()
        self._absent: dict[Value, Total] = {}
        self._scales: dict[Value, int] = {}
        self._most: dict[Key, int] = {}
        self._behind = Behind(self._reads)
        self._summed: dict[Key, list[Total]] = {}
        self._largest: dict[Key, Largest] = {}
        self._last: dict[Key, Last] = {}
        for key in asked.keys:
            if key[0] in LARGEST:
                self._largest[key] = Largest(self._shape, self._behind)
            elif key[0] in LAST:
                self._last[key] = Last(self._shape, self._behind, first=key[0] == "first")
            else:
                self._summed[key] = [self._total() for _ in range(SUMMED[key[0]])]

    def _total(self) -> Total:
        return Total(self._shape, self._reads)

    def add_panes(self, batch: pa.RecordBatch) -> None:
        """Add a batch of `Asked.panes`; errors as for `add_facts`."""
        placed = self._placed(batch)
        self._rows.add(placed, np.int64(1))
        self._add_sums(PaneBatch(batch, self._asked), placed)

    def add_facts(self, batch: pa.RecordBatch) -> None:
        """Add a batch of `Asked.facts`.

        Raises
        ------
        TooLargeError
            A number has more digits than 64 bits hold.
        """
        placed, facts = self._placed(batch), FactBatch(batch, self._asked)
        self._rows.add(placed, np.int64(1))
        self._add_sums(facts, placed)
        if placed.apart is not None and (self._largest or self._last):
            self._behind.parts.append(placed.apart)
        for key, largest in self._largest.items():
            largest.add(placed, facts.to_compare(key))
        for key, last in self._last.items():
            last.add(placed, facts.ranked(key))

    def _add_sums(self, batch: FactBatch | PaneBatch, placed: Placed) -> None:
        for key, totals in self._summed.items():
            amounts = batch.amounts(key)
            self._most[key] = max(self._most.get(key, 0), amounts.most)
            for total, whole in zip(totals, amounts.whole, strict=True):
                total.add(placed, whole)
        for value, null in batch.nulls.items():
            absent = self._absent.setdefault(value, self._total())
            absent.add(placed, null.astype(np.int64))
        self._scales.update(batch.scales)

    def _placed(self, batch: pa.RecordBatch) -> Placed:
        account, pane, seen = (batch.column(c).to_numpy() for c in ("number_", "pane_", "seen_"))
        accounts = self._shape[1]
        cells = np.multiply(pane, accounts, dtype=np.int64)
        cells += account
        apart = seen > self._on_time[pane]
        until = np.full(len(pane), len(self._as_ofs), dtype=np.int16)
        if "gone_" in batch.schema.names:
            until = batch.column("gone_").to_numpy()
            apart |= until < len(self._as_ofs)
        rows = np.flatnonzero(apart)
        if not len(rows):
            return Placed(cells, {}, None)
        some = Apart(rows, account[rows], pane[rows], seen[rows], until[rows])
        hidden = {span: reads.unseen(some, accounts) for span, reads in self._reads.items()}
        return Placed(cells, hidden, some)

    @property
    def apart(self) -> int:
        """How many facts had to be kept."""
        return sum(len(part.rows) for part in self._behind.parts)

    def features(self, places: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """The features (float64; NaN is missing) of the rows at these places: number of the as_of
        × accounts + number of the account. Those with a sum that might not fit are left out.
        """
        most_rows = int(self._rows.cells.sum(axis=0).max(initial=0))
        all_of_them = np.array_equal(places, np.arange(len(self._as_ofs) * self._shape[1]))
        ready = _Ready(
            self,
            slice(None) if all_of_them else places,
            Instants(self._as_ofs[places // self._shape[1]]),
            {key for key, most in self._most.items() if most * most_rows > MOST_WHOLE},
        )
        found = {spec.name: self._feature(ready, spec) for spec in self._asked.specs}
        return {name: values for name, values in found.items() if values is not None}

    @staticmethod
    def _feature(ready: _Ready, spec: FeatureSpec) -> NDArray[np.float64] | None:
        formula: Any = FORMULAS[spec.aggregation]
        try:
            found: Numbers = formula(ready, spec)
        except TooLargeError:
            return None
        return found.fill_null(0.0).values if spec.missing == "zero" else found.values

    @property
    def nulls_count(self) -> bool:
        """Whether it makes a difference that nothing was added up."""
        return not self._asked.zero_means_none

    def rows_within(self, span: Span) -> NDArray[np.int64]:
        """How many facts or panes each as_of sees in the window, for each account."""
        return self._rows.within(span).ravel()

    def absent_within(self, value: Value, span: Span) -> NDArray[np.int64] | None:
        """In how many of them the value is null; None: in no fact at all."""
        absent = self._absent.get(value)
        return None if absent is None else absent.within(span).ravel()

    def sum_within(self, key: Key, span: Span) -> NDArray[np.float64]:
        """A total of `SUMMED`, whatever stands for none."""
        kind, where, measure = key
        wholes = [total.within(span).ravel() for total in self._summed[key]]
        if kind == "squares":
            return squares_as_float(*wholes)
        scaled = measure and kind in ("sum", "days_by_measure")
        return as_float(wholes[0], self._scales.get((where, measure), 0) if scaled else 0)

    def value_within(self, key: Key, span: Span) -> NDArray[np.float64]:
        """A value of `LAST`, or the least or largest one; NaN where there is none."""
        kind, where, measure = key
        if key in self._last:
            whole, there = (found.ravel() for found in self._last[key].within(span))
        else:
            whole = self.extreme_within(key, span)
            there = whole != NOTHING
            whole = -whole if kind == "min" else whole
        floats = as_float(np.where(there, whole, 0), self._scales.get((where, measure), 0))
        floats[~there] = np.nan
        return floats

    def extreme_within(self, key: Key, span: Span) -> NDArray[np.int64]:
        """A total of `LARGEST` as it was compared; `NOTHING` where there is none."""
        return self._largest[key].within(span).ravel()


class _Ready:
    """Totals of the wanted places, as arrays; see `features.totals.Totals`."""

    def __init__(
        self,
        sums: Sums,
        wanted: slice | NDArray[np.int64],
        as_of: Instants,
        too_large: set[Key],
    ) -> None:
        self.as_of = as_of
        self._sums = sums
        self._wanted = wanted
        self._too_large = too_large
        self._rows: dict[Span, NDArray[np.int64]] = {}

    def total(self, kind: str, selection: Selection, measure: str = "") -> Any:
        """A total as `Numbers` or `Instants`; null where no fact has a value, if that makes a
        difference.
        """
        span = selection.span
        key = (kind, selection.where, measure)
        if key in self._too_large:
            raise TooLargeError
        if kind in LAST or (kind in LARGEST and measure):
            return Numbers(self._sums.value_within(key, span)[self._wanted])
        if kind in LARGEST:
            found = self._sums.extreme_within(key, span)[self._wanted]
            return Instants((-found if kind == "earliest" else found).view("datetime64[us]"))
        numbers = self._sums.sum_within(key, span)[self._wanted]
        if self._sums.nulls_count:
            numbers[self._rows_within(span) == self._absent_within(key, span)] = np.nan
        return Numbers(numbers)

    def _absent_within(self, key: Key, span: Span) -> NDArray[np.int64] | int:
        kind, where, measure = key
        absent = None if kind in COUNTED else self._sums.absent_within((where, measure), span)
        return 0 if absent is None else absent[self._wanted]

    def _rows_within(self, span: Span) -> NDArray[np.int64]:
        if span not in self._rows:
            self._rows[span] = self._sums.rows_within(span)[self._wanted]
        return self._rows[span]
