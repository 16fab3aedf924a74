"""Driver points: the exact Shapley value of the displayed number over the driver groups.

The game of a row is v(S) = the number expected when only the log-odds of the groups in S are
known, and the others are as over the training rows (see `absent`). The points of group g are its
Shapley value (Shapley 1953), so that v(all) = v(none) + Σ points, to rounding; v(none) is the
mean prediction over the training rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np

from npsight.drivers.absent import Absent, Outcome, absent, nothing_expected
from npsight.errors import ModelIntegrityError
from npsight.models.encoding import Matrix
from npsight.models.logits import Vector
from npsight.models.part import Contributions
from npsight.models.typical import Typical

MAX_GROUPS = 16
BATCH_VALUES = 4_000_000


@dataclass(frozen=True)
class Points:
    """`base + values.sum(axis=1)` is the displayed number, to 1e-9.

    `values` has shape (rows, groups), in the unit of the displayed number.
    """

    base: float
    groups: tuple[str, ...]
    values: Matrix
    total: Vector


def grouped(
    contributions: Contributions, group_of: Mapping[str, str], groups: Sequence[str]
) -> Matrix:
    """Log-odds of each group, shape (rows, groups); terms are summed within their group."""
    result = np.zeros((len(contributions.raw), len(groups)))
    position = {group: i for i, group in enumerate(groups)}
    for column, term in enumerate(contributions.terms):
        result[:, position[group_of[term]]] += contributions.values[:, column]
    return result


def driver_points(
    bases: Sequence[float],
    parts: Sequence[Matrix],
    groups: Sequence[str],
    outcome: Outcome,
    displayed: Vector,
    typical: Typical | None = None,
) -> Points:
    """Shapley values of `outcome` over the groups, exact, all rows at once in batches.

    `bases` and `parts` are the base log-odds and the grouped log-odds of each model part that
    the displayed number is made of; `displayed` is that number as the model predicts it, shape
    (rows,). Without `typical`, a group that is left out counts as its mean in log-odds. Raises
    ModelIntegrityError where the points do not add up to the number.
    """
    count = len(groups)
    if count > MAX_GROUPS:
        raise ValueError(
            f"{count} driver groups: exact points are computed for at most {MAX_GROUPS}; "
            "join some drivers in the project file"
        )
    rows = len(parts[0])
    values = np.empty((rows, count))
    member = _membership(count)
    left_out = nothing_expected(len(parts), member.shape[1])
    if typical is not None:
        left_out = absent(typical, groups, member)
    step = max(1, BATCH_VALUES >> count)
    for start in range(0, rows, step):
        some = [part[start : start + step] for part in parts]
        values[start : start + step] = _shapley(
            _game(bases, some, member, outcome, left_out), member
        )
    nobody = [np.zeros((1, count)) for _ in parts]
    base = float(_game(bases, nobody, member[:, :1], outcome, left_out.first())[0, 0])
    points = Points(base, tuple(groups), values, displayed)
    assert_adds_up(points)
    return points


def _game(
    bases: Sequence[float],
    parts: Sequence[Matrix],
    member: Matrix,
    outcome: Outcome,
    left_out: Absent,
) -> Matrix:
    """The number expected of each row and subset, shape (rows, subsets)."""
    raws = [base + part @ member for base, part in zip(bases, parts, strict=True)]
    return left_out.expected(raws, outcome)


def assert_adds_up(points: Points, tolerance: float = 1e-9) -> None:
    """Raises ModelIntegrityError where base + Σ points is not the displayed number."""
    scale = max(1.0, float(np.max(np.abs(points.total), initial=0.0)))
    gap = np.abs(points.base + points.values.sum(axis=1) - points.total)
    worst = float(np.max(gap, initial=0.0))
    if not worst <= tolerance * scale:
        raise ModelIntegrityError(
            f"driver points miss the displayed number by {worst:.2g}\n  → report this as a defect"
        )


def assert_contributions_add_up(contributions: Contributions, tolerance: float = 1e-6) -> None:
    """Raises ModelIntegrityError where base + Σ contributions is not the raw score."""
    gap = np.abs(contributions.base + contributions.values.sum(axis=1) - contributions.raw)
    worst = float(np.max(gap, initial=0.0))
    if not worst <= tolerance:
        raise ModelIntegrityError(
            f"contributions miss the raw score by {worst:.2g}\n  → report this as a defect"
        )


def _membership(count: int) -> Matrix:
    """Shape (groups, 2^groups): 1 where the group is in the subset."""
    subsets = np.arange(1 << count)
    return ((subsets[None, :] >> np.arange(count)[:, None]) & 1).astype(np.float64)


def _shapley(game: Matrix, member: Matrix) -> Matrix:
    """Shapley values of each row of `game`, shape (rows, groups)."""
    count = len(member)
    size = member.sum(axis=0).astype(int)
    before = np.array(
        [factorial(s) * factorial(count - s - 1) / factorial(count) for s in range(count)] + [0.0]
    )
    values = np.empty((len(game), count))
    for group in range(count):
        with_it = np.flatnonzero(member[group] == 1)
        without = with_it ^ (1 << group)
        values[:, group] = (game[:, with_it] - game[:, without]) @ before[size[without]]
    return values
