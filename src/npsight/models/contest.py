"""Every contender on every backtest origin, side by side, with intervals by account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from npsight.models.backtest import CONTENDERS, Origin
from npsight.models.bootstrap import AccountDraws, Interval, draw_accounts, interval
from npsight.models.calibration import Calibration
from npsight.models.decomposition import brier_parts
from npsight.models.encoding import Matrix
from npsight.models.logits import Vector
from npsight.models.metrics import calibration_error
from npsight.models.prior import HistoryPrior
from npsight.models.weighted import Ranked

LEVEL_OF_DAY = "level of the day"
ALL = "all"
FIGURES = ("auc", "average_precision", "brier", "log_loss", "precision", "lift", "capture")
POOLED = frozenset({"brier", "log_loss"})
"""Means over rows, so over all origins' rows; the others rank, and are means over origins."""
NOTHING_OF_ITS_OWN = 1e12


@dataclass(frozen=True)
class CallList:
    """The list a team can call, on one origin's rows.

    Attributes
    ----------
    part
        Its length as a part (0 to 1) of the accounts alive that day.
    calls, accounts
        Its length in accounts, and how many accounts were alive.
    amount
        Revenue of each test row, NaN where unknown; None where no revenue is mapped.
    """

    part: float
    calls: int
    accounts: int
    amount: Vector | None


@dataclass(frozen=True)
class Difference:
    """A figure minus that of another contender on the same rows, with its bootstrap interval."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Standing:
    """One contender on one origin, or on all of them.

    `figures` has the names of `FIGURES`, None where one is not defined. `intervals` is filled for
    the chosen model only, and `against` (by the other contender's name, then figure) is the chosen
    model's difference to each of the others: their log loss, and every figure of the prior.
    """

    origin: str
    contender: str
    rows: int
    accounts: int
    events: float
    base_rate: float
    figures: dict[str, float | None]
    calibration_error: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float
    intervals: dict[str, Interval | None]
    against: dict[str, dict[str, Difference]]


def standings(origins: Sequence[Origin], lists: Sequence[CallList], seed: int) -> list[Standing]:
    """Each contender on each origin, origins rising, then each on all origins together.

    `lists` has one list for each origin. Origins without rows are left out.
    """
    used = [(with_level(o), calls) for o, calls in zip(origins, lists, strict=True) if len(o.test)]
    if not used:
        return []
    contest = _Contest([o for o, _ in used], [c for _, c in used], seed)
    found = []
    for i, (origin, _) in enumerate(used):
        found += [contest.standing(name, [i], origin.label) for name in contenders([origin])]
    if len(used) > 1:
        every = list(range(len(used)))
        common = contenders([o for o, _ in used])
        found += [contest.standing(name, every, ALL) for name in common]
    return found


def contenders(origins: Sequence[Origin]) -> list[str]:
    """Those that predicted every origin, in the order they are shown."""
    order = [*(c for c in CONTENDERS if c != "base rate"), LEVEL_OF_DAY, "base rate"]
    known = [c for o in origins for c in o.predicted if c not in order]
    names = [*order, *dict.fromkeys(known)]
    return [name for name in names if all(name in o.predicted for o in origins)]


def with_level(origin: Origin) -> Origin:
    """The origin with one more contender where there are answers to read it from: the share of
    the whole market as known that day, the same for every account of the day.
    """
    prior = origin.fitted.prior.prior
    if not isinstance(prior, HistoryPrior) or LEVEL_OF_DAY in origin.predicted:
        return origin
    flat = replace(prior, account_strength=NOTHING_OF_ITS_OWN, segment_strength=NOTHING_OF_ITS_OWN)
    part = replace(origin.fitted.prior, prior=flat, calibration=Calibration())
    level = part.probability(origin.test.frame)
    # What is left of each account's own answers is in the last digits only, and must not rank.
    _, first, day = np.unique(origin.test.as_of, return_index=True, return_inverse=True)
    return replace(origin, predicted=origin.predicted | {LEVEL_OF_DAY: level[first][day]})


class _Contest:
    """The draws, and every figure under them, computed once a contender and origin."""

    def __init__(self, origins: list[Origin], lists: list[CallList], seed: int) -> None:
        self.origins, self.lists = origins, lists
        self.draws = draw_accounts([o.test for o in origins], seed)
        self.plain = self.draws.as_they_are()
        self.totals = [self.draws.figures(i, _total) for i in range(len(origins))]
        self.cache: dict[tuple[str, int, str, bool], Vector] = {}

    def standing(self, name: str, which: list[int], label: str) -> Standing:
        rows = [self.origins[i] for i in which]
        predicted = np.concatenate([o.predicted[name] for o in rows])
        share = np.concatenate([o.test.share for o in rows])
        weight = np.concatenate([o.test.weight for o in rows])
        split = brier_parts(predicted, share, weight)
        drawn = {f: self._together(name, which, f, drawn=name == "chosen") for f in FIGURES}
        return Standing(
            origin=label,
            contender=name,
            rows=len(share),
            accounts=len({a for o in rows for a in o.test.account}),
            events=float(share @ weight),
            base_rate=float(np.average(share, weights=weight)),
            figures={f: _number(values[0]) for f, values in drawn.items()},
            calibration_error=calibration_error(predicted, share, weight),
            reliability=split.reliability,
            resolution=split.resolution,
            uncertainty=split.uncertainty,
            within=split.within,
            intervals={f: interval(v[1:]) for f, v in drawn.items() if len(v) > 1},
            against=self._against(which) if name == "chosen" else {},
        )

    def _against(self, which: list[int]) -> dict[str, dict[str, Difference]]:
        """What the chosen model's figures are above those of each other contender."""
        others = [c for c in contenders([self.origins[i] for i in which]) if c != "chosen"]
        found: dict[str, dict[str, Difference]] = {}
        for other in others:
            names = FIGURES if other == "prior" else ("log_loss",)
            found[other] = {}
            for figure in names:
                own = self._together("chosen", which, figure, drawn=True)
                gap = own - self._together(other, which, figure, drawn=True)
                if np.isfinite(gap[0]):
                    found[other][figure] = Difference(float(gap[0]), interval(gap[1:]))
        return found

    def _together(self, name: str, which: list[int], figure: str, drawn: bool) -> Vector:
        """The figure over some origins: pooled over their rows, or the mean of their own."""
        values = np.stack([self._figure(name, i, figure, drawn) for i in which])
        if figure in POOLED:
            totals = np.stack([self.totals[i][: values.shape[1]] for i in which])
            return np.asarray((values * totals).sum(axis=0) / totals.sum(axis=0))
        known = np.isfinite(values)
        count = known.sum(axis=0)
        sums = np.where(known, values, 0.0).sum(axis=0)
        mean = np.divide(sums, count, out=np.full(len(sums), np.nan), where=count > 0)
        return np.asarray(mean, dtype=np.float64)

    def _figure(self, name: str, i: int, figure: str, drawn: bool) -> Vector:
        key = (name, i, figure, drawn)
        if key not in self.cache:
            origin, calls = self.origins[i], self.lists[i]
            draws: AccountDraws = self.draws if drawn else self.plain
            self.cache[key] = draws.figures(
                i,
                lambda weights: _measure(
                    figure, Ranked(origin.predicted[name], origin.test.share, weights), calls
                ),
            )
        return self.cache[key]


def _measure(figure: str, ranked: Ranked, calls: CallList) -> Vector:
    if figure in ("precision", "lift"):
        return np.asarray(getattr(ranked, figure)(calls.part))
    if figure == "capture":
        if calls.amount is None:
            return np.full(len(ranked.weights), np.nan)
        return ranked.capture(calls.part, calls.amount)
    return np.asarray(getattr(ranked, figure)())


def _total(weights: Matrix) -> Vector:
    return np.asarray(weights.sum(axis=1), dtype=np.float64)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
