"""How far the answers of one account go together: ρ, their correlation given its prediction.

An answer's residual r is what it counts (100, 0 or −100) less its account's prediction, and V the
variance that the prediction gives it. Over ordered pairs of answers that an account gave in one
window, of which there are n(n − 1),

    ρ = Σ ((Σ r)² − Σ r²) / V  over  Σ n(n − 1)

Where accounts answer once a period there are hardly such pairs, but there are pairs of answers in
two windows, one after the other. With residuals r′ of the later answers from *the same*
prediction, both less the mean residual of their day,

    ρ = Σ 2 (Σ r) (Σ r′) / V  over  Σ 2 n n′

Before any pair was seen, `PRIOR_PAIRS` show a usual value. An account may change from one period
to the next, so pairs of two windows show somewhat less than ρ: they and the usual ones count for
no more than `MOST_ELSE` pairs beside those of one window. What chance leaves open counts: an
estimate near 0 or below it stays above 0.

The same of detractors alone, with 1 and 0 for answers and d (1 − d) for V, has ρ for its usual
value: what of an account's spread falls on them is measured, not taken from a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.special import log_ndtr

from npsight.config.specs import OutcomeWindow
from npsight.models.intervals import answer_variance
from npsight.models.logits import Vector
from npsight.models.npsday import NpsDay, first_days, overlap

USUAL_CORRELATION = 0.25
PRIOR_PAIRS = 100.0
"""What pairs show is as uncertain then as companies differ: by a tenth."""
MOST_ELSE = 500.0


@dataclass(frozen=True)
class _Residuals:
    """Of each account of a day: Σ r and Σ r² of its answers, and V."""

    sums: Vector
    squares: Vector
    variance: Vector


Residuals = Callable[[NpsDay], _Residuals]


@dataclass(frozen=True)
class _Pairs:
    """Number of ordered pairs, the sum of what each shows of ρ, and the square of its scatter."""

    number: float
    shown: float
    scatter: float

    def __add__(self, other: _Pairs) -> _Pairs:
        return _Pairs(
            self.number + other.number, self.shown + other.shown, self.scatter + other.scatter
        )

    def at_most(self, number: float) -> _Pairs:
        """The same evidence, counting as no more than so many pairs."""
        part = min(1.0, number / self.number) if self.number else 1.0
        return _Pairs(part * self.number, part * self.shown, part**2 * self.scatter)


def correlations(days: Sequence[NpsDay], window: OutcomeWindow) -> tuple[float, float]:
    """ρ, and that of being a detractor; what is usual where no pair of answers tells.

    `window` is the outcome window of the days' answers.
    """
    successive = list(_successive(days, window))

    def estimate(residuals: Residuals, usual: float) -> float:
        prior = _Pairs(PRIOR_PAIRS, PRIOR_PAIRS * usual, 0.0)
        else_known = (prior + _in_two_windows(successive, residuals)).at_most(MOST_ELSE)
        return _above_zero(else_known + _in_one_window(days, residuals))

    correlation = estimate(_of_nps, USUAL_CORRELATION)
    return correlation, estimate(_of_detractors, correlation)


def _of_nps(day: NpsDay) -> _Residuals:
    nps = 100 * (day.promoter - day.detractor)
    variance = np.maximum(answer_variance(day.detractor, day.promoter), 1.0)
    return _residuals(day, {100.0: day.promoters, -100.0: day.detractors}, nps, variance)


def _of_detractors(day: NpsDay) -> _Residuals:
    variance = np.maximum(day.detractor * (1 - day.detractor), 1e-4)
    return _residuals(day, {1.0: day.detractors}, day.detractor, variance)


def _residuals(
    day: NpsDay, counts: Mapping[float, Vector], predicted: Vector, variance: Vector
) -> _Residuals:
    """From how often each account answered with each value; the rest of its answers count 0."""
    sums = sum(value * count for value, count in counts.items()) - day.answers * predicted
    rest = day.answers - sum(counts.values())
    squares = rest * predicted**2
    for value, count in counts.items():
        squares = squares + count * (value - predicted) ** 2
    return _Residuals(np.asarray(sums, np.float64), np.asarray(squares, np.float64), variance)


def _successive(days: Sequence[NpsDay], window: OutcomeWindow) -> Iterator[tuple[NpsDay, NpsDay]]:
    """Days whose windows follow each other, with the accounts of both, and the forecasts of the
    first for both.
    """
    apart: list[NpsDay] = []
    for day in sorted(first_days(days), key=lambda day: day.as_of):
        if not apart or not overlap(apart[-1].as_of, day.as_of, window):
            apart.append(day)
    for one, next_one in pairwise(apart):
        _, mine, theirs = np.intersect1d(one.account, next_one.account, return_indices=True)
        first, later = one.where(mine), next_one.where(theirs)
        yield first, replace(later, detractor=first.detractor, promoter=first.promoter)


def _in_one_window(days: Sequence[NpsDay], residuals: Residuals) -> _Pairs:
    number, shown, scatter = 0.0, 0.0, 0.0
    for day in days:
        of = residuals(day)
        found = ((of.sums**2 - of.squares) / of.variance)[day.answers > 1]
        number += day.weight * float(day.answers @ (day.answers - 1))
        shown += day.weight * float(found.sum())
        scatter += day.weight * float(found @ found)
    return _Pairs(number, shown, scatter)


def _in_two_windows(successive: Sequence[tuple[NpsDay, NpsDay]], residuals: Residuals) -> _Pairs:
    number, shown, scatter = 0.0, 0.0, 0.0
    for first, later in successive:
        pairs = first.answers @ later.answers
        if not pairs:
            continue
        of, then = residuals(first), residuals(later)
        products = _without_mean(of.sums, first) * _without_mean(then.sums, later)
        found = 2 * products / of.variance
        number += 2 * float(pairs)
        shown += float(found.sum())
        scatter += float(found @ found)
    return _Pairs(number, shown, scatter)


def _without_mean(sums: Vector, day: NpsDay) -> Vector:
    return np.asarray(sums - day.answers * (sums.sum() / day.answers.sum()), dtype=np.float64)


def _above_zero(pairs: _Pairs) -> float:
    """ρ by all these pairs.

    It is not below 0, but what a few pairs show may be. So it is the mean of a normal distribution
    cut off at 0, around what they show and as wide as their own scatter: near 0 it stays above.
    """
    mean = pairs.shown / pairs.number
    return min(_mean_above_zero(mean, float(np.sqrt(pairs.scatter)) / pairs.number), 1.0)


def _mean_above_zero(mean: float, deviation: float) -> float:
    """Mean of a normal distribution cut off below 0: μ + σ φ(μ/σ) / Φ(μ/σ)."""
    if not deviation:
        return max(mean, 0.0)
    ratio = mean / deviation
    log_density = -0.5 * ratio**2 - 0.5 * np.log(2 * np.pi)
    return float(mean + deviation * np.exp(log_density - log_ndtr(ratio)))
