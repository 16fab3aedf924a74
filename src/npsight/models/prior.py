"""The history prior: what an account's own past answers say, shrunk to segment and market.

With decayed counts n (all) and s (of the event) for account, segment and market of the day,

    market  = (s_m + 2·base) / (n_m + 2)
    segment = (s_g + k_g·market) / (n_g + k_g)
    prior   = (s_a + k_a·segment) / (n_a + k_a)

Empirical-Bayes shrinkage of a beta-binomial mean (Efron & Morris 1973 in spirit). The half-life
and both strengths k are those of least log loss on the training rows, whose counts were known
before each row's as_of; so an account without answers gets its segment's level.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
import pandas as pd

from npsight.features.history import HALF_LIVES_DAYS, LEVELS, history_column
from npsight.models.logits import Vector, log_loss_rows, logit

ACCOUNT_STRENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
SEGMENT_STRENGTHS = (5.0, 20.0, 80.0, 320.0, 1280.0)
Counts = dict[str, tuple[Vector, Vector]]
"""Level -> decayed counts of the event and of all bands."""


class Prior(Protocol):
    """What every model starts from: log-odds of the event, one for each row of a frame."""

    def log_odds(self, frame: pd.DataFrame) -> Vector:
        """Shape (rows,); never missing."""
        ...

    def to_json(self) -> dict[str, object]:
        """Everything needed to make it again."""
        ...


@dataclass(frozen=True)
class RatePrior:
    """The base rate, the same for every account."""

    rate: float

    def log_odds(self, frame: pd.DataFrame) -> Vector:
        """The base rate's log-odds for every row."""
        return np.full(len(frame), float(logit(self.rate)))

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
    account_strength: float
    segment_strength: float

    def log_odds(self, frame: pd.DataFrame) -> Vector:
        """Needs the columns of `features.history.history_columns`."""
        counts = _counts(frame, self.event, self.among, self.half_life_days)
        return logit(self._share(counts))

    def _share(self, counts: Counts) -> Vector:
        event, among = counts["market"]
        market = (event + 2 * self.base) / (among + 2)
        event, among = counts["segment"]
        segment = (event + self.segment_strength * market) / (among + self.segment_strength)
        event, among = counts["own"]
        return (event + self.account_strength * segment) / (among + self.account_strength)

    def to_json(self) -> dict[str, object]:
        """JSON form, read by `prior_from_json`."""
        return {"kind": "history", **self.__dict__}


def prior_from_json(content: dict[str, object]) -> Prior:
    """Inverse of `to_json`."""
    fields = dict(content)
    kind = fields.pop("kind")
    if kind == "rate":
        return RatePrior(**fields)  # type: ignore[arg-type]
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
    """The half-life and strengths with the least weighted log loss; ties go to the stronger shrink.

    `share` is the observed share of the event among each row's answers, `weight` its weight.
    """
    base = float(np.average(share, weights=weight))
    best, least = None, np.inf
    counts = {h: _counts(frame, event, among, h) for h in HALF_LIVES_DAYS}
    grid = product(HALF_LIVES_DAYS, reversed(ACCOUNT_STRENGTHS), reversed(SEGMENT_STRENGTHS))
    for half_life, account, segment in grid:
        prior = HistoryPrior(event, among, base, half_life, account, segment)
        shares = prior._share(counts[half_life])
        loss = float(np.average(log_loss_rows(share, shares), weights=weight))
        if loss < least - 1e-12:
            best, least = prior, loss
    assert best is not None
    return best


def _counts(
    frame: pd.DataFrame, event: tuple[str, ...], among: tuple[str, ...], half_life: int
) -> Counts:
    return {
        level: (_total(frame, level, event, half_life), _total(frame, level, among, half_life))
        for level in LEVELS
    }


def _total(frame: pd.DataFrame, level: str, bands: tuple[str, ...], half_life: int) -> Vector:
    columns = [history_column(level, band, half_life) for band in bands]
    return np.asarray(frame[columns].to_numpy(np.float64).sum(axis=1), dtype=np.float64)
