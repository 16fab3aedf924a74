"""Bootstrap by account: all rows of an account, on all days, are drawn or left out together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from npsight.models.encoding import Matrix
from npsight.models.examples import Examples
from npsight.models.logits import Vector

DRAWS = 400
LEVEL = 0.95
BLOCK_VALUES = 4_000_000
"""Weights held in memory at a time."""


@dataclass(frozen=True)
class Interval:
    """Percentile interval of a figure at `LEVEL`, in the figure's unit."""

    low: float
    high: float


@dataclass(frozen=True)
class AccountDraws:
    """How often each account was drawn, for several sets of rows of the same accounts.

    `times` has shape (1 + draws, accounts): the first row is the data as they are, every account
    once. `codes[i]` are the positions in it of set i's rows, and `weights[i]` their own weights.
    """

    times: NDArray[np.int32]
    codes: tuple[NDArray[np.int64], ...]
    weights: tuple[Vector, ...]

    def figures(self, which: int, measure: Callable[[Matrix], Vector]) -> Vector:
        """`measure` of set `which`: first of the data as they are, then under each draw.

        `measure` takes weights of shape (some draws, rows), a block of draws at a time. Returns
        shape (1 + draws,).
        """
        return np.concatenate([measure(block) for block in self._blocks(which)])

    def as_they_are(self) -> AccountDraws:
        """The same without the draws."""
        return replace(self, times=self.times[:1])

    def _blocks(self, which: int) -> Iterator[Matrix]:
        codes, weights = self.codes[which], self.weights[which]
        step = max(1, BLOCK_VALUES // max(1, len(codes)))
        for start in range(0, len(self.times), step):
            yield self.times[start : start + step][:, codes] * weights


def draw_accounts(sets: Sequence[Examples], seed: int, draws: int = DRAWS) -> AccountDraws:
    """Draw as many accounts as there are, with replacement, `draws` times (Efron 1979).

    The accounts are those of all sets together, so that one draw says for every set which
    accounts it holds. The same seed and accounts give the same draws.
    """
    names = [rows.account.astype(str) for rows in sets]
    known, codes = np.unique(np.concatenate(names), return_inverse=True)
    rng = np.random.default_rng(seed)
    times = np.ones((1 + draws, len(known)), dtype=np.int32)
    for draw in range(1, 1 + draws):
        drawn = rng.integers(0, len(known), len(known))
        times[draw] = np.bincount(drawn, minlength=len(known))
    ends = np.cumsum([len(rows) for rows in sets])[:-1]
    return AccountDraws(times, tuple(np.split(codes, ends)), tuple(rows.weight for rows in sets))


def interval(values: Vector) -> Interval | None:
    """The middle `LEVEL` of drawn values; None where fewer than half of them are numbers."""
    known = values[np.isfinite(values)]
    if len(known) == 0 or len(known) * 2 < len(values):
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(float(low), float(high))
