"""The columns that a regression is made on: standardised numbers, absences and values.

Numbers go through sign(x)·log(1 + |x|/scale) first, so that one huge account does not bend the
line; a missing number is its mean (z = 0) with a column of its own for being missing; a category
is one column a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from npsight.models.encoding import FeatureSchema, Matrix
from npsight.models.logits import Vector

LIMIT = 4.0
"""Standardised values are cut here, in standard deviations."""
AT_ONCE = 2_000
"""Rows of a design that are computed at once: few enough to stay near the processor."""


@dataclass(frozen=True)
class Column:
    """One column of the design: of a number (`value` None), its absence ("missing"), or a
    category's value (its code).
    """

    feature: int
    value: float | None
    missing: bool
    scale: float
    mean: float
    deviation: float

    @property
    def is_value(self) -> bool:
        """Whether it tells one value of a category."""
        return self.value is not None and not self.missing

    @property
    def is_number(self) -> bool:
        """Whether it is a number's own column."""
        return self.value is None and not self.missing


def design_columns(matrix: Matrix, schema: FeatureSchema, weight: Vector) -> tuple[Column, ...]:
    """The columns of the design, with scales and means learned from the training rows."""
    found: list[Column] = []
    for feature, values in enumerate(schema.categories):
        data = matrix[:, feature]
        if values is None:
            found += _number_columns(data, feature, weight)
        else:
            found += [
                column
                for code in range(len(values))
                if (column := _standardised((data == code) * 1.0, weight, feature, float(code)))
            ]
    return tuple(found)


def _number_columns(data: Vector, feature: int, weight: Vector) -> Iterator[Column]:
    known = ~np.isnan(data)
    if known.any():
        typical = float(np.median(np.abs(data[known])))
        scale = typical if typical > 0 else float(np.max(np.abs(data[known]))) or 1.0
        squeezed = _squeeze(data[known], scale)
        column = _standardised(squeezed, weight[known], feature, None, scale=scale)
        if column is not None:
            yield column
    if not known.all():
        absent = _standardised((~known) * 1.0, weight, feature, None, missing=True)
        if absent is not None:
            yield absent


def _standardised(
    data: Vector,
    weight: Vector,
    feature: int,
    value: float | None,
    scale: float = 1.0,
    missing: bool = False,
) -> Column | None:
    mean = float(np.average(data, weights=weight))
    deviation = float(np.sqrt(np.average((data - mean) ** 2, weights=weight)))
    if not deviation > 1e-9:
        return None
    return Column(feature, value, missing, scale, mean, deviation)


def _squeeze(data: Vector | Matrix, scale: float | Vector) -> Vector | Matrix:
    return np.asarray(np.sign(data) * np.log1p(np.abs(data) / scale), dtype=np.float64)


class Design:
    """The columns of a design, those of a kind computed together."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.numbers = _OfKind([(j, c) for j, c in enumerate(columns) if c.is_number])
        self.absent = _OfKind([(j, c) for j, c in enumerate(columns) if c.missing])
        self.values = _OfKind([(j, c) for j, c in enumerate(columns) if c.is_value])
        self.mean = np.array([c.mean for c in columns])
        self.deviation = np.array([c.deviation for c in columns])

    def of(self, matrix: Matrix) -> Matrix:
        """Standardised columns, shape (rows, columns); of what is missing 0."""
        design = np.empty((len(matrix), len(self.mean)))
        for start in range(0, len(matrix), AT_ONCE):
            self._write(matrix[start : start + AT_ONCE], design[start : start + AT_ONCE])
        return design

    def _write(self, matrix: Matrix, design: Matrix) -> None:
        if self.numbers:
            design[:, self.numbers.places] = _squeeze(
                matrix[:, self.numbers.features], self.numbers.scale
            )
        if self.absent:
            design[:, self.absent.places] = np.isnan(matrix[:, self.absent.features])
        if self.values:
            design[:, self.values.places] = matrix[:, self.values.features] == self.values.value
        design -= self.mean
        design /= self.deviation
        np.maximum(design, -LIMIT, out=design)
        np.minimum(design, LIMIT, out=design)
        design[np.isnan(design)] = 0.0


class _OfKind:
    """Columns of one kind: their places in the design, and what they are made of."""

    def __init__(self, columns: list[tuple[int, Column]]) -> None:
        self.places = np.array([j for j, _ in columns], dtype=np.intp)
        self.features = np.array([c.feature for _, c in columns], dtype=np.intp)
        self.scale = np.array([c.scale for _, c in columns])
        self.value = np.array([c.value for _, c in columns], dtype=np.float64)

    def __bool__(self) -> bool:
        return len(self.places) > 0
