"""The history prior: what an account's own past answers say, shrunk to segment and market.

With decayed counts n (all) and s (of the event) for account, segment and market of the day,

    market  = (s_m + 2·base) / (n_m + 2)
    segment = (s_g + k_g·market) / (n_g + k_g)
    prior   = (s_a + k_a·segment) / (n_a + k_a)

Empirical-Bayes shrinkage of a beta-binomial mean (Efron & Morris 1973 in spirit). An account
remembers longer than a market: own counts have a half-life of their own, segment and market share
another. Both half-lives and both strengths k are those of least log loss on the training rows,
whose counts were known before each row's as_of; so an account without answers gets its segment's
level.

Two more shares are learned in the same way where the columns exist. `voices` is how much of the
account's counts are those with one vote for each respondent; `others` is the weight of its
answers at touchpoints that are not foreseen. Both are 0 where they do not help.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Protocol

import numpy as np
import pandas as pd

from npsight.features.history import (
    EACH,
    EACH_OTHER,
    HALF_LIVES_DAYS,
    LEVELS,
    OTHER,
    history_column,
    history_columns,
)
from npsight.models.logits import Vector, log_loss_rows, logit
from npsight.models.rows import Features, Rows, rows_of

ACCOUNT_STRENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
SEGMENT_STRENGTHS = (5.0, 20.0, 80.0, 320.0, 1280.0)
VOICES = (0.0, 0.5, 1.0)
OTHERS = (0.0, 0.25, 0.5, 1.0)
AXES: dict[str, tuple[Any, ...]] = {
    "half_life_days": tuple(reversed(HALF_LIVES_DAYS)),
    "level_half_life_days": tuple(reversed(HALF_LIVES_DAYS)),
    "account_strength": tuple(reversed(ACCOUNT_STRENGTHS)),
    "segment_strength": tuple(reversed(SEGMENT_STRENGTHS)),
    "voices": VOICES,
    "others": OTHERS,
}
"""What is learned, and the values it may take; of equally good ones the first is taken."""
NEEDED = {"voices": EACH, "others": OTHER}
"""Axis to the level of counts without which there is nothing to learn about it."""
MOST_ROWS = 40_000
"""Rows that the settings are judged on; more hardly move them."""
MOST_ROUNDS = 6

Totals = Callable[[str, int], tuple[Vector, Vector]]
"""(level, half-life) -> decayed counts of the event and of all bands."""


class Prior(Protocol):
    """What every model starts from: log-odds of the event, one for each row."""

    def log_odds(self, features: Features) -> Vector:
        """Shape (rows,); never missing."""
        ...

    def to_json(self) -> dict[str, object]:
        """Everything needed to make it again."""
        ...


@dataclass(frozen=True)
class RatePrior:
    """The base rate, the same for every account."""

    rate: float

    def log_odds(self, features: Features) -> Vector:
        """The base rate's log-odds for every row."""
        return np.full(len(features), float(logit(self.rate)))

    def to_json(self) -> dict[str, object]:
        """JSON form, read by `prior_from_json`."""
        return {"kind": "rate", "rate": self.rate}


@dataclass(frozen=True)
class HistoryPrior:
    """See the module's head. `event` are the bands that count as the event, `among` all bands."""

    event: tuple[str, ...]
    among: tuple[str, ...]
    base: float
    half_life_days: int
    level_half_life_days: int
    account_strength: float
    segment_strength: float
    voices: float = 0.0
    others: float = 0.0

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels of decayed counts that it reads."""
        each = (EACH,) if self.voices > 0 else ()
        other = (OTHER,) if self.others > 0 else ()
        both = (EACH_OTHER,) if self.voices > 0 and self.others > 0 else ()
        return (*LEVELS, *each, *other, *both)

    def log_odds(self, features: Features) -> Vector:
        """Needs the columns of `features.history.history_columns` of its `levels`."""
        return logit(self._share(_totals_of(rows_of(features), self.event, self.among)))

    def of_the_day(self, features: Features) -> Vector:
        """Log-odds of the market's level on each row's day: what is known without the account."""
        return logit(self._market(_totals_of(rows_of(features), self.event, self.among)))

    def _market(self, totals: Totals) -> Vector:
        event, among = totals("market", self.level_half_life_days)
        return (event + 2 * self.base) / (among + 2)

    def _share(self, totals: Totals) -> Vector:
        market = self._market(totals)
        event, among = totals("segment", self.level_half_life_days)
        segment = (event + self.segment_strength * market) / (among + self.segment_strength)
        event, among = self._own(totals)
        return (event + self.account_strength * segment) / (among + self.account_strength)

    def _own(self, totals: Totals) -> tuple[Vector, Vector]:
        """(1 − voices) · (own + others · other) + voices · (each + others · each_other)."""
        pooled = self._with_others(totals, LEVELS[0], OTHER)
        if self.voices == 0:
            return pooled
        voted = self._with_others(totals, EACH, EACH_OTHER)
        event, among = (
            (1 - self.voices) * p + self.voices * v for p, v in zip(pooled, voted, strict=True)
        )
        return event, among

    def _with_others(self, totals: Totals, level: str, other: str) -> tuple[Vector, Vector]:
        event, among = totals(level, self.half_life_days)
        if self.others == 0:
            return event, among
        more = totals(other, self.half_life_days)
        return event + self.others * more[0], among + self.others * more[1]

    def to_json(self) -> dict[str, object]:
        """JSON form, read by `prior_from_json`."""
        return {"kind": "history", **self.__dict__}


def prior_from_json(content: dict[str, object]) -> Prior:
    """Inverse of `to_json`."""
    fields = dict(content)
    kind = fields.pop("kind")
    if kind == "rate":
        return RatePrior(**fields)  # type: ignore[arg-type]
    if kind == "response":
        from npsight.models.response import ResponsePrior

        return ResponsePrior(**fields)  # type: ignore[arg-type]
    fields["event"] = tuple(fields["event"])  # type: ignore[arg-type]
    fields["among"] = tuple(fields["among"])  # type: ignore[arg-type]
    return HistoryPrior(**fields)  # type: ignore[arg-type]


def fit_history_prior(
    frame: pd.DataFrame,
    share: Vector,
    weight: Vector,
    event: tuple[str, ...],
    among: tuple[str, ...],
) -> HistoryPrior:
    """The settings with the least weighted log loss, found axis by axis.

    `share` is the observed share of the event among each row's answers, `weight` its weight.
    Beyond `MOST_ROWS` every k-th row is judged, so that all days and accounts have their part.
    """
    base = float(np.average(share, weights=weight))
    every = slice(None, None, max(1, -(-len(frame) // MOST_ROWS)))
    totals = _totals_of(rows_of(frame.iloc[every]), event, among)
    share, weight = share[every], weight[every]

    def loss(prior: HistoryPrior) -> float:
        return float(np.average(log_loss_rows(share, prior._share(totals)), weights=weight))

    axes = _axes(frame)
    strongest = {axis: values[0] for axis, values in axes.items()}
    return _descend(HistoryPrior(event, among, base, **strongest), axes, loss)


def _axes(frame: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """The axes of `AXES` for which the frame has what they need."""
    present = set(frame.columns)
    return {
        axis: values
        for axis, values in AXES.items()
        if axis not in NEEDED or set(history_columns([NEEDED[axis]])) <= present
    }


def _descend(
    start: HistoryPrior, axes: dict[str, tuple[Any, ...]], loss: Callable[[HistoryPrior], float]
) -> HistoryPrior:
    """Coordinate descent until no axis gains; ties stay with what comes first: the stronger
    shrink, pooled counts, and answers at the foreseen touchpoints alone.
    """
    best, least = start, loss(start)
    for _ in range(MOST_ROUNDS):
        before = best
        for axis, values in axes.items():
            others = [replace(best, **{axis: v}) for v in values if v != getattr(best, axis)]
            losses = [loss(other) for other in others]
            place = int(np.argmin(losses))
            if losses[place] < least - 1e-12:
                best, least = others[place], losses[place]
        if best == before:
            break
    return best


def _totals_of(rows: Rows, event: tuple[str, ...], among: tuple[str, ...]) -> Totals:
    """Reads each count once."""

    @cache
    def totals(level: str, half_life: int) -> tuple[Vector, Vector]:
        return counted(rows, level, event, half_life), counted(rows, level, among, half_life)

    return totals


def counted(rows: Rows, level: str, bands: tuple[str, ...], half_life: int) -> Vector:
    """Decayed counts of some bands together, shape (rows,)."""
    return np.asarray(rows.numbers(_names(level, bands, half_life)).sum(axis=1), dtype=np.float64)


@lru_cache(maxsize=256)
def _names(level: str, bands: tuple[str, ...], half_life: int) -> tuple[str, ...]:
    return tuple(history_column(level, band, half_life) for band in bands)
