"""How far predicted NPS may be off: for one account, and for a set of accounts.

Answers of one account in one window share its true level, which lies around its prediction. With
V = 10⁴ (p + d − (p − d)²) the variance of one answer, in squared NPS points, and ρ the
correlation of two answers of an account, given the prediction (a Dirichlet-multinomial's):

    account    its expected NPS varies by ρV around the prediction
    period     all accounts of a window are off by one common error, of standard deviation σ
    segment    those of one segment by one more, of standard deviation ω
    answers    n answers to come vary around the level by V / n, with the shares p and d of the
               set adjusted for small n by adding three answers, ¾ of them promoters and ¾
               detractors (Rocks 2016, arXiv 1601.07235); the adjustment does not divide V:
               Rocks estimates a level from n answers, here answers vary around a level

How many answers come, and from whom, is not known either: account i gives nᵢ, Poisson around μᵢ
but for a dispersion φ, E nᵢ(nᵢ − 1) = (1 + φ) μᵢ². So with N the NPS of the set and θᵢ that of its
accounts, what its survey reports varies by

    V_set · E[1 / n | n ≥ 1] + Σ μᵢ² ((1 + φ) ρ Vᵢ + φ (θᵢ − N)²) / n² + ω² Σ shareₛ² + σ²

(V_set, of the pooled shares, holds the scatter of θᵢ already.) σ comes from few periods: it is
kept as several values with weights, and an interval holds on the average of them, which widens
it as Student's t would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expi, ndtr

from npsight.models.logits import Vector

LEVELS = (80, 95)
Z = {80: 1.2815515655446004, 95: 1.959963984540054}
"""Normal quantiles, for intervals of one known standard deviation."""
SMALLEST_MEAN = 1e-4
"""Account shares are kept this far from 0 and 1, where a beta distribution has no spread."""
WIDEST = 0.95
"""Most of the variance that a share can have, which an account's interval may use."""

Labels = NDArray[Any]


@dataclass(frozen=True)
class NpsForecast:
    """NPS of a set of accounts with its bounds, in NPS points from −100 to 100.

    `answers` is the number of answers it stands on: expected ones as the survey will report it,
    one for each account if everyone answered.
    """

    nps: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float
    answers: float

    def bounds(self, level: int) -> tuple[float, float]:
        """The interval of that level, 80 or 95."""
        return (self.low_80, self.high_80) if level == 80 else (self.low_95, self.high_95)


@dataclass(frozen=True)
class NpsSpread:
    """What intervals are made of; standard deviations in NPS points.

    Attributes
    ----------
    account
        100·√ρ: the spread of true NPS around the prediction for an account whose answers are
        half promoters and half detractors; that of others is in proportion to √V.
    period
        σ, root mean square of `periods`.
    segment
        ω.
    dispersion
        φ of the number of answers an account gives.
    periods
        Values of σ and their weights, which add to 1; empty means `period` alone.
    detractor_part
        How much of what NPS varies by falls on the share of detractors, as a part of what would
        if shares varied like a Dirichlet's: ρ of answers that are detractors over ρ.
    """

    account: float
    period: float
    segment: float = 0.0
    dispersion: float = 0.0
    periods: tuple[tuple[float, float], ...] = ()
    detractor_part: float = 1.0

    def account_interval(
        self, detractor: Vector, promoter: Vector, level: int
    ) -> tuple[Vector, Vector]:
        """Bounds of each account's expected NPS (its answers' mean), shape (rows,).

        Quantiles of a beta distribution on [−100, 100] with the predicted mean: it never leaves
        the scale, and is skewed near its ends.
        """
        nps = 100 * (promoter - detractor)
        mean = np.clip((nps + 100) / 200, SMALLEST_MEAN, 1 - SMALLEST_MEAN)
        own = (self.account / 100) ** 2 * answer_variance(detractor, promoter)
        variance = (own + self.period**2 + self.segment**2) / 200**2
        low, high = (200 * bound - 100 for bound in _beta_bounds(mean, variance, level))
        # A beta bunched at both ends can have its mean outside its middle.
        return np.minimum(low, nps), np.maximum(high, nps)

    def risk_interval(
        self, detractor: Vector, promoter: Vector, level: int
    ) -> tuple[Vector, Vector]:
        """Bounds of each account's expected share of detractors, in [0, 1], shape (rows,).

        Of the variance of its expected NPS, the share of detractors has the part that it has of
        one answer's variance, d (1 − d) of V, as where shares vary like a Dirichlet's, times
        `detractor_part`. Quantiles of a beta distribution on [0, 1] with the predicted mean; they
        never leave it, and hold it between them.
        """
        mean = np.clip(detractor, SMALLEST_MEAN, 1 - SMALLEST_MEAN)
        most = mean * (1 - mean)
        answer = np.maximum(answer_variance(detractor, promoter), 1.0)
        common = (self.period**2 + self.segment**2) / answer
        part = self.detractor_part * ((self.account / 100) ** 2 + common)
        part = np.clip(part, 1e-9, WIDEST)
        low, high = _beta_bounds(mean, part * most, level)
        return np.minimum(low, detractor), np.maximum(high, detractor)

    def set_interval(
        self,
        detractor: Vector,
        promoter: Vector,
        answers: Vector,
        level: int,
        segment: Labels | None = None,
    ) -> tuple[float, float, float]:
        """NPS of a set as its survey would report it, and the bounds of `level`.

        `answers` is the expected number of answers of each account; accounts weigh by it.
        `segment` says to which segment each account belongs; without it all are taken to be of
        one. With no answer to expect the result is (nan, −100, 100).
        """
        if not float(answers.sum()) > 0:
            return float("nan"), -100.0, 100.0
        found = self.survey(detractor, promoter, answers, segment)
        return (found.nps, *found.bounds(level))

    def survey(
        self, detractor: Vector, promoter: Vector, answers: Vector, segment: Labels | None = None
    ) -> NpsForecast:
        """NPS of a set *as the survey will report it*: accounts weigh by expected `answers`."""
        total = float(answers.sum())
        if not total > 0:
            return NpsForecast(float("nan"), -100.0, 100.0, -100.0, 100.0, 0.0)
        share = answers / total
        centre = float(100 * share @ (promoter - detractor))
        variance = self.survey_variance(detractor, promoter, answers)
        return self._forecast(centre, variance, share, segment, total)

    def everyone(
        self, detractor: Vector, promoter: Vector, segment: Labels | None = None
    ) -> NpsForecast:
        """Mean expected NPS of the set *if everyone answered*, each account weighing the same.

        It is a level, not the count of a survey: no answers vary around it. Its error is that of
        the model alone, which is measured on those who answered.
        """
        count = len(detractor)
        if count == 0:
            return NpsForecast(float("nan"), -100.0, 100.0, -100.0, 100.0, 0.0)
        share = np.full(count, 1.0 / count)
        own = (self.account / 100) ** 2 * answer_variance(detractor, promoter)
        centre = float(100 * np.mean(promoter - detractor))
        return self._forecast(centre, float(share**2 @ own), share, segment, float(count))

    def reported_by_one(
        self, detractor: float, promoter: float, answers: float, level: int
    ) -> tuple[float, float]:
        """Bounds of the NPS that one account's survey reports, given that it has `answers`."""
        own = (self.account / 100) ** 2 * 1e4 * (promoter + detractor - (promoter - detractor) ** 2)
        p, d = _adjusted(promoter, detractor, answers)
        pooled = 1e4 * (p + d - (p - d) ** 2)
        variance = pooled / answers + own * (1 - 1 / answers) + self.segment**2
        half, nps = self._half_width(variance, level), 100 * (promoter - detractor)
        return max(nps - half, -100.0), min(nps + half, 100.0)

    def survey_variance(self, detractor: Vector, promoter: Vector, answers: Vector) -> float:
        """Variance of what a survey reports around the set's level: answers and accounts."""
        total = float(answers.sum())
        share = answers / total
        p, d = _adjusted(float(share @ promoter), float(share @ detractor), total)
        pooled = 1e4 * (p + d - (p - d) ** 2)
        nps = 100 * (promoter - detractor)
        apart = (nps - share @ nps) ** 2
        own = (self.account / 100) ** 2 * answer_variance(detractor, promoter)
        between = share**2 @ ((1 + self.dispersion) * own + self.dispersion * apart)
        return max(pooled * mean_inverse(total) + float(between), 0.0)

    def _forecast(
        self, centre: float, variance: float, share: Vector, segment: Labels | None, answers: float
    ) -> NpsForecast:
        variance += self.segment**2 * concentration(share, segment)
        half_80, half_95 = (self._half_width(variance, level) for level in LEVELS)
        return NpsForecast(
            nps=centre,
            low_80=max(centre - half_80, -100.0),
            high_80=min(centre + half_80, 100.0),
            low_95=max(centre - half_95, -100.0),
            high_95=min(centre + half_95, 100.0),
            answers=answers,
        )

    def _half_width(self, variance: float, level: int) -> float:
        """The h with P(|error| ≤ h) = level, over the possible σ, by halving."""
        possible = np.array(self.periods or ((self.period, 1.0),))
        deviation = np.sqrt(variance + possible[:, 0] ** 2)
        low, high = 0.0, 400.0
        for _ in range(60):
            half = (low + high) / 2
            with np.errstate(divide="ignore", invalid="ignore"):
                tail = np.where(deviation > 0, 2 * ndtr(-half / deviation), 0.0)
            low, high = (half, high) if tail @ possible[:, 1] > 1 - level / 100 else (low, half)
        return high


def _beta_bounds(mean: Vector, variance: Vector, level: int) -> tuple[Vector, Vector]:
    """Quantiles of beta distributions with these means and variances, the latter held possible."""
    most = mean * (1 - mean)
    size = most / np.clip(variance, 1e-9, WIDEST * most) - 1
    tail = (1 - level / 100) / 2
    low, high = (betaincinv(mean * size, (1 - mean) * size, q) for q in (tail, 1 - tail))
    return low, high


def answer_variance(detractor: Vector, promoter: Vector) -> Vector:
    """V: variance of one answer, in squared NPS points, shape (rows,)."""
    return np.asarray(1e4 * (promoter + detractor - (promoter - detractor) ** 2), dtype=np.float64)


def concentration(share: Vector, segment: Labels | None) -> float:
    """Σ over segments of their squared share; 1 where no segments are given."""
    if segment is None:
        return 1.0
    _, code = np.unique(np.asarray(segment).astype(str), return_inverse=True)
    return float(np.sum(np.bincount(code, weights=share) ** 2))


def mean_inverse(expected: float) -> float:
    """E[1 / n | n ≥ 1] for n Poisson around `expected` > 0: at most 1, about 1 / expected."""
    if expected > 50:
        return (1 + 1 / expected + 2 / expected**2) / expected
    grown = float(expi(expected)) - np.log(expected) - np.euler_gamma
    return float(grown / np.expm1(expected))


def _adjusted(promoter: float, detractor: float, answers: float) -> tuple[float, float]:
    size = answers + 3
    return (promoter * answers + 0.75) / size, (detractor * answers + 0.75) / size
