"""What is expected of the drivers that a set leaves out: normal, as over the training rows.

For a set S of drivers, the log-odds of the others are taken as normal with the mean and the
covariance that they have over the training rows, and the displayed number is averaged over them
by Gauss-Hermite quadrature. A shift in proportion to the variance left out makes up for what is
not normal, so that the number expected of nobody in particular is the mean over the training rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import brentq

from npsight.models.encoding import Matrix
from npsight.models.logits import Vector
from npsight.models.typical import Typical

Outcome = Callable[[Sequence[Matrix]], Matrix]
"""Log-odds of each part, shape (rows, subsets) -> the displayed number, the same shape."""
NODES = {1: 7, 2: 5}
"""Quadrature nodes for each part, by the number of parts."""
MANY = 10
FEW_NODES = 3
"""With more drivers than `MANY` there are so many subsets that fewer nodes must do."""
FAR = 30.0
"""No shift is larger, in log-odds."""


@dataclass(frozen=True)
class Absent:
    """The log-odds to add to each part for what a subset leaves out, and their weights.

    `nodes` holds (weight, log-odds of each part by subset); the weights add up to 1. A subset
    that leaves nothing out has zeros.
    """

    nodes: tuple[tuple[float, tuple[Vector, ...]], ...]

    def expected(self, raws: Sequence[Matrix], outcome: Outcome) -> Matrix:
        """The displayed number expected for each row and subset, shape (rows, subsets)."""
        total = np.zeros_like(raws[0])
        for weight, added in self.nodes:
            total += weight * outcome([raw + a for raw, a in zip(raws, added, strict=True)])
        return total

    def first(self) -> Absent:
        """Of the first subset alone, the one that leaves everything out."""
        return Absent(tuple((weight, tuple(a[:1] for a in added)) for weight, added in self.nodes))


def nothing_expected(parts: int, subsets: int) -> Absent:
    """What is left out counts as its mean in log-odds, zero."""
    return Absent(((1.0, tuple(np.zeros(subsets) for _ in range(parts))),))


def absent(typical: Typical, groups: Sequence[str], member: Matrix) -> Absent:
    """What `typical` expects of the groups outside each subset.

    `member` has shape (groups, subsets), 1 where the group is in the subset. Drivers of
    `typical` that are not among `groups` add nothing to anybody and are not expected to.
    """
    parts, at = len(typical.means), [typical.groups.index(group) for group in groups]
    out = 1.0 - member
    means = np.asarray(typical.means)[:, at] @ out
    nodes = NODES[parts] if len(typical.groups) <= MANY else FEW_NODES
    blocks = _covariances(typical, at, out)
    whole = [max(block[0], 0.0) for block in (blocks[p][p] for p in range(parts))]
    shifts = [
        shift * (blocks[p][p] / whole[p] if whole[p] > 0 else np.zeros(out.shape[1]))
        for p, shift in enumerate(typical.shifts)
    ]
    centre = [means[p] + shifts[p] for p in range(parts)]
    return Absent(
        tuple(
            (weight, tuple(c + d for c, d in zip(centre, away, strict=True)))
            for weight, away in _deviations(blocks, nodes)
        )
    )


def _covariances(typical: Typical, at: Sequence[int], out: Matrix) -> list[list[Vector]]:
    """Covariance, between two parts, of what each subset leaves out: [part][part] by subset."""
    count, parts = len(typical.groups), len(typical.means)
    whole = np.asarray(typical.covariance).reshape(parts, count, parts, count)
    return [
        [((whole[p][:, q][np.ix_(at, at)] @ out) * out).sum(axis=0) for q in range(parts)]
        for p in range(parts)
    ]


def _deviations(blocks: list[list[Vector]], nodes: int) -> Iterator[tuple[float, list[Vector]]]:
    """Quadrature nodes of each subset's normal: (weight, deviation of each part)."""
    parts = len(blocks)
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    first = np.sqrt(np.maximum(blocks[0][0], 0.0))
    if parts == 1:
        for z, weight in zip(points, weights, strict=True):
            yield float(weight), [z * first]
        return
    slope = np.divide(blocks[1][0], first, out=np.zeros_like(first), where=first > 0)
    rest = np.sqrt(np.maximum(blocks[1][1] - slope**2, 0.0))
    for (y, v), (z, w) in product(zip(points, weights, strict=True), repeat=2):
        yield float(v * w), [y * first, y * slope + z * rest]


def fitted_shift(expected: Callable[[float], float], mean: float) -> float:
    """The shift with which what is expected of nobody in particular is `mean`.

    `expected` rises with the shift. A mean beyond its reach gets the nearest it has.
    """
    low, high = expected(-FAR), expected(FAR)
    if not low < mean < high:
        return 0.0
    return float(brentq(lambda shift: expected(shift) - mean, -FAR, FAR, xtol=1e-14, rtol=1e-14))
