"""What a backtest forecast for the NPS of one day's outcome window, and what was then answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from npsight.config.specs import OutcomeWindow
from npsight.models.intervals import Labels
from npsight.models.logits import Vector


@dataclass(frozen=True)
class NpsDay:
    """What was forecast for one as_of, for every account alive on it, and what it then answered.

    Attributes
    ----------
    origin
        Label of the backtest origin whose models made the forecast.
    as_of
        The day, datetime64[us].
    weight
        Share of a period that the day stands for: days of overlapping windows share one.
    detractor, promoter, expected
        Predicted shares, and the expected number of answers, shape (accounts,).
    answers, detractors, promoters
        Counts in the outcome window, shape (accounts,); 0 for those who did not answer.
    segment
        The account's segment, shape (accounts,).
    account
        Who they are, each once, shape (accounts,).
    """

    origin: str
    as_of: np.datetime64
    weight: float
    detractor: Vector
    promoter: Vector
    expected: Vector
    answers: Vector
    detractors: Vector
    promoters: Vector
    segment: Labels
    account: Labels

    def where(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> NpsDay:
        """The accounts for which `rows` is true, or whose places it has, in its order."""
        arrays = {
            name: getattr(self, name)[rows]
            for name in (
                "detractor",
                "promoter",
                "expected",
                "answers",
                "detractors",
                "promoters",
                "segment",
                "account",
            )
        }
        return replace(self, **arrays)

    @property
    def reported(self) -> float | None:
        """NPS that the window's survey reported; None without an answer."""
        total = float(self.answers.sum())
        return None if total == 0 else 100 * float((self.promoters - self.detractors).sum()) / total

    def segments(self) -> Iterable[tuple[str, NpsDay]]:
        """Each segment by name, with its accounts."""
        names = np.asarray(self.segment).astype(str)
        for name in np.unique(names):
            yield str(name), self.where(names == name)


def first_days(days: Sequence[NpsDay]) -> list[NpsDay]:
    """The first day of each origin, in their order: their windows hardly overlap."""
    first: dict[str, NpsDay] = {}
    for day in days:
        if day.origin not in first or day.as_of < first[day.origin].as_of:
            first[day.origin] = day
    return list(first.values())


def overlap(one: np.datetime64, other: np.datetime64, window: OutcomeWindow) -> bool:
    """Whether `[as_of + gap, as_of + gap + horizon)` of the two have a day in common."""
    return bool(abs(one - other) < np.timedelta64(window.horizon_days, "D"))
