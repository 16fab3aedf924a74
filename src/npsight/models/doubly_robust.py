r"""What calling seems to have achieved, from who happened to be called: no experiment.

Augmented inverse probability weighting (Robins, Rotnitzky and Zhao 1994), cross-fitted by account
(Chernozhukov et al. 2018): with the chance of a call e(x) and the expected outcome with a call and
without, m1(x) and m0(x), each row says

.. math:: m_1 - m_0 + \frac{d (y - m_1)}{e} - \frac{(1 - d)(y - m_0)}{1 - e}

The mean of what rows say is right if either e or m is. It is wrong by whatever made people call,
and the outcome differ, and is not among the covariates: no interval covers that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from npsight.models.clustered import account_codes, clustered_mean
from npsight.models.impact import LEAST, LEVEL, Effect
from npsight.models.logits import Vector

FOLDS = 5
OVERLAP = 0.05
"""Rows that were nearly always, or nearly never, called have nobody to be compared with."""
RIDGE = 1.0


@dataclass(frozen=True)
class Observed:
    """Rows with a known outcome in [0, 1]; `covariates` (rows, columns), NaN where missing."""

    covariates: NDArray[np.float64]
    called: NDArray[np.bool_]
    outcome: Vector
    account: NDArray[Any]


@dataclass(frozen=True)
class Observational:
    """An estimate without an experiment; `left_out` rows had nobody to be compared with."""

    effect: Effect
    left_out: int


def doubly_robust(rows: Observed, seed: int = 0, level: float = LEVEL) -> Observational | None:
    """The effect among comparable rows; None where too few were called, or not called."""
    called = int(rows.called.sum())
    if min(called, len(rows.called) - called) < LEAST:
        return None
    covariates = _standardised(rows.covariates)
    chance, with_call, without = _cross_fitted(rows, covariates, seed)
    used = (chance >= OVERLAP) & (chance <= 1 - OVERLAP)
    if min(int(rows.called[used].sum()), int((~rows.called[used]).sum())) < LEAST:
        return None
    d, y = rows.called.astype(np.float64), rows.outcome
    said = with_call - without
    said += d * (y - with_call) / chance - (1 - d) * (y - without) / (1 - chance)
    count = int(used.sum())
    mean, error = clustered_mean(said[used], np.ones(count), rows.account[used])
    groups = len(np.unique(account_codes(rows.account[used])))
    reach = float(stdtrit(groups - 1, 0.5 + level / 2)) * error
    effect = Effect(mean, mean - reach, mean + reach, count, level)
    return Observational(effect, len(used) - count)


def _cross_fitted(
    rows: Observed, covariates: NDArray[np.float64], seed: int
) -> tuple[Vector, Vector, Vector]:
    """Chance of a call, outcome with and without, each learned from other accounts' rows."""
    codes = account_codes(rows.account)
    groups = int(codes.max()) + 1
    fold = (np.random.default_rng(seed).permutation(groups) % FOLDS)[codes]
    chance, with_call, without = np.empty((3, len(codes)))
    for k in range(FOLDS):
        here, other = fold == k, fold != k
        told = rows.called[other]
        chance[here] = _predicted(covariates[other], told.astype(np.float64), covariates[here])
        for arm, found in ((told, with_call), (~told, without)):
            learned = covariates[other][arm]
            found[here] = _predicted(learned, rows.outcome[other][arm], covariates[here])
    # Beyond the overlap the row is left out; the clip only keeps its weight finite.
    return np.clip(chance, 1e-3, 1 - 1e-3), with_call, without


def _predicted(
    covariates: NDArray[np.float64], share: Vector, wanted: NDArray[np.float64]
) -> Vector:
    """Logistic regression of a share; a row counts as a yes and a no by its share."""
    from sklearn.linear_model import LogisticRegression

    total, count = float(share.sum()), len(share)
    if min(total, count - total) < 1:
        return np.full(len(wanted), (total + 0.5) / (count + 1))
    twice = np.concatenate([covariates, covariates])
    label = np.repeat([1, 0], count)
    weight = np.concatenate([share, 1 - share])
    kept = weight > 0
    model = LogisticRegression(C=1 / RIDGE, solver="newton-cholesky")
    model.fit(twice[kept], label[kept], sample_weight=weight[kept])
    return np.asarray(model.predict_proba(wanted)[:, 1])


def _standardised(covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean 0 and deviation 1; missing is the mean, with a column of its own for being missing."""
    missing = ~np.isfinite(covariates)
    known = np.where(missing, 0.0, covariates)
    count = np.maximum((~missing).sum(axis=0), 1)
    mean = known.sum(axis=0) / count
    centred = np.where(missing, 0.0, covariates - mean)
    deviation = np.sqrt((centred**2).sum(axis=0) / count)
    parts = [centred / np.where(deviation > 0, deviation, 1.0)]
    some = missing.any(axis=0) & ~missing.all(axis=0)
    return np.column_stack([*parts, missing[:, some].astype(np.float64)])
