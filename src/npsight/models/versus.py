"""Two predictions of the same rows, held against what came: which is better, and by how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from npsight.models.bootstrap import AccountDraws, Interval, draw_accounts, interval
from npsight.models.encoding import Matrix
from npsight.models.examples import Examples
from npsight.models.logits import Vector
from npsight.models.weighted import Ranked

MORE_IS_BETTER = {"log_loss": False, "brier": False, "auc": True}
JUDGED_BY = "log_loss"
Judgement = Literal["better", "worse", "no difference", "not judged"]


@dataclass(frozen=True)
class Pair:
    """A figure of both, and by how much the candidate's is better (negative: worse), with its
    bootstrap interval by account. None where the figure is not defined on these rows.
    """

    candidate: float | None
    other: float | None
    gain: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Versus:
    """A candidate and another on the same rows of one part.

    `days` are the as_of days of the rows, ISO 8601, rising. `figures` has `log_loss` (nats a row)
    and `brier` over all rows, and `auc`, the mean over days: a rank across days would reward
    knowing the day.
    """

    part: str
    days: tuple[str, ...]
    rows: int
    accounts: int
    events: float
    figures: dict[str, Pair]

    @property
    def judgement(self) -> Judgement:
        """Whether the candidate's log loss is lower beyond chance."""
        bounds = self.figures[JUDGED_BY].interval
        if bounds is None:
            return "not judged"
        if bounds.low > 0:
            return "better"
        return "worse" if bounds.high < 0 else "no difference"


def versus(part: str, rows: Examples, candidate: Vector, other: Vector, seed: int) -> Versus:
    """Hold two predictions of these rows, shape (rows,) each, against the observed shares."""
    days, codes = np.unique(rows.as_of.astype("datetime64[D]"), return_inverse=True)
    which = [codes == k for k in range(len(days))]
    draws = draw_accounts([rows], seed)
    pairs = {
        name: _pair(draws, _measure(name, rows, which), candidate, other, better)
        for name, better in MORE_IS_BETTER.items()
    }
    return Versus(
        part=part,
        days=tuple(map(str, days)),
        rows=len(rows),
        accounts=len(set(rows.account)),
        events=rows.events()[0],
        figures=pairs,
    )


def _measure(
    name: str, rows: Examples, days: list[np.ndarray[tuple[int], np.dtype[np.bool_]]]
) -> Callable[[Vector, Matrix], Vector]:
    def by_day(predicted: Vector, weights: Matrix) -> Vector:
        of_days = [Ranked(predicted[d], rows.share[d], weights[:, d]).auc() for d in days]
        found = np.array(of_days)
        counted = np.isfinite(found)
        total = np.where(counted, found, 0.0).sum(axis=0)
        none = np.full(total.shape, np.nan)
        return np.asarray(
            np.divide(total, counted.sum(axis=0), out=none, where=counted.any(axis=0))
        )

    def over_all(predicted: Vector, weights: Matrix) -> Vector:
        ranked = Ranked(predicted, rows.share, weights)
        return ranked.brier() if name == "brier" else ranked.log_loss()

    return by_day if name == "auc" else over_all


def _pair(
    draws: AccountDraws,
    measure: Callable[[Vector, Matrix], Vector],
    candidate: Vector,
    other: Vector,
    more_is_better: bool,
) -> Pair:
    ours = draws.figures(0, lambda weights: measure(candidate, weights))
    theirs = draws.figures(0, lambda weights: measure(other, weights))
    gains = ours - theirs if more_is_better else theirs - ours
    return Pair(_number(ours[0]), _number(theirs[0]), _number(gains[0]), interval(gains[1:]))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
