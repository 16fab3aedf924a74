"""Ways to hold rows out: by time, which is the rule, and at random, for data without time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from npsight.models.examples import Examples

Split = tuple[Examples, Examples]
Splitter = Callable[[Examples], list[Split]]
"""Rows -> pairs of (rows to fit on, rows to predict), newest first."""

FOLDS = 3


@dataclass(frozen=True)
class TimeSplits:
    """Up to `folds` pairs, each holding out the as_of dates of one period, newest first.

    The rows to fit on are those whose window had ended, and whose outcome was known, before the
    first held-out as_of.
    """

    period_days: int
    folds: int = FOLDS

    def __call__(self, rows: Examples) -> list[Split]:
        """The pairs; fewer where history is short, none without any."""
        days = np.unique(rows.as_of)
        period = np.timedelta64(self.period_days, "D")
        pairs: list[Split] = []
        while len(days) and len(pairs) < self.folds:
            held_out = days[days > days[-1] - period]
            past = rows.known_before(held_out[0])
            if len(past) == 0:
                break
            pairs.append((past, rows.between(held_out[0], held_out[-1])))
            days = days[days < held_out[0]]
        return pairs


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
