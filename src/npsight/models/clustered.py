"""Means over rows of which several belong to one account."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.models.logits import Vector


def account_codes(account: NDArray[Any]) -> NDArray[np.intp]:
    """A number 0 … n − 1 for each row, the same for rows of one account; n are the accounts."""
    return np.asarray(pd.factorize(account)[0], dtype=np.intp)


def clustered_mean(values: Vector, weight: Vector, cluster: NDArray[Any]) -> tuple[float, float]:
    """Weighted mean and its standard error with rows of one account taken as one draw
    (linearised ratio estimator).
    """
    mean = float(np.average(values, weights=weight))
    codes = account_codes(cluster)
    residual = np.bincount(codes, weights=weight * (values - mean))
    groups = len(residual)
    if groups < 2:
        return mean, float("inf")
    variance = groups / (groups - 1) * float(residual @ residual) / float(weight.sum()) ** 2
    return mean, float(np.sqrt(variance))
