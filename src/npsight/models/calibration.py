"""Log-odds -> probability, monotone and clipped, learned on out-of-time predictions only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from npsight.models.logits import Vector, log_loss_rows, probability

RIDGE = 10.0
"""Pull towards "change nothing", in answers' worth of log loss."""


@dataclass(frozen=True)
class Calibration:
    """p = clip(1 / (1 + exp(−(shift + slope·raw))), low, high), slope > 0 (Platt 1999)."""

    shift: float = 0.0
    slope: float = 1.0
    low: float = 0.001
    high: float = 0.999

    def apply(self, raw: Vector) -> Vector:
        """Probabilities of log-odds; strictly between 0 and 1."""
        return np.clip(probability(self.shift + self.slope * raw), self.low, self.high)


def fit_calibration(raw: Vector, share: Vector, weight: Vector) -> Calibration:
    """Shift and slope of least weighted log loss, drawn towards 0 and 1 by `RIDGE`."""

    def loss(theta: Vector) -> float:
        shift, log_slope = theta
        predicted = probability(shift + np.exp(log_slope) * raw)
        fit = float(np.sum(weight * log_loss_rows(share, predicted)))
        return fit + 0.5 * RIDGE * float(shift**2 + log_slope**2)

    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-3, 3), (-1.5, 1.5)])
    shift, log_slope = found.x
    return Calibration(round(float(shift), 9), round(float(np.exp(log_slope)), 9))
