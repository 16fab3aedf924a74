"""What formulas ask of a column, answered by an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis.expr.datatypes as dt
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers (float64, NaN is null) with the methods of an Ibis column that formulas use."""

    values: NDArray[np.float64]

    def cast(self, kind: dt.DataType) -> Numbers:
        """Itself, since all are float64."""
        if kind != dt.float64:
            raise NotImplementedError(
                f"arrays of numbers are float64, not {kind}: a formula that casts to something "
                "else must be left to the engine by `in_arrays`"
            )
        return self

    def nullif(self, value: float) -> Numbers:
        """Null where it is this value."""
        return Numbers(np.where(self.values == value, np.nan, self.values))

    def fill_null(self, value: float) -> Numbers:
        """Nulls as this value."""
        nulls = np.isnan(self.values)
        return Numbers(np.where(nulls, value, self.values)) if nulls.any() else self

    def abs(self) -> Numbers:
        """Without its sign."""
        return Numbers(np.abs(self.values))

    def sqrt(self) -> Numbers:
        """The square root of numbers that are not negative."""
        return Numbers(np.sqrt(self.values))

    def __add__(self, other: Any) -> Numbers:
        return Numbers(self.values + _values(other))

    def __sub__(self, other: Any) -> Numbers:
        return Numbers(self.values - _values(other))

    def __mul__(self, other: Any) -> Numbers:
        with np.errstate(over="ignore"):
            return Numbers(self.values * _values(other))

    def __truediv__(self, other: Any) -> Numbers:
        with np.errstate(over="ignore"):  # by the least of numbers: infinite, as in the engine
            return Numbers(self.values / _values(other))

    def __le__(self, other: Any) -> Truths:
        return Truths(self.values <= _values(other))


@dataclass(frozen=True, eq=False)
class Truths:
    """Whether something holds; not so where it is not known."""

    values: NDArray[np.bool_]

    def ifelse(self, yes: Any, no: Any) -> Numbers:
        """One where it holds, else the other."""
        return Numbers(np.where(self.values, _values(yes), _values(no)))


@dataclass(frozen=True, eq=False)
class Instants:
    """Instants (datetime64[us], NaT is null)."""

    values: NDArray[np.datetime64]

    def delta(self, earlier: Instants, unit: str) -> Numbers:
        """Microseconds since the earlier instant."""
        if unit != "microsecond":
            raise NotImplementedError(
                f"instants are microseconds apart here, not {unit}s, so that no part of one is "
                "lost: a formula should ask for microseconds and divide"
            )
        passed = self.values - earlier.values
        return Numbers(np.where(np.isnat(passed), np.nan, passed.astype(np.int64)))


def _values(other: Any) -> Any:
    return other.values if isinstance(other, Numbers) else other
