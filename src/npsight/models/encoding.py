"""Feature frame -> matrix: columns bound by name, categories by the vocabulary of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.config.specs import FeatureSpec
from npsight.errors import ModelIntegrityError

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureSchema:
    """Names, kinds and category vocabularies of a model's columns, in the model's order.

    `categories[i]` is None for a number, else the known values of column i. `fills[i]` stands in
    for a missing number where training saw none missing (its median there), because a learner
    that never saw a gap would read one as zero; None where gaps are known.
    """

    names: tuple[str, ...]
    categories: tuple[tuple[str, ...] | None, ...]
    monotone: tuple[int, ...]
    fills: tuple[float | None, ...]

    @property
    def categorical(self) -> list[int]:
        """Positions of the category columns."""
        return [i for i, values in enumerate(self.categories) if values is not None]

    def encode(self, frame: pd.DataFrame) -> Matrix:
        """Float64 matrix, shape (rows, features); missing, infinite and unknown values are NaN
        or the column's fill.

        Raises
        ------
        ModelIntegrityError
            The frame lacks a column of the model.
        """
        missing = [name for name in self.names if name not in frame.columns]
        if missing:
            raise ModelIntegrityError(
                f"the data lack {len(missing)} of the model's features: {', '.join(missing[:8])}\n"
                "  → score with the project file the model was trained with, or train again"
            )
        matrix = np.empty((len(frame), len(self.names)), dtype=np.float64)
        for i, (name, values) in enumerate(zip(self.names, self.categories, strict=True)):
            column = frame[name]
            if values is None:
                numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
                fill = self.fills[i]
                absent = np.nan if fill is None else fill
                matrix[:, i] = np.where(np.isfinite(numbers), numbers, absent)
            else:
                codes = pd.Index(values, dtype=object).get_indexer(pd.Index(column, dtype=object))
                matrix[:, i] = np.where(codes < 0, np.nan, codes)
        return matrix


def learn_schema(frame: pd.DataFrame, specs: Sequence[FeatureSpec]) -> FeatureSchema:
    """Vocabularies are the sorted values seen in `frame`; columns that never vary are dropped."""
    names: list[str] = []
    categories: list[tuple[str, ...] | None] = []
    monotone: list[int] = []
    fills: list[float | None] = []
    for spec in specs:
        column = frame[spec.name]
        if column.nunique(dropna=False) < 2:
            continue
        names.append(spec.name)
        monotone.append(spec.monotone)
        if spec.dtype == "category":
            categories.append(tuple(sorted(map(str, column.dropna().unique()))))
            fills.append(None)
        else:
            categories.append(None)
            fills.append(None if column.isna().any() else float(column.median()))
    return FeatureSchema(tuple(names), tuple(categories), tuple(monotone), tuple(fills))
