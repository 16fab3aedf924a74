"""Array types, and the few numeric helpers several tables need.

Inside the simulator an instant is a float: days since the first simulated day at 00:00 UTC.
NaN means that it never happened. Only the writer turns such days into timestamps.
"""

from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Bools",
    "Floats",
    "Ints",
    "Texts",
    "expit",
    "nearest_day",
    "normal_cdf",
    "pick",
    "sequence_in_group",
    "working_hours",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.object_]

_TAIL = 6.0
_STEPS = 6000


def _cdf_table() -> Floats:
    """Return the standard normal distribution function on an even grid over [-6, 6]."""
    grid = np.linspace(-_TAIL, _TAIL, _STEPS + 1)
    return np.array([0.5 * erfc(-value / sqrt(2)) for value in grid])


_CDF = _cdf_table()


def normal_cdf(values: Floats) -> Floats:
    """Return P(Z < value), Z standard normal; absolute error below 2e-7.

    A table with linear interpolation: the truth needs tens of millions of values, and SciPy
    is not among the simulator's dependencies.
    """
    position = np.clip((values + _TAIL) * (_STEPS / (2 * _TAIL)), 0.0, _STEPS - 1e-6)
    below = position.astype(np.int64)
    left = _CDF[below]
    result: Floats = left + (position - below) * (_CDF[below + 1] - left)
    return result


def expit(values: Floats) -> Floats:
    """Return the logistic function."""
    result: Floats = 1.0 / (1.0 + np.exp(-values))
    return result


def nearest_day(days: Floats | Ints, limit: int) -> Ints:
    """Return the whole day an instant falls in, clipped to ``[0, limit)``; NaN becomes 0."""
    return np.clip(np.floor(np.nan_to_num(days)), 0, limit - 1).astype(np.int64)


def working_hours(rng: np.random.Generator, count: int) -> Floats:
    """Return times of day between 08:00 and 18:00, in days."""
    return rng.uniform(8 / 24, 18 / 24, count)


def pick(rng: np.random.Generator, shares: Floats) -> Ints:
    """Draw one column per row of `shares` (rows, choices), which need not add up to 1."""
    edges = np.cumsum(shares, axis=1)
    draw = rng.random(len(shares)) * edges[:, -1]
    result: Ints = (draw[:, None] >= edges[:, :-1]).sum(axis=1).astype(np.int64)
    return result


def sequence_in_group(groups: Ints) -> Ints:
    """Return 0, 1, 2, ... within each run of equal values of a sorted array."""
    position = np.arange(len(groups))
    first = np.r_[True, groups[1:] != groups[:-1]] if len(groups) else np.zeros(0, bool)
    result: Ints = position - np.maximum.accumulate(np.where(first, position, 0))
    return result
