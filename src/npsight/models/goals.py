"""How likely an NPS is to be reached in a period to come.

The next outcome window has a forecast with its error. Each window after it may drift further:
the NPS behind the answers is taken for a random walk whose variance a period, q, is estimated
from the history of reported NPS, and m windows later the variance is

    error² + m·q.

Two reported NPS in a row differ by the drift and by the chance of both, so E Δ² = q + v₁ + v₂
with v their variances; q is the mean of Δ² − v₁ − v₂ over the history (method of moments of a
local level model, Harvey 1989, ch. 4), not below 0, **plus one standard error of that mean**: a
short calm history does not promise calm. Without any drift neighbouring Δ share one answer set
and are correlated by −½, so their squares by ¼; the standard error counts that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt

from npsight.config.specs import OutcomeWindow
from npsight.models.forecast import Forecast, normal_tail
from npsight.models.intervals import Z
from npsight.models.reported import Reported

LEAST_ANSWERS = 5
LEAST_CHANGES = 2
LIKELY, UNLIKELY = 0.8, 0.2
CORRELATED = 1.5
"""1 + 2·¼: the variance of a mean of squares of neighbouring changes, over that of free ones."""


@dataclass(frozen=True)
class Drift:
    """Variance of the random walk, in squared NPS points for `period_days`, and how many changes
    of the history it was estimated from.
    """

    variance: float
    changes: int
    period_days: int

    def over(self, days: float) -> float:
        """Variance gathered in so many days."""
        return self.variance * days / self.period_days


@dataclass(frozen=True)
class Outlook:
    """NPS of the window `[start, end)`: `windows_ahead` after the next one, which is 0."""

    start: datetime
    end: datetime
    windows_ahead: int
    nps: float
    error: float

    def interval(self, level: int) -> tuple[float, float]:
        """80 or 95 % bounds."""
        half = Z[level] * self.error
        return max(self.nps - half, -100.0), min(self.nps + half, 100.0)

    def chance_of(self, goal: float) -> float:
        """P(NPS ≥ goal), with a normal error on the NPS scale."""
        return normal_tail(goal, self.nps, self.error)


def fit_drift(history: Sequence[Reported], period_days: int) -> Drift | None:
    """From reported NPS of periods in a row, oldest first; None where there is too little.

    A period with fewer than five answers counts as a hole: no change is taken across it.
    """
    changes = [
        ((after.level - before.level) ** 2, before.variance + after.variance)
        for before, after in pairwise(history)
        if min(before.answers, after.answers) >= LEAST_ANSWERS
    ]
    if len(changes) < LEAST_CHANGES:
        return None
    excess = max(sum(square - chance for square, chance in changes) / len(changes), 0.0)
    whole = excess + sum(chance for _, chance in changes) / len(changes)
    error = whole * sqrt(2 * CORRELATED / len(changes))
    return Drift(excess + error, len(changes), period_days)


def windows_ahead(as_of: datetime, window: OutcomeWindow, day: datetime) -> int:
    """Which window a day lies in: 0 for the next, `[as_of + gap, as_of + gap + horizon)`, and for
    the days of the gap before it; 1 for the one that begins where that ends, and so on.
    """
    into = day - as_of - timedelta(days=window.gap_days)
    return max(into // timedelta(days=window.horizon_days), 0)


def outlook(
    forecast: Forecast, drift: Drift | None, as_of: datetime, window: OutcomeWindow, ahead: int
) -> Outlook | None:
    """The forecast carried on to a later window; None where that needs a drift nobody knows."""
    if ahead > 0 and drift is None:
        return None
    length = timedelta(days=window.horizon_days)
    start = as_of + timedelta(days=window.gap_days) + ahead * length
    gathered = drift.over(ahead * window.horizon_days) if drift is not None else 0.0
    error = sqrt(forecast.error**2 + gathered)
    return Outlook(start, start + length, ahead, forecast.nps, error)


def course(chance: float) -> str:
    """`on course` from 80 %, `off course` up to 20 %, `open` between them."""
    if chance >= LIKELY:
        return "on course"
    return "off course" if chance <= UNLIKELY else "open"
