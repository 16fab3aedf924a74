"""How good predicted probabilities are, against shares observed later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npsight.models.logits import Vector, log_loss_rows

BINS = 10


@dataclass(frozen=True)
class Quality:
    """Figures of one contender on one set of rows; shares are weighted by row weight.

    `auc` is None where only one class was seen. `calibration_error` is the mean gap between
    predicted and observed share over ten groups of equal weight (ECE). `lift` is the observed
    share in the tenth with the highest risk, over the share of all.
    """

    rows: int
    events: float
    auc: float | None
    brier: float
    log_loss: float
    calibration_error: float
    lift: float | None


def quality(predicted: Vector, share: Vector, weight: Vector) -> Quality:
    """All figures at once. A row with share q counts as q events and 1 − q non-events."""
    events = float(share @ weight)
    brier_rows = share * (1 - predicted) ** 2 + (1 - share) * predicted**2
    return Quality(
        rows=len(share),
        events=events,
        auc=auc(predicted, share, weight),
        brier=float(np.average(brier_rows, weights=weight)),
        log_loss=float(np.average(log_loss_rows(share, predicted), weights=weight)),
        calibration_error=calibration_error(predicted, share, weight),
        lift=lift(predicted, share, weight),
    )


def auc(predicted: Vector, share: Vector, weight: Vector) -> float | None:
    """P(an event ranks above a non-event), ties half; None with only one class."""
    from sklearn.metrics import roc_auc_score

    positive, negative = weight * share, weight * (1 - share)
    if positive.sum() <= 0 or negative.sum() <= 0:
        return None
    scores = np.concatenate([predicted, predicted])
    labels = np.concatenate([np.ones(len(share)), np.zeros(len(share))])
    weights = np.concatenate([positive, negative])
    keep = weights > 0
    return float(roc_auc_score(labels[keep], scores[keep], sample_weight=weights[keep]))


def calibration_groups(
    predicted: Vector, share: Vector, weight: Vector, bins: int = BINS
) -> list[tuple[float, float, float]]:
    """(mean predicted, mean observed, weight) of groups of rising risk and about equal weight.

    Equal predictions stay in one group: split, chance would tell them apart by the order of rows.
    """
    order = np.argsort(predicted, kind="stable")
    ranked = predicted[order]
    equals = np.cumsum(np.concatenate([[0], (ranked[1:] != ranked[:-1])])).astype(int)
    size = np.bincount(equals, weights=weight[order])
    position = (np.cumsum(size) - size / 2)[equals]
    group = np.minimum((position / weight.sum() * bins).astype(int), bins - 1)
    result = []
    for g in np.unique(group):
        rows = order[group == g]
        w = weight[rows]
        result.append(
            (
                float(np.average(predicted[rows], weights=w)),
                float(np.average(share[rows], weights=w)),
                float(w.sum()),
            )
        )
    return result


def calibration_error(predicted: Vector, share: Vector, weight: Vector) -> float:
    """Weighted mean of |predicted − observed| over the groups of `calibration_groups`."""
    groups = calibration_groups(predicted, share, weight)
    total = sum(w for _, _, w in groups)
    return float(sum(w * abs(p - o) for p, o, w in groups) / total)


def lift(predicted: Vector, share: Vector, weight: Vector, top: float = 0.1) -> float | None:
    """Observed share in the `top` part of highest risk over that of all; None without events."""
    base = float(np.average(share, weights=weight))
    if base <= 0:
        return None
    order = np.argsort(-predicted, kind="stable")
    rows = order[np.cumsum(weight[order]) <= max(top * weight.sum(), weight[order[0]])]
    return float(np.average(share[rows], weights=weight[rows])) / base
