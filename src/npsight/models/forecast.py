"""The NPS of a set of accounts in the next outcome window, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from npsight.models.intervals import NpsSpread, Z
from npsight.models.logits import Vector

Version = Literal["reported", "everyone"]


@dataclass(frozen=True)
class Forecast:
    """NPS of answers in `[as_of + gap, as_of + gap + horizon)`.

    `low_…` and `high_…` bound what will be reported: they cover the model's error and the chance
    of who answers. `expected` is the number of answers it stands for.
    """

    nps: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float
    expected: float

    @property
    def error(self) -> float:
        """Standard deviation, in NPS points, read from the wider side: the other one may be cut
        off at the end of the scale.
        """
        return max(self.high_80 - self.nps, self.nps - self.low_80) / Z[80]

    def chance_of(self, goal: float) -> float:
        """P(NPS ≥ goal), with a normal error on the NPS scale."""
        return normal_tail(goal, self.nps, self.error)


def normal_tail(bound: float, mean: float, error: float) -> float:
    """P(X ≥ bound) of a normal X; 1 or 0 without any error."""
    if error <= 0:
        return float(mean >= bound)
    return 0.5 * erfc((bound - mean) / error / sqrt(2))


def segment_forecast(
    spread: NpsSpread,
    detractor: Vector,
    promoter: Vector,
    expected: Vector,
    rows: NDArray[Any],
) -> Forecast | None:
    """The forecast of some accounts; None where no answer is expected of them.

    Parameters
    ----------
    detractor, promoter
        Probabilities of every account, shape (accounts,).
    expected
        Answers expected of every account, shape (accounts,): what it weighs. Ones give the NPS
        as if everyone answered once.
    rows
        Which accounts; a mask or positions.
    """
    answers = expected[rows]
    if float(np.sum(answers)) <= 0:
        return None
    chosen = (detractor[rows], promoter[rows], answers)
    centre, low_80, high_80 = spread.set_interval(*chosen, 80)
    _, low_95, high_95 = spread.set_interval(*chosen, 95)
    return Forecast(centre, low_80, high_80, low_95, high_95, float(np.sum(answers)))


def level_forecast(
    spread: NpsSpread, detractor: Vector, promoter: Vector, rows: NDArray[Any]
) -> Forecast | None:
    """The level of some accounts if everyone answered, without the chance of who does; None of
    none.
    """
    found = spread.everyone(detractor[rows], promoter[rows])
    if found.answers == 0:
        return None
    return Forecast(
        found.nps, found.low_80, found.high_80, found.low_95, found.high_95, found.answers
    )
