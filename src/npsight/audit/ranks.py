"""Partial correlation: what two columns share beyond a third."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from npsight.models.logits import Vector

NOTHING = 1e-9


def partial(a: Vector, b: Vector, given: Vector) -> float:
    """Correlation of `a` and `b` once `given` is taken out of both; 0 where nothing is left.

    (r_ab − r_ag r_bg) / √((1 − r_ag²)(1 − r_bg²)).
    """
    with_g = _correlation(a, given), _correlation(b, given)
    left = (1 - with_g[0] ** 2) * (1 - with_g[1] ** 2)
    if left < NOTHING:
        return 0.0
    return float((_correlation(a, b) - with_g[0] * with_g[1]) / np.sqrt(left))


def partial_ranks(a: Vector, b: Vector, given: Vector) -> float:
    """The same of ranks (Spearman)."""
    return partial(rankdata(a), rankdata(b), rankdata(given))


def _correlation(a: Vector, b: Vector) -> float:
    x, y = a - a.mean(), b - b.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > NOTHING else 0.0
