"""Whether the advice of a driver fits what was found.

A driver's play is about a problem: open tickets, a tool that is not used. What raises a risk may be
the very absence of that problem, as where few tickets stand for few users. So it is learned from
all accounts of a run whether more or less of a feature goes together with a higher risk, and a
finding must lie on that side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from npsight.config.specs import FeatureSpec
from npsight.drivers.explain import Explanation
from npsight.models.logits import Vector
from npsight.models.rows import Features, rows_of

Side = Mapping[str, int]
"""Feature name -> +1 where more of it goes together with a higher risk, −1 where less does."""

WORTH_ADVICE = 0.005
"""Points of a risk, in probability, from which on a driver is worth a word on the phone."""
FEWEST = 20
"""Accounts with a value that are needed to tell which side is worse."""
CLEAR = 0.3
"""Rank correlation of value and contribution from which on a side is the worse one."""
LONGEST_WHERE_MISSING = frozenset(
    {
        *("days_since_first", "days_since_last", "longest_gap", "mean_gap"),
        *("days_until_end", "days_until_next", "days_until_renewal"),
    }
)
"""Aggregations that are missing because it never was, or never will be: the longest of times."""


def worse_sides(
    explanation: Explanation, features: Features, specs: Sequence[FeatureSpec]
) -> dict[str, dict[str, int]]:
    """Target -> the worse side of its number features; a feature without a clear one is left out.

    `features` are the rows of the explanation.
    """
    rows = rows_of(features)
    names = tuple(s.name for s in specs if s.dtype == "number" and s.name in rows.columns)
    values = rows.numbers(names)
    found: dict[str, dict[str, int]] = {}
    for target in ("detractor", "churn"):
        if (split := explanation.contributions.get(target)) is None:
            continue
        added = {term: split.values[:, i] for i, term in enumerate(split.terms)}
        sides = {n: _side(values[:, i], added[n]) for i, n in enumerate(names) if n in added}
        found[target] = {name: side for name, side in sides.items() if side}
    return found


def _side(values: Vector, added: Vector) -> int:
    from scipy.stats import rankdata

    known = np.isfinite(values)
    if known.sum() < FEWEST or np.ptp(values[known]) == 0 or np.ptp(added[known]) == 0:
        return 0
    ranks = rankdata(values[known]), rankdata(added[known])
    together = float(np.corrcoef(*ranks)[0, 1])
    return int(np.sign(together)) if abs(together) >= CLEAR else 0


def fits(
    spec: FeatureSpec, side: int, values: Vector, before: Vector, usual: Vector
) -> NDArray[np.bool_]:
    """Whether each value is a finding: as bad as `usual`, or worse than `before`.

    Where more is worse, nothing at all is no finding, however usual it is. Where no side is
    clearly worse (0), everything is one that is on record.

    Parameters
    ----------
    values, before
        Now and one period ago. NaN where missing: the least of an amount, the longest of a time
        that is not over.
    usual
        The median of the peers; NaN where nobody has the feature.
    """
    if side == 0:
        return np.asarray(~np.isnan(values))
    missing = np.inf if spec.aggregation in LONGEST_WHERE_MISSING else -np.inf
    shown = np.where(np.isnan(values), missing, values)
    past = np.where(np.isnan(before), shown, before)
    median = np.where(np.isnan(usual), shown, usual)
    worse = (side * shown >= side * median) | (side * shown > side * past)
    return np.asarray(worse & ((side < 0) | (shown > 0) | (shown > median)))
