"""Feature frame -> matrix: columns bound by name, categories by the vocabulary of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from npsight.config.specs import FeatureSpec
from npsight.errors import ModelIntegrityError
from npsight.models.logits import Vector
from npsight.models.rows import Features, Matrix, rows_of

__all__ = ["FeatureSchema", "Matrix", "learn_schema"]


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

    @cached_property
    def _numbers(self) -> tuple[str | None, ...]:
        """Names of the number columns, None in the place of a category."""
        both = zip(self.names, self.categories, strict=True)
        return tuple(name if values is None else None for name, values in both)

    @cached_property
    def _codes(self) -> tuple[tuple[int, str, dict[str, int]], ...]:
        """Place, name and codes of each category column."""
        return tuple(
            (i, self.names[i], {value: code for code, value in enumerate(self.categories[i] or ())})
            for i in self.categorical
        )

    @cached_property
    def _fills(self) -> Vector:
        return np.array([np.nan if fill is None else fill for fill in self.fills])

    def encode(self, features: Features) -> Matrix:
        """Float64 matrix, shape (rows, features); missing, infinite and unknown values are NaN
        or the column's fill.

        Raises
        ------
        ModelIntegrityError
            The features lack a column of the model.
        """
        rows = rows_of(features)
        known = rows.columns
        missing = [name for name in self.names if name not in known]
        if missing:
            raise ModelIntegrityError(
                f"the data lack {len(missing)} of the model's features: {', '.join(missing[:8])}\n"
                "  → score with the project file the model was trained with, or train again"
            )
        matrix = rows.numbers(self._numbers)
        np.copyto(matrix, self._fills, where=~np.isfinite(matrix))
        for place, name, codes in self._codes:
            matrix[:, place] = [codes.get(value, np.nan) for value in rows.texts(name)]
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
