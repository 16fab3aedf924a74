"""Churn by any horizon: from the risk of one horizon to a curve that never falls.

The model foresees a loss in `[as_of + gap, as_of + gap + H)`. How losses spread over time is read
from a life table of the training days. The time after `as_of + gap` is cut into half-open
intervals `[h₀, h₁)`, `[h₁, h₂)` …; a row is at risk in one of them when it was not lost before it
and the interval's end lies within the data, so a row whose window has not ended is left out of it
(censored) and never counted as "no".

With p_i a row's out-of-time risk of horizon H, its hazard up to H is θ_i = −ln(1 − p_i). The
hazard of an interval is w_i·Δ, with the Δ for which as many losses are expected as were seen,

    Σ (1 − exp(−w_i·Δ)) = losses,   over the rows at risk,

the grouped-time form of Breslow's estimate (Breslow 1974; Kalbfleisch & Prentice 2002, ch. 4);
with equal weights it is the Kaplan-Meier estimate. Up to H the weight is w_i = θ_i. Beyond H it is
w_i = θ_i^γ with γ from 0 (the model's risk says nothing of later losses) to 1 (hazards stay
proportional): who leaves soon and who leaves later are not the same accounts, least of all where
contracts end on known days. γ has the greatest likelihood over the later intervals, drawn to ½.
With Δ cumulated, and divided by its value at H, up to H (A), and from H on (B),

    P_i(h) = 1 − exp(−θ_i·A(h) − θ_i^γ·B(h)),

which is p_i at H (A = 1, B = 0) and never falls with h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npsight.models.intervals import Z
from npsight.models.logits import Vector

STEP_DAYS = 30
LEAST_AT_RISK = 50
"""Accounts at risk that an interval needs; the curve ends before the first that has fewer."""
PERSISTENCES = tuple(k / 20 for k in range(21))
PERSISTENCE_MEAN, PERSISTENCE_SPREAD = 0.5, 0.25
"""What γ is drawn to, and how far it strays without many losses to learn from."""


@dataclass(frozen=True)
class ChurnCurve:
    """When losses happen. All tuples have one entry an interval; the k-th ends at
    `horizon_days[k]`, counted from `as_of + gap`, and begins where the one before ends (or at 0).

    Attributes
    ----------
    model_horizon_days
        H, one of `horizon_days`.
    cumulative
        A + B at each interval's end: rising, 1 at H, above 1 behind it.
    persistence
        γ.
    observed_ratio
        Losses up to H relative to what the model foresaw; 1 where it foresaw them right.
    at_risk, lost
        Account-days at risk in the interval, and lost in it.
    lost_share
        Share lost by the interval's end (Kaplan-Meier).
    log_error
        Standard error of the log of the share that is left, with accounts as draws.
    """

    model_horizon_days: int
    horizon_days: tuple[int, ...]
    cumulative: tuple[float, ...]
    persistence: float
    observed_ratio: float
    at_risk: tuple[int, ...]
    lost: tuple[int, ...]
    lost_share: tuple[float, ...]
    log_error: tuple[float, ...]

    @property
    def longest_days(self) -> int:
        """The longest horizon that the data support."""
        return self.horizon_days[-1]

    def probability(self, risk: Vector, horizon_days: int) -> Vector:
        """P(lost in `[as_of + gap, as_of + gap + horizon_days)`) of rows whose risk of the model's
        own horizon is `risk`, in [0, 1); between interval ends hazards are even.

        Raises
        ------
        ValueError
            The horizon is shorter than a day, or longer than `longest_days`.
        """
        if not 1 <= horizon_days <= self.longest_days:
            raise ValueError(f"a horizon is 1 to {self.longest_days} days, not {horizon_days}")
        if horizon_days == self.model_horizon_days:
            return np.asarray(risk, dtype=np.float64).copy()
        level = float(np.interp(horizon_days, (0, *self.horizon_days), (0.0, *self.cumulative)))
        hazard = -np.log1p(-np.asarray(risk, dtype=np.float64))
        later = max(level - 1.0, 0.0) * hazard**self.persistence
        return np.asarray(-np.expm1(-hazard * min(level, 1.0) - later), dtype=np.float64)

    def share_interval(self, position: int) -> tuple[float, float]:
        """95 % bounds of `lost_share[position]`."""
        left = 1.0 - self.lost_share[position]
        spread = np.exp(Z[95] * self.log_error[position])
        return max(float(1 - left * spread), 0.0), float(1 - left / spread)


def horizon_grid(model_horizon_days: int, longest_days: int) -> list[int]:
    """Interval ends: every 30 days up to `longest_days`, and the model's horizon; rising."""
    steps = range(STEP_DAYS, longest_days + 1, STEP_DAYS)
    return sorted({*steps, model_horizon_days})


def fit_churn_curve(
    account: NDArray[Any],
    risk: Vector,
    lost_in: NDArray[np.int64],
    observed: NDArray[np.int64],
    horizons: Sequence[int],
    model_horizon_days: int,
) -> ChurnCurve | None:
    """The curve of rows, each array of shape (rows,).

    Parameters
    ----------
    risk
        Risk of the model's horizon by a model that did not know the outcome, in (0, 1).
    lost_in
        Position of the interval in which the row was lost; −1 where it was not seen to be.
    observed
        How many intervals had ended within the data for this row.
    horizons
        Interval ends, rising; `model_horizon_days` is one of them.

    None where the model's own horizon is not reached with enough accounts, or nothing was lost
    by then.
    """
    codes = np.unique(account, return_inverse=True)[1]
    hazard = -np.log1p(-np.asarray(risk, dtype=np.float64))
    table, seen = _LifeTable(codes), list[_Interval]()
    for place in range(len(horizons)):
        here = (observed > place) & ((lost_in < 0) | (lost_in >= place))
        gone = here & (lost_in == place)
        if len(np.unique(codes[here])) < LEAST_AT_RISK:
            break
        table.add(here, gone)
        seen.append(_Interval(hazard[here], gone[here]))
    reached = list(horizons[: len(seen)])
    if model_horizon_days not in reached:
        return None
    own = reached.index(model_horizon_days) + 1
    before = np.cumsum([interval.step(1.0) for interval in seen[:own]])
    if before[-1] <= 0:
        return None
    persistence = _persistence(seen[own:])
    after = 1.0 + np.cumsum([interval.step(persistence) for interval in seen[own:]])
    return ChurnCurve(
        model_horizon_days,
        tuple(reached),
        _rounded([*before[:-1] / before[-1], 1.0, *after]),
        persistence,
        round(float(before[-1]), 12),
        tuple(table.at_risk),
        tuple(table.lost),
        _rounded(table.shares),
        _rounded(table.errors),
    )


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(float(value), 12) for value in values)


def _persistence(later: Sequence[_Interval]) -> float:
    """γ of greatest likelihood over the intervals beyond H, drawn to ½ by a normal prior."""

    def worth(power: float) -> float:
        away = (power - PERSISTENCE_MEAN) / PERSISTENCE_SPREAD
        return sum(interval.likelihood(power) for interval in later) - 0.5 * away**2

    return max(PERSISTENCES, key=lambda power: round(worth(power), 9))


@dataclass(frozen=True)
class _Interval:
    """The rows at risk in an interval: θ, and whether each was lost in it."""

    hazard: Vector
    gone: NDArray[np.bool_]

    def step(self, power: float) -> float:
        """Δ with weights θ^power."""
        return _increment(self.hazard**power, float(self.gone.sum()))

    def likelihood(self, power: float) -> float:
        """Log-likelihood of what was seen, with the Δ that belongs to the power."""
        if not self.gone.any():
            return 0.0
        expected = self.hazard**power * self.step(power)
        lost = np.log(-np.expm1(-expected[self.gone]))
        return float(lost.sum() - expected[~self.gone].sum())


class _LifeTable:
    """Kaplan-Meier over the intervals added so far; the error of ln S is a sum of squares over
    accounts of their influence on it, Σ (d − hazard·n) / (N − D).
    """

    def __init__(self, codes: NDArray[np.int64]) -> None:
        self._codes = codes
        self._influence = np.zeros(int(codes.max(initial=-1)) + 1)
        self._left = 1.0
        self.at_risk: list[int] = []
        self.lost: list[int] = []
        self.shares: list[float] = []
        self.errors: list[float] = []

    def add(self, here: NDArray[np.bool_], gone: NDArray[np.bool_]) -> None:
        """An interval: which rows are at risk in it, and which are lost in it."""
        rows, lost = float(here.sum()), float(gone.sum())
        share = lost / rows
        self._left *= 1.0 - share
        if lost < rows:
            part = (gone[here] - share) / (rows - lost)
            self._influence += np.bincount(
                self._codes[here], weights=part, minlength=len(self._influence)
            )
        self.at_risk.append(int(rows))
        self.lost.append(int(lost))
        self.shares.append(1.0 - self._left)
        self.errors.append(float(np.sqrt(self._influence @ self._influence)))


def _increment(hazard: Vector, lost: float) -> float:
    """ΔL for which Σ (1 − exp(−hazard·ΔL)) = lost; of all lost half an account is kept, since no
    finite hazard loses everyone.
    """
    from scipy.optimize import brentq

    if lost <= 0:
        return 0.0
    wanted = min(lost, len(hazard) - 0.5)

    def missing(step: float) -> float:
        return float(np.sum(-np.expm1(-hazard * step))) - wanted

    above = 1.0
    while missing(above) < 0:
        above *= 2
    return float(brentq(missing, 0.0, above, xtol=1e-12, rtol=1e-12))
