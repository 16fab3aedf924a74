"""The one-rule benchmark: one feature ranks the accounts, as a spreadsheet would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsight.models.calibration import fit_calibration
from npsight.models.examples import Examples
from npsight.models.logits import Vector, probability


@dataclass(frozen=True)
class Rule:
    """Probability from one feature's rank among the training rows; direction learned there.

    Rows without the feature get the rate of such rows in training.
    """

    feature: str
    ranks: Vector
    sign: float
    shift: float
    slope: float
    missing_rate: float

    def probability(self, frame: pd.DataFrame) -> Vector:
        """Shape (rows,); strictly monotone in the feature's training rank."""
        values = pd.to_numeric(frame[self.feature], errors="coerce").to_numpy(np.float64)
        known = ~np.isnan(values)
        result = np.full(len(values), self.missing_rate)
        z = self.sign * _rank(values[known], self.ranks)
        result[known] = probability(self.shift + self.slope * z)
        return result


def fit_rule(feature: str, rows: Examples) -> Rule:
    """Fit direction and level of a one-feature rule."""
    values = pd.to_numeric(rows.frame[feature], errors="coerce").to_numpy(np.float64)
    known = ~np.isnan(values)
    base = float(np.average(rows.share, weights=rows.weight))
    blank = ~known
    missing_rate = base
    if blank.any():
        missing_rate = float(
            (rows.share[blank] @ rows.weight[blank] + base) / (rows.weight[blank].sum() + 1)
        )
    if not known.any():
        return Rule(feature, np.zeros(1), 1.0, 0.0, 0.0, missing_rate)
    ranks = np.sort(values[known])
    z = _rank(values[known], ranks)
    share, weight = rows.share[known], rows.weight[known]
    centred = z - np.average(z, weights=weight)
    sign = 1.0 if float((weight * centred) @ share) >= 0 else -1.0
    found = fit_calibration(sign * z, share, weight)
    return Rule(feature, ranks, sign, found.shift, found.slope, missing_rate)


def _rank(values: Vector, ranks: Vector) -> Vector:
    """Position among the training values, −2 to 2; values beyond them keep their order."""
    low = np.searchsorted(ranks, values, side="left")
    high = np.searchsorted(ranks, values, side="right")
    position = (low + high) / (2 * len(ranks))
    span = max(float(ranks[-1] - ranks[0]), 1e-9)
    nudge = 1e-6 * np.tanh((values - ranks[0]) / span)
    return np.asarray(4 * position - 2 + nudge, dtype=np.float64)
