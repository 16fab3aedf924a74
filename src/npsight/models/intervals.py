"""How far predicted NPS may be off: for one account, and for a set of accounts.

Answers of one account in one window share its true level. With r = observed − predicted share
NPS of a row with n answers and V = p + d − (p − d)² their variance, both on the 100 scale,

    E r² = τ² + (V − τ²) / n,   so   τ² = Σ (r² − V/n) / Σ (1 − 1/n)

estimates the spread τ of true account NPS around its prediction; rows with one answer carry no
information on it. A set also has the common error of the period (σ), estimated over backtest
origins, and the sampling error V/n of its n expected answers, with shares adjusted for small n
by adding three answers, ¾ of them promoters and ¾ detractors (Rocks 2016). The adjustment does
not divide V: Rocks estimates a level from n answers, here answers to come vary around a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npsight.models.logits import Vector

Z = {80: 1.2815515655446004, 95: 1.959963984540054}


@dataclass(frozen=True)
class NpsSpread:
    """`account` is τ and `period` σ, both in NPS points."""

    account: float
    period: float

    def account_interval(self, nps: Vector, level: int) -> tuple[Vector, Vector]:
        """Bounds of each account's expected NPS (its answers' mean), clipped to ±100."""
        half = Z[level] * float(np.hypot(self.account, self.period))
        return np.clip(nps - half, -100, 100), np.clip(nps + half, -100, 100)

    def set_interval(
        self, detractor: Vector, promoter: Vector, answers: Vector, level: int
    ) -> tuple[float, float, float]:
        """Mean NPS of a set as its survey would report it, with bounds.

        `answers` is the expected number of answers of each account; accounts weigh by it.
        """
        total = float(answers.sum())
        if total <= 0:
            return float("nan"), -100.0, 100.0
        share = answers / total
        centre = float(100 * share @ (promoter - detractor))
        p, d = _adjusted(float(share @ promoter), float(share @ detractor), total)
        sampling = 1e4 * (p + d - (p - d) ** 2) / total
        between = float(share @ share) * self.account**2
        half = Z[level] * float(np.sqrt(sampling + between + self.period**2))
        return centre, max(centre - half, -100.0), min(centre + half, 100.0)


def _adjusted(promoter: float, detractor: float, answers: float) -> tuple[float, float]:
    size = answers + 3
    return (promoter * answers + 0.75) / size, (detractor * answers + 0.75) / size


@dataclass(frozen=True)
class NpsResiduals:
    """Out-of-time predictions of one origin beside what was answered."""

    detractor: Vector
    promoter: Vector
    detractors: Vector
    promoters: Vector
    answers: Vector


def fit_spread(origins: Sequence[NpsResiduals]) -> NpsSpread:
    """τ and σ from backtest origins; 0 where the answers show no spread beyond chance."""
    excess = weight = 0.0
    common = []
    for o in origins:
        nps = 100 * (o.promoter - o.detractor)
        seen = 100 * (o.promoters - o.detractors) / o.answers
        variance = 1e4 * (o.promoter + o.detractor) - nps**2
        residual = seen - nps
        excess += float(np.sum(residual**2 - variance / o.answers))
        weight += float(np.sum(1 - 1 / o.answers))
        share = o.answers / o.answers.sum()
        bias = float(share @ residual)
        common.append(bias**2 - float(share**2 @ (variance / o.answers)))
    account = float(np.sqrt(max(excess / weight, 0.0))) if weight > 0 else 0.0
    period = float(np.sqrt(max(float(np.mean(common)), 0.0))) if common else 0.0
    return NpsSpread(round(min(account, 100.0), 6), round(period, 6))
