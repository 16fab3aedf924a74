r"""What calling achieved, from a random hold-out.

The difference between the arms is that of Lin's regression (Lin 2013, *Annals of Applied
Statistics* 7): outcome on arm, the forecast at enrolment centred at its mean, and their product.
It removes what was foreseen anyway and stays right where the forecast is wrong. Rows weigh one
over the probability of their arm, so the share of the hold-out may change on the way. Errors are
HC3, summed by account, with Satterthwaite's degrees of freedom from the two arms.

The effect of *a call* is that difference over the difference in the share that was called: what a
call did to those who were called because they were not held out. Its interval is Fieller's, which
holds however small that share is: the values :math:`\beta` for which the arms do not differ in
:math:`y - \beta d`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from npsight.models.clustered import account_codes
from npsight.models.logits import Vector

LEVEL = 0.95
LEAST = 20
"""Known outcomes that each arm must have before anything is said of their difference."""
FEW_EVENTS = 5.0
"""With fewer events, or non-events, in an arm, the interval of two proportions is used."""
POWER = 0.8


@dataclass(frozen=True)
class Trial:
    """Enrolments whose outcome is known; arrays of one length.

    Attributes
    ----------
    called
        Whether the arm is "call", not "hold out".
    hold_out_prob
        The chance that the row had of being held out, in (0, 1).
    contacted
        Whether it was contacted before the outcome.
    outcome
        In [0, 1], or NPS points.
    forecast
        What was foreseen of it at the enrolment; NaN where nothing was.
    account
        Rows of one account are one draw.
    """

    called: NDArray[np.bool_]
    hold_out_prob: Vector
    contacted: NDArray[np.bool_]
    outcome: Vector
    forecast: Vector
    account: NDArray[Any]

    def __len__(self) -> int:
        return len(self.called)

    def where(self, rows: NDArray[np.bool_]) -> Trial:
        """Some of the rows."""
        return Trial(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @property
    def smaller(self) -> int:
        """Rows of the arm that has fewer."""
        called = int(self.called.sum())
        return min(called, len(self) - called)


@dataclass(frozen=True)
class Effect:
    """Outcome under calling less that without, with its interval, from so many rows."""

    estimate: float
    low: float
    high: float
    rows: int
    level: float = LEVEL

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Differences:
    """Differences between the arms of several outcomes, their covariance, degrees of freedom."""

    values: Vector
    covariance: NDArray[np.float64]
    freedom: float


def intention_effect(trial: Trial, level: float = LEVEL) -> Effect | None:
    """What it changed to be on the list instead of held out; None with too few rows to say."""
    if trial.smaller < LEAST:
        return None
    outcome = trial.outcome
    if outcome.min() >= 0 and outcome.max() <= 1 and _few_events(trial):
        return share_difference(trial, level)
    found = differences(trial, outcome[:, None])
    estimate = float(found.values[0])
    reach = _quantile(level, found.freedom) * sqrt(float(found.covariance[0, 0]))
    return Effect(estimate, estimate - reach, estimate + reach, len(trial), level)


def call_effect(trial: Trial, level: float = LEVEL) -> Effect | None:
    """What a call changed for those who were called because they were not held out.

    None with too few rows, or where the arms were called too much alike for a bounded interval.
    """
    if trial.smaller < LEAST:
        return None
    both = np.column_stack([trial.outcome, trial.contacted.astype(np.float64)])
    found = differences(trial, both)
    q = _quantile(level, found.freedom) ** 2
    (y, d), v = found.values.tolist(), found.covariance
    square = d * d - q * v[1, 1]
    if square <= 0:
        return None
    middle = y * d - q * v[0, 1]
    root = middle * middle - square * (y * y - q * v[0, 0])
    reach = sqrt(max(float(root), 0.0))
    low, high = (middle - reach) / square, (middle + reach) / square
    return Effect(y / d, float(low), float(high), len(trial), level)


def share_difference(trial: Trial, level: float = LEVEL) -> Effect | None:
    """Difference of two weighted shares with Newcombe's interval (Newcombe 1998, method 10), in
    which an arm counts as many rows as its weights are worth (Kish) and accounts it has.

    None where an arm is empty.
    """
    if trial.smaller == 0:
        return None
    weight, z = _weights(trial), float(ndtri(0.5 + level / 2))
    arms = []
    for arm in (trial.called, ~trial.called):
        share = float(np.average(trial.outcome[arm], weights=weight[arm]))
        worth = float(weight[arm].sum() ** 2 / (weight[arm] ** 2).sum())
        accounts = len(np.unique(account_codes(trial.account[arm])))
        arms.append((share, *_wilson(share, min(worth, accounts), z)))
    (a, a_low, a_high), (b, b_low, b_high) = arms
    low = a - b - sqrt((a - a_low) ** 2 + (b_high - b) ** 2)
    high = a - b + sqrt((a_high - a) ** 2 + (b - b_low) ** 2)
    return Effect(a - b, low, high, len(trial), level)


def differences(trial: Trial, outcomes: NDArray[np.float64]) -> Differences:
    """Lin's estimate for each column of `outcomes`, and their covariance over accounts."""
    weight, called = _weights(trial), trial.called.astype(np.float64)
    known = np.isfinite(trial.forecast)
    foreseen = np.where(known, trial.forecast, np.mean(trial.forecast[known]) if known.any() else 0)
    centred = foreseen - np.average(foreseen, weights=weight)
    columns = [np.ones(len(trial)), called]
    if np.ptp(centred) > 0:
        columns += [centred, called * centred]
    design = np.column_stack(columns)
    inverse = np.linalg.pinv(design.T @ (design * weight[:, None]))
    solved = inverse @ (design.T * weight)
    beta = solved @ outcomes
    leverage = np.minimum(np.einsum("ij,ji->i", design, solved), 1 - 1e-6)
    residual = (outcomes - design @ beta) / (1 - leverage)[:, None]
    influence = solved[1][:, None] * residual
    codes = account_codes(trial.account)
    summed = np.zeros((int(codes.max()) + 1, influence.shape[1]))
    np.add.at(summed, codes, influence)
    covariance = summed.T @ summed
    return Differences(beta[1], covariance, _freedom(influence[:, 0], trial.called))


def share_interval(share: float, rows: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval of a share of so many rows."""
    return _wilson(share, rows, float(ndtri(0.5 + level / 2)))


def rows_needed(share: float, hold_out_prob: float, difference: float) -> int:
    """Known outcomes, both arms together, with which a true difference of that size would be
    found in four of five times, where `share` is the mean outcome (a share).
    """
    arms = 1 / hold_out_prob + 1 / (1 - hold_out_prob)
    z = float(ndtri(0.5 + LEVEL / 2) + ndtri(POWER))
    return ceil(z**2 * share * (1 - share) * arms / difference**2)


def _weights(trial: Trial) -> Vector:
    return np.where(trial.called, 1 / (1 - trial.hold_out_prob), 1 / trial.hold_out_prob)


def _few_events(trial: Trial) -> bool:
    return any(
        min(float(y.sum()), float((1 - y).sum())) < FEW_EVENTS
        for y in (trial.outcome[trial.called], trial.outcome[~trial.called])
    )


def _freedom(influence: Vector, called: NDArray[np.bool_]) -> float:
    """Welch and Satterthwaite's degrees of freedom; each arm has a mean and a slope."""
    parts = [(float((influence[arm] ** 2).sum()), int(arm.sum()) - 2) for arm in (called, ~called)]
    total = sum(part for part, _ in parts)
    if total == 0:
        return float(len(called))
    return total**2 / sum((part**2 / max(rows, 1) for part, rows in parts), 0.0)


def _quantile(level: float, freedom: float) -> float:
    return float(stdtrit(freedom, 0.5 + level / 2))


def _wilson(share: float, rows: float, z: float) -> tuple[float, float]:
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    reach = z / (1 + z**2 / rows) * sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return centre - reach, centre + reach
