"""How often the NPS that a survey reported lay within its interval: the backtest's own check.

At each origin, intervals are made with the spread of the other origins' errors; days whose
outcome windows overlap the origin's are left out, since they share its answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from npsight.config.specs import OutcomeWindow
from npsight.models.intervals import LEVELS, NpsSpread
from npsight.models.npsday import NpsDay, first_days, overlap
from npsight.models.spread import fit_spread

Kind = Literal["company", "segment", "account"]
SIZES = ((1, 3), (4, 9), (10, 29), (30, 99), (100, 299), (300, None))
LEAST_ACCOUNT_ANSWERS = 4
"""The mean of three answers takes so few values that no interval can hold a set share of them."""


@dataclass(frozen=True)
class CoverageRow:
    """`covered` of `of` reported NPS lay within their interval of `level` per cent.

    `size` groups sets by the number of answers that were given, such as "10-29 answers". Sets
    without an answer reported nothing and are not counted.
    """

    level: int
    kind: Kind
    size: str
    covered: int
    of: int


@dataclass(frozen=True)
class Check:
    """One reported NPS beside its interval."""

    level: int
    kind: Kind
    answers: int
    covered: bool


def measure_coverage(
    days: Sequence[NpsDay], window: OutcomeWindow, dispersion: float = 0.0
) -> tuple[CoverageRow, ...]:
    """Leave-one-origin-out coverage; empty where fewer than two origins can be compared."""
    found: list[Check] = []
    for day in first_days(days):
        others = [d for d in days if not overlap(d.as_of, day.as_of, window)]
        if others:
            found += checks(day, fit_spread(others, window, dispersion))
    return tabulate(found)


def checks(day: NpsDay, spread: NpsSpread) -> list[Check]:
    """The day's company, its segments where there are several, and its busiest accounts."""
    found = list(_check("company", day, spread))
    segments = list(day.segments())
    if len(segments) > 1:
        for _, part in segments:
            found += _check("segment", part, spread)
    return found + list(_account_checks(day, spread))


def _check(kind: Kind, part: NpsDay, spread: NpsSpread) -> Iterator[Check]:
    reported = part.reported
    if reported is None:
        return
    forecast = spread.survey(part.detractor, part.promoter, part.expected, part.segment)
    for level in LEVELS:
        low, high = forecast.bounds(level)
        covered = bool(low <= reported <= high)
        yield Check(level, kind, int(part.answers.sum()), covered)


def _account_checks(day: NpsDay, spread: NpsSpread) -> Iterator[Check]:
    """Accounts by themselves, given how many answers they gave: their level is never seen."""
    for i in np.flatnonzero(day.answers >= LEAST_ACCOUNT_ANSWERS):
        answers = float(day.answers[i])
        reported = 100 * float(day.promoters[i] - day.detractors[i]) / answers
        for level in LEVELS:
            low, high = spread.reported_by_one(
                float(day.detractor[i]), float(day.promoter[i]), answers, level
            )
            yield Check(level, "account", int(answers), bool(low <= reported <= high))


def tabulate(found: Sequence[Check]) -> tuple[CoverageRow, ...]:
    """Counts by level, kind and size, in that order."""
    rows = []
    for level in LEVELS:
        for kind in ("company", "segment", "account"):
            for least, most in SIZES:
                inside = [
                    c.covered
                    for c in found
                    if (c.level, c.kind) == (level, kind)
                    and least <= c.answers
                    and (most is None or c.answers <= most)
                ]
                if inside:
                    name = f"{least}+ answers" if most is None else f"{least}-{most} answers"
                    rows.append(CoverageRow(level, kind, name, sum(inside), len(inside)))
    return tuple(rows)
