"""Batches of facts, or of sums by pane, as whole numbers to be added and compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from npsight.features.asked import COUNTED, Asked, Value
from npsight.features.cells import UNIT, whole_numbers
from npsight.features.extremes import NOTHING, Ranked
from npsight.features.panes import Key
from npsight.features.totals import Where

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Amounts:
    """What is added for each row, one for all rows or one each, in as many sums as the total has.

    `most` bounds the size of all of them.
    """

    whole: tuple[NDArray[np.int64] | np.int64, ...]
    most: int


ONE = Amounts((np.int64(1),), 1)


class PaneBatch:
    """A batch of `Asked.panes`."""

    def __init__(self, batch: pa.RecordBatch, asked: Asked) -> None:
        self.scales: dict[Value, int] = {}
        self.nulls: dict[Value, NDArray[np.bool_]] = {}
        self._amounts: dict[Key, Amounts] = {}
        for k, key in enumerate(asked.keys):
            column = batch.column(f"key{k}_")
            whole, scale = whole_numbers(column)
            self._amounts[key] = Amounts((whole,), _size(whole))
            kind, where, measure = key
            if kind not in COUNTED:
                self.scales[where, measure] = scale
                if column.null_count:
                    self.nulls[where, measure] = column.is_null().to_numpy(zero_copy_only=False)

    def amounts(self, key: Key) -> Amounts:
        """The sums of this total that the panes hold."""
        return self._amounts[key]


class FactBatch:
    """A batch of `Asked.facts`."""

    def __init__(self, batch: pa.RecordBatch, asked: Asked) -> None:
        self._batch = batch
        self.scales: dict[Value, int] = {}
        self.nulls: dict[Value, NDArray[np.bool_]] = {}
        self._whole: dict[Value, NDArray[np.int64]] = {}
        for k, value in enumerate(asked.values):
            column = batch.column(f"value{k}_")
            self._whole[value], self.scales[value] = whole_numbers(column)
            if column.null_count:
                self.nulls[value] = column.is_null().to_numpy(zero_copy_only=False)
        self._rows: dict[Where, NDArray[np.bool_]] = {
            where: batch.column(f"rows{k}_").to_numpy().view(bool)
            for k, where in enumerate(asked.wheres)
        }
        self._sizes = {value: _size(whole) for value, whole in self._whole.items()}

    def amounts(self, key: Key) -> Amounts:
        """What each fact adds to a total of `SUMMED`; 0 where it has no value."""
        kind, where, measure = key
        value = (where, measure)
        if kind == "count":
            return Amounts((self._rows[where].astype(np.int64),), 1) if where else ONE
        if kind == "count_of":
            null = self.nulls.get(value)
            return ONE if null is None else Amounts(((~null).astype(np.int64),), 1)
        if kind == "sum":
            return Amounts((self._whole[value],), self._sizes[value])
        if kind == "squares":
            return self._squares(value)
        most = _size(self._day)
        if kind == "days_by_measure":
            return Amounts((self._day * self._whole[value],), most * self._sizes[value])
        days = self._day if value not in self.nulls else np.where(self.nulls[value], 0, self._day)
        return Amounts((days,), most) if kind == "days" else Amounts((days * days,), most**2)

    def _squares(self, value: Value) -> Amounts:
        """Of `a · UNIT + b`: a², 2ab and b², each of which fits where the square does not."""
        above, below = np.divmod(self._whole[value], UNIT)
        most = self._sizes[value] // UNIT + 1
        squares = (above * above, 2 * above * below, below * below)
        return Amounts(squares, max(most**2, 2 * most * UNIT, UNIT**2))

    def to_compare(self, key: Key) -> NDArray[np.int64]:
        """What each fact has for a total of `LARGEST`; the largest is asked for."""
        kind, where, measure = key
        if measure:
            numbers, none = self._whole[where, measure], self.nulls.get((where, measure))
        else:
            numbers, none = self._at, ~self._rows[where] if where else None
        if kind in ("min", "earliest"):
            numbers = -numbers
        return numbers if none is None else np.where(none, NOTHING, numbers)

    def ranked(self, key: Key) -> Ranked:
        """What each fact has for a total of `LAST`."""
        _, where, measure = key
        null = self.nulls.get((where, measure))
        at = self._at if null is None else np.where(null, NOTHING, self._at)
        return Ranked(at, self._known, self._whole[where, measure])

    @cached_property
    def _at(self) -> NDArray[np.int64]:
        return self._microseconds("at_")

    @cached_property
    def _known(self) -> NDArray[np.int64]:
        return self._microseconds("known_")

    @cached_property
    def _day(self) -> NDArray[np.int64]:
        days: NDArray[np.int32] = self._batch.column("day_").to_numpy()
        return days.astype(np.int64)

    def _microseconds(self, name: str) -> NDArray[np.int64]:
        return microseconds(self._batch.column(name))


def microseconds(instants: pa.Array) -> NDArray[np.int64]:
    """Of instants, since 1970-01-01 UTC."""
    return np.asarray(instants.cast(pa.timestamp("us")).view(pa.int64()).to_numpy())


def _size(whole: NDArray[np.int64]) -> int:
    return max(int(whole.max()), -int(whole.min())) if whole.size else 0
