"""NPS as a survey reported it, what chance alone does to it, and when a difference says something.

Of n answers with promoter share p and detractor share d, one answer on the 100 scale varies by
V = 10⁴·(p + d − (p − d)²). Levels come from the adjusted Wald form of Rocks 2016 (arXiv
1601.07235): three answers are added, ¾ of them promoters and ¾ detractors, and the variance is
V / (n + 3). Answers of one account are alike, so n is divided by the design effect (Kish 1965):
how much larger the variance is with accounts, instead of answers, as the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, erfc, sqrt

import numpy as np

from npsight.models.intervals import Z
from npsight.models.logits import Vector

ADDED = 3.0
ADDED_EACH = 0.75
POWER_80 = 0.8416212335729143
"""Normal quantile of 0.8: a real difference is found four times in five."""


@dataclass(frozen=True)
class Reported:
    """The answers of a set of accounts in one window.

    `design` is the design effect: 1 where every account gave one answer, at most what it would be
    if all answers of an account were the same.
    """

    accounts: int
    answers: int
    detractors: int
    promoters: int
    design: float = 1.0

    @property
    def nps(self) -> float | None:
        """100 × (promoter share − detractor share); None without an answer."""
        if self.answers == 0:
            return None
        return 100.0 * (self.promoters - self.detractors) / self.answers

    @property
    def effective(self) -> float:
        """So many answers of as many accounts would say as much."""
        return self.answers / self.design

    @property
    def level(self) -> float:
        """The adjusted NPS around which the interval lies; 0 without an answer."""
        promoter, detractor = self._shares()
        return 100.0 * (promoter - detractor)

    @property
    def answer_variance(self) -> float:
        """V, of one answer, in squared NPS points."""
        promoter, detractor = self._shares()
        return 1e4 * (promoter + detractor - (promoter - detractor) ** 2)

    @property
    def variance(self) -> float:
        """Of `level`, in squared NPS points."""
        return self.answer_variance / (self.effective + ADDED)

    def interval(self, level: int) -> tuple[float, float]:
        """80 or 95 % bounds of the NPS behind these answers; everything without an answer."""
        if self.answers == 0:
            return -100.0, 100.0
        half = Z[level] * sqrt(self.variance)
        return max(self.level - half, -100.0), min(self.level + half, 100.0)

    def _shares(self) -> tuple[float, float]:
        size = self.effective + ADDED
        return (
            (self.promoters / self.design + ADDED_EACH) / size,
            (self.detractors / self.design + ADDED_EACH) / size,
        )


def reported(answers: Vector, detractors: Vector, promoters: Vector) -> Reported:
    """Of counts by account, each of shape (accounts,); accounts without an answer do not count."""
    some = answers > 0
    answers, detractors, promoters = answers[some], detractors[some], promoters[some]
    return Reported(
        accounts=int(some.sum()),
        answers=int(answers.sum()),
        detractors=int(detractors.sum()),
        promoters=int(promoters.sum()),
        design=design_effect(answers, detractors, promoters),
    )


def design_effect(answers: Vector, detractors: Vector, promoters: Vector) -> float:
    """Variance of NPS with accounts as draws (linearised ratio, Kish 1965) over that with
    answers as draws, at least 1 and at most Σ n² / Σ n: that of accounts whose answers are all
    the same. Where all answers are alike, so that nothing can be seen, the most is assumed.
    """
    total, groups = float(answers.sum()), len(answers)
    if groups == 0 or total <= groups:
        return 1.0
    most = float(answers @ answers) / total
    if groups < 2:
        return most
    mean = float((promoters - detractors).sum()) / total
    within = float((promoters + detractors).sum()) / total - mean**2
    if within <= 0:
        return most
    residual = promoters - detractors - mean * answers
    between = groups / (groups - 1) * float(residual @ residual) / total**2
    return float(np.clip(between / (within / (total - 1)), 1.0, most))


@dataclass(frozen=True)
class Difference:
    """Of two NPS, in points: the first less the second, and its standard error."""

    points: float
    error: float

    def interval(self, level: int) -> tuple[float, float]:
        """80 or 95 % bounds."""
        half = Z[level] * self.error
        return max(self.points - half, -200.0), min(self.points + half, 200.0)

    @property
    def chance(self) -> float:
        """Probability that chance alone makes so large a difference, of either sign (two-sided
        p-value of a normal test).
        """
        if self.error <= 0:
            return 0.0 if self.points else 1.0
        return erfc(abs(self.points) / self.error / sqrt(2))


def difference(one: Reported, other: Reported) -> Difference | None:
    """Of two sets that share no account; None where one of them has no answer."""
    if one.answers == 0 or other.answers == 0:
        return None
    return Difference(one.level - other.level, sqrt(one.variance + other.variance))


def smallest_telling_difference(one: Reported, other: Reported) -> float | None:
    """The true difference that so many answers find four times in five, in NPS points.

    With a two-sided test at 5 % and 80 % power it is (1.96 + 0.84)·√(V₁/n₁ + V₂/n₂): the usual
    two-sample formula (Cohen 1988, ch. 2; Fleiss, Levin & Paik 2003, ch. 4) with the variance of
    an NPS. Smaller true differences are mostly missed. None where a set has no answer.
    """
    if one.answers == 0 or other.answers == 0:
        return None
    return (Z[95] + POWER_80) * sqrt(one.variance + other.variance)


def answers_needed(one: Reported, other: Reported, points: float) -> int | None:
    """Answers of `one` with which a true difference of `points` is found four times in five.

    `smallest_telling_difference` solved for the number of answers (the three added ones not
    counted), with those of `other` growing by the same factor and design effects as they are:
    the variance falls with that factor, so the factor is (smallest / points)². Fewer than there
    are where less would do; None where a set has no answer.
    """
    smallest = smallest_telling_difference(one, other)
    if smallest is None:
        return None
    size = (one.effective + ADDED) * (smallest / points) ** 2 - ADDED
    return max(ceil(one.design * size), 1)


def beyond_chance(chances: Sequence[float | None], error: float = 0.05) -> list[bool | None]:
    """Which of several differences are more than chance, with `error` for all of them together.

    Holm's step-down rule (1979): of m p-values the k-th smallest must be at most error / (m−k+1),
    and so must all before it. Among twenty segments one is "significant" by chance; this is why.
    None stays None.
    """
    found: list[bool | None] = [None if p is None else False for p in chances]
    known = sorted((p, i) for i, p in enumerate(chances) if p is not None)
    for rank, (p, place) in enumerate(known):
        if p > error / (len(known) - rank):
            break
        found[place] = True
    return found
