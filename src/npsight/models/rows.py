"""What a model reads of accounts: named numbers and texts, from a frame or from plain arrays.

A frame costs a fifth of a millisecond a column to look at, whether it has one row or a million;
so what scores one account at a time gives its values as one array, and everything that reads
features asks for `Rows`, which a frame is turned into once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


class Rows(Protocol):
    """Features of accounts, row by row, bound by name."""

    def __len__(self) -> int:
        """Number of rows."""
        ...

    @property
    def columns(self) -> Collection[str]:
        """Names of what is known of the rows."""
        ...

    def numbers(self, names: tuple[str | None, ...]) -> Matrix:
        """A new float64 matrix, shape (rows, names); what is missing or no number is NaN.

        A name that is None gives a column of NaN, for the caller to fill.
        """
        ...

    def texts(self, name: str) -> Sequence[Any]:
        """Values of a category column, shape (rows,); None, NaN or NA where missing."""
        ...


@dataclass(frozen=True)
class FrameRows:
    """Rows of a data frame."""

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def columns(self) -> Collection[str]:
        """The frame's columns."""
        return frozenset(self.frame.columns)

    def numbers(self, names: tuple[str | None, ...]) -> Matrix:
        """See `Rows`."""
        matrix = np.empty((len(self.frame), len(names)), dtype=np.float64)
        for place, name in enumerate(names):
            matrix[:, place] = np.nan if name is None else _numeric(self.frame[name])
        return matrix

    def texts(self, name: str) -> Sequence[Any]:
        """See `Rows`."""
        return list(self.frame[name])


def _numeric(column: pd.Series[Any]) -> Matrix:
    if column.dtype == np.float64:
        numbers: Matrix = column.to_numpy()
        return numbers
    values: Matrix = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return values


@dataclass(frozen=True)
class Layout:
    """The names of an `ArrayRows`: which column of its matrix is which number, and its texts."""

    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    _places: dict[tuple[str | None, ...], NDArray[np.intp]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @cached_property
    def columns(self) -> frozenset[str]:
        """Numbers and texts."""
        return frozenset(self.numbers) | frozenset(self.texts)

    def places(self, names: tuple[str | None, ...]) -> NDArray[np.intp]:
        """Columns of the matrix for these names; a model asks for the same ones again and again.

        Raises
        ------
        KeyError
            A name is no number of this layout.
        """
        found = self._places.get(names)
        if found is None:
            at = {name: place for place, name in enumerate(self.numbers)}
            # The column after the last is NaN throughout.
            found = np.array([len(at) if n is None else at[n] for n in names], dtype=np.intp)
            self._places[names] = found
        return found

    def without(self, absent: Collection[str]) -> Layout:
        """The layout of data that lack some columns."""
        return Layout(
            tuple(name for name in self.numbers if name not in absent),
            tuple(name for name in self.texts if name not in absent),
        )


@dataclass(frozen=True)
class ArrayRows:
    """Rows of one matrix, whose last column is NaN, and of lists of texts by name."""

    layout: Layout
    matrix: Matrix
    words: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def columns(self) -> Collection[str]:
        """The layout's names."""
        return self.layout.columns

    def numbers(self, names: tuple[str | None, ...]) -> Matrix:
        """See `Rows`."""
        return self.matrix[:, self.layout.places(names)]

    def texts(self, name: str) -> Sequence[Any]:
        """See `Rows`."""
        return self.words[name]

    def where(self, picked: NDArray[np.bool_]) -> ArrayRows:
        """The rows for which `picked` is true."""
        if picked.all():
            return self
        chosen = np.flatnonzero(picked).tolist()
        words = {name: [values[i] for i in chosen] for name, values in self.words.items()}
        return ArrayRows(self.layout, self.matrix[picked], words)


def array_rows(layout: Layout, records: Sequence[Mapping[str, Any]]) -> ArrayRows:
    """Rows of plain values by name, as JSON has them: numbers, texts and None.

    What is not of its column's kind counts as missing, so that one row's fault stays its own.
    """
    width = len(layout.numbers)
    matrix = np.full((len(records), width + 1), np.nan)
    for row, record in enumerate(records):
        matrix[row, :width] = _plain_numbers(map(record.get, layout.numbers))
    words = {name: [_plain_text(record.get(name)) for record in records] for name in layout.texts}
    return ArrayRows(layout, matrix, words)


def _plain_numbers(values: Iterable[Any]) -> list[float]:
    return [value if isinstance(value, (float, int)) else np.nan for value in values]


def _plain_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def absent(value: Any) -> bool:
    """Whether a text is missing: None, NaN or NA."""
    # Nothing but NaN differs from itself, and NA cannot tell.
    return value is None or value is pd.NA or bool(value != value)


Features: TypeAlias = pd.DataFrame | Rows
"""What everything that scores accepts."""


def rows_of(features: Features) -> Rows:
    """A frame as rows; rows as they are."""
    return FrameRows(features) if isinstance(features, pd.DataFrame) else features
