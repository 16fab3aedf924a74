"""Figures of one prediction under many weightings of its rows at once.

A bootstrap by account only changes the weights of rows; their order by risk stays. So every
figure is a function of `weights`, shape (draws, rows), and its point value is the same function
with one draw. Equal predictions count as one group everywhere: no figure depends on the order of
rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from npsight.models.encoding import Matrix
from npsight.models.logits import Vector, log_loss_rows

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Ranked:
    """Rows from the highest risk down, equal risks as one group.

    Attributes
    ----------
    predicted, share
        Probability and observed share of the event of each row, shape (rows,).
    weights
        Shape (draws, rows), ≥ 0.

    Every method returns one value a draw, shape (draws,); NaN where it is not defined.
    """

    predicted: Vector
    share: Vector
    weights: Matrix

    @cached_property
    def _order(self) -> tuple[Positions, Positions]:
        """Row numbers from the highest prediction down, and where each group of equals starts."""
        order = np.argsort(-self.predicted, kind="stable")
        ranked = self.predicted[order]
        starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        return order, starts

    def _by_group(self, values: Matrix) -> Matrix:
        """Sums of `values`, shape (draws, rows), over groups of equals: shape (draws, groups)."""
        order, starts = self._order
        return np.asarray(np.add.reduceat(values[:, order], starts, axis=1))

    @cached_property
    def _weight(self) -> Matrix:
        return self._by_group(self.weights)

    @cached_property
    def _events(self) -> Matrix:
        return self._by_group(self.weights * self.share)

    def auc(self) -> Vector:
        """P(an event ranks above a non-event), ties half. A row of share q is q events."""
        events, others = self._events, self._weight - self._events
        above = np.cumsum(events, axis=1) - events / 2
        return _ratio((above * others).sum(axis=1), events.sum(axis=1) * others.sum(axis=1))

    def average_precision(self) -> Vector:
        """Σ (recall gained × precision) down the ranking, equals taken together."""
        found, called = np.cumsum(self._events, axis=1), np.cumsum(self._weight, axis=1)
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        return _ratio((self._events * precision).sum(axis=1), self._events.sum(axis=1))

    def base_rate(self) -> Vector:
        """Observed share of the event among all rows."""
        return _ratio(self._events.sum(axis=1), self._weight.sum(axis=1))

    def precision(self, part: float) -> Vector:
        """Observed share of the event among the `part` (0 to 1) of rows of highest risk.

        Of a group of equals that the cut goes through, the same part of each row is taken: what
        a list that breaks ties at random finds on average.
        """
        taken = self._taken(part)
        return _ratio((taken * self._events).sum(axis=1), (taken * self._weight).sum(axis=1))

    def lift(self, part: float) -> Vector:
        """`precision` over `base_rate`."""
        return _ratio(self.precision(part), self.base_rate())

    def capture(self, part: float, amount: Vector) -> Vector:
        """Share of the amount of all events' rows that the `part` of highest risk holds.

        `amount` is what each row is worth, shape (rows,), ≥ 0; missing (NaN) counts nothing.
        """
        held = self._by_group(self.weights * self.share * np.nan_to_num(amount, nan=0.0))
        return _ratio((self._taken(part) * held).sum(axis=1), held.sum(axis=1))

    def brier(self) -> Vector:
        """Weighted mean of q(1 − p)² + (1 − q)p²."""
        p, q = self.predicted, self.share
        return _mean(q * (1 - p) ** 2 + (1 - q) * p**2, self.weights)

    def log_loss(self) -> Vector:
        """Weighted mean cross-entropy, nats a row."""
        return _mean(log_loss_rows(self.share, self.predicted), self.weights)

    def _taken(self, part: float) -> Matrix:
        """How much of each group is in the top `part` by weight, 0 to 1."""
        wanted = part * self._weight.sum(axis=1, keepdims=True)
        left = wanted - (np.cumsum(self._weight, axis=1) - self._weight)
        share = np.divide(left, self._weight, out=np.zeros_like(left), where=self._weight > 0)
        return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float64)


def _mean(values: Vector, weights: Matrix) -> Vector:
    return _ratio(weights @ values, weights.sum(axis=1))


def _ratio(above: Vector, below: Vector) -> Vector:
    """Above / below; NaN where there is nothing below."""
    found = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return np.asarray(found, dtype=np.float64)
