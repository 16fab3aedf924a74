"""Labelled rows, and which of them were known on a given day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.config.specs import OutcomeWindow
from npsight.models.logits import Vector

Instants = NDArray[np.datetime64]


@dataclass(frozen=True)
class Examples:
    """One row for each (account, as_of) with an outcome.

    Attributes
    ----------
    frame
        Features and decayed counts, one row each, with columns `account` and `as_of`.
    share
        Observed share of the event among the row's answers, in [0, 1]; 0 or 1 for churn.
    weight
        Weight of the row; an account-window weighs 1 however many people answered.
    known_at
        When the outcome was wholly known; NaT where it was known at the window's end.
    window
        The outcome window `[as_of + gap, as_of + gap + horizon)`.
    """

    frame: pd.DataFrame
    share: Vector
    weight: Vector
    known_at: Instants
    window: OutcomeWindow

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def as_of(self) -> Instants:
        """As_of of each row, as datetime64[us]."""
        return np.asarray(self.frame["as_of"], dtype="datetime64[us]")

    @property
    def account(self) -> NDArray[Any]:
        """Account of each row."""
        return np.asarray(self.frame["account"], dtype=object)

    def where(self, rows: NDArray[np.bool_]) -> Examples:
        """The rows for which `rows` is true."""
        return replace(
            self,
            frame=self.frame.loc[rows].reset_index(drop=True),
            share=self.share[rows],
            weight=self.weight[rows],
            known_at=self.known_at[rows],
        )

    def known_before(self, instant: np.datetime64) -> Examples:
        """Rows that could be trained on at `instant`: their window had ended
        (`as_of + gap + horizon <= instant`) and their outcome was known before it.
        """
        ended = self.as_of + np.timedelta64(self.window.end) <= instant
        known = np.isnat(self.known_at) | (self.known_at < instant)
        return self.where(ended & known)

    def between(self, first: np.datetime64, last: np.datetime64) -> Examples:
        """Rows with as_of in `[first, last]`, both inclusive: as_of dates are points of a grid."""
        return self.where((self.as_of >= first) & (self.as_of <= last))

    def events(self) -> tuple[float, float]:
        """Weighted number of events and of non-events."""
        return float(self.share @ self.weight), float((1 - self.share) @ self.weight)

    def can_be_learned(self, least: int) -> bool:
        """Whether there are at least `least` events and as many non-events."""
        return min(self.events()) >= least
