"""Ways to hold rows out: by time, which is the rule, and at random, for data without time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from npsight.models.examples import Examples, Instants

Split = tuple[Examples, Examples]
Splitter = Callable[[Examples], list[Split]]
"""Rows -> pairs of (rows to fit on, rows to predict), newest first."""

FOLDS = 3


@dataclass(frozen=True)
class TimeSplits:
    """Up to `folds` pairs, each holding out the as_of dates of one period, newest first.

    The rows to fit on are those whose window had ended, and whose outcome was known, before the
    first held-out as_of. Where history is short, fewer dates are held out, so that at least
    `least` events and non-events are left to fit on.
    """

    period_days: int
    least: int = 1
    folds: int = FOLDS

    def __call__(self, rows: Examples) -> list[Split]:
        """The pairs; fewer where history is short, none without any."""
        days = np.unique(rows.as_of)
        period = np.timedelta64(self.period_days, "D")
        pairs: list[Split] = []
        while len(days) and len(pairs) < self.folds:
            held_out = days[days > days[-1] - period]
            pair = self._pair(rows, held_out)
            if pair is None:
                break
            pairs.append(pair)
            days = days[days < pair[1].as_of.min()]
        return pairs

    def _pair(self, rows: Examples, held_out: Instants) -> Split | None:
        for first in held_out:
            past = rows.known_before(first)
            if past.can_be_learned(self.least):
                return past, rows.between(first, held_out[-1])
        return None


@dataclass(frozen=True)
class RandomSplits:
    """`folds` pairs that hold out accounts at random. Only for snapshots: with time in the data
    a random split lets a model learn from the future.
    """

    folds: int
    seed: int

    def __call__(self, rows: Examples) -> list[Split]:
        """The pairs; every row is held out once."""
        accounts, code = np.unique(rows.account, return_inverse=True)
        draw = np.random.default_rng(self.seed).permutation(len(accounts))
        fold = (draw % self.folds)[code]
        return [(rows.where(fold != k), rows.where(fold == k)) for k in range(self.folds)]
