"""A model and its training rows -> what its drivers add over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from npsight.drivers.absent import Outcome, absent, fitted_shift
from npsight.drivers.explain import groups_of, outcome_of
from npsight.drivers.points import grouped
from npsight.models.encoding import Matrix
from npsight.models.logits import Vector
from npsight.models.model import Model
from npsight.models.part import PartModel
from npsight.models.typical import Typical

MOST_ROWS = 4_000
"""Rows whose contributions are computed; the means of predictions are those of all rows."""
DIGITS = 9


def with_typical(model: Model, rows: Mapping[str, tuple[pd.DataFrame, Vector]]) -> Model:
    """The model with `typical` learned from `rows`: part name -> training rows and weights.

    Detractor risk and NPS start from the means over the rows of `detractor`, churn risk from
    that over the rows of `churn`.
    """
    found: dict[str, Typical] = {}
    for name, parts in (
        ("risk", [model.detractor]),
        ("nps", [model.detractor, model.promoter]),
        ("churn", [model.churn]),
    ):
        present = [part for part in parts if part is not None]
        if len(present) == len(parts) and len(rows[present[0].name][0]):
            frame, weight = rows[present[0].name]
            found[name] = _typical(model, present, frame, weight)
    return replace(model, typical=found)


def _typical(
    model: Model, parts: Sequence[PartModel], frame: pd.DataFrame, weight: Vector
) -> Typical:
    group_of = groups_of(model)
    groups = tuple(dict.fromkeys(group_of.values()))
    every = slice(None, None, max(1, -(-len(frame) // MOST_ROWS)))
    some = frame.iloc[every].reset_index(drop=True)
    splits = [part.contributions(some) for part in parts]
    added = np.hstack([grouped(split, group_of, groups) for split in splits])
    mean = np.average(added, axis=0, weights=weight[every])
    covariance = _covariance(added, mean, weight[every])
    unshifted = Typical(
        groups=groups,
        means=tuple(map(_rounded, mean.reshape(len(parts), -1))),
        covariance=tuple(map(_rounded, covariance)),
        shifts=(0.0,) * len(parts),
    )
    bases = [split.base for split in splits]
    return _shifted(unshifted, parts, bases, frame, weight)


def _covariance(added: Matrix, mean: Vector, weight: Vector) -> Matrix:
    away = added - mean
    return np.asarray((away * weight[:, None]).T @ away / weight.sum())


def _rounded(values: Vector) -> tuple[float, ...]:
    return tuple(round(float(value), DIGITS) for value in values)


def _shifted(
    typical: Typical,
    parts: Sequence[PartModel],
    bases: Sequence[float],
    frame: pd.DataFrame,
    weight: Vector,
) -> Typical:
    """With the shifts that make the expected numbers the means over the training rows.

    The first part's by its own probability, the second's by the number of both.
    """
    raws = [part.raw(frame)[:, None] for part in parts]
    for place in range(len(parts)):
        outcome = _of_first(parts, place + 1)
        wanted = float(np.average(outcome(raws)[:, 0], weights=weight))
        expected = partial(_of_nobody, typical, bases, outcome, place)
        typical = _with_shift(typical, place, fitted_shift(expected, wanted))
    return typical


def _of_first(parts: Sequence[PartModel], count: int) -> Outcome:
    """The number of the first parts, given the log-odds of all."""
    outcome = outcome_of(parts[:count])
    return lambda raws: outcome(raws[:count])


def _of_nobody(
    typical: Typical, bases: Sequence[float], outcome: Outcome, place: int, shift: float
) -> float:
    """The number expected without knowing any driver of a row, with this shift of one part."""
    nobody = np.zeros((len(typical.groups), 1))
    left_out = absent(_with_shift(typical, place, shift), typical.groups, nobody)
    raws = [np.full((1, 1), base) for base in bases]
    return float(left_out.expected(raws, outcome)[0, 0])


def _with_shift(typical: Typical, place: int, shift: float) -> Typical:
    shifts = (*typical.shifts[:place], shift, *typical.shifts[place + 1 :])
    return replace(typical, shifts=shifts)
