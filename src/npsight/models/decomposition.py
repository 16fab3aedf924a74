"""The Brier score taken apart: how wrong the levels are, and how much they tell apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npsight.models.logits import Vector
from npsight.models.metrics import BINS, calibration_groups


@dataclass(frozen=True)
class BrierParts:
    """brier = reliability − resolution + uncertainty + within.

    `reliability` is the squared gap between predicted and observed share of the groups (0 is
    best), `resolution` the squared distance of their observed shares from the share of all (the
    more, the better), `uncertainty` what the share of all leaves open: o(1 − o). Murphy (1973).
    `within` is what differences inside a group add, since predictions are grouped by tenths of
    the weight (Stephenson, Coelho & Jolliffe 2008).
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier_parts(predicted: Vector, share: Vector, weight: Vector, bins: int = BINS) -> BrierParts:
    """Of the groups of `calibration_groups`; a row with share q is q events, 1 − q others."""
    groups = np.asarray(calibration_groups(predicted, share, weight, bins))
    expected, observed, size = groups[:, 0], groups[:, 1], groups[:, 2] / groups[:, 2].sum()
    base = float(np.average(share, weights=weight))
    rows = share * (1 - predicted) ** 2 + (1 - share) * predicted**2
    brier = float(np.average(rows, weights=weight))
    reliability = float(size @ (expected - observed) ** 2)
    resolution = float(size @ (observed - base) ** 2)
    uncertainty = base * (1 - base)
    within = brier - (reliability - resolution + uncertainty)
    return BrierParts(brier, reliability, resolution, uncertainty, within)
