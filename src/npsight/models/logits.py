"""Probabilities and log-odds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Vector = NDArray[np.float64]

SMALLEST = 1e-6


def logit(probability: Vector | float) -> Vector:
    """Log-odds, after clipping to [1e-6, 1 − 1e-6]."""
    clipped = np.clip(np.asarray(probability, dtype=np.float64), SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def probability(log_odds: Vector) -> Vector:
    """Inverse of `logit`."""
    return np.asarray(expit(log_odds), dtype=np.float64)


def log_loss_rows(share: Vector, predicted: Vector) -> Vector:
    """Cross-entropy of each row in nats; `share` is the observed share, in [0, 1]."""
    p = np.clip(predicted, SMALLEST, 1 - SMALLEST)
    return np.asarray(-(share * np.log(p) + (1 - share) * np.log1p(-p)), dtype=np.float64)


def shift_to(log_odds: Vector, weight: Vector, level: float) -> float:
    """What to add to log-odds for their weighted mean probability to be `level`, in (0, 1)."""
    from scipy.optimize import brentq

    def miss(shift: float) -> float:
        return float(np.average(probability(log_odds + shift), weights=weight)) - level

    widest = float(np.max(np.abs(log_odds - float(logit(level))))) + 1.0
    return float(brentq(miss, -widest, widest, xtol=1e-10))
