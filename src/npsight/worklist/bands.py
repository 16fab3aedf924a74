"""Bands of scores and of predictions, risk levels, and what a move between bands is called."""

from __future__ import annotations

from math import isnan
from typing import Literal

from npsight.config.schema import NPS_0_10, Bands, Worklist

Band = Literal["detractor", "passive", "promoter"]
BandNow = Literal["detractor", "passive", "promoter", "silent"]
RiskLevel = Literal["high", "medium", "low"]

_HEIGHT: dict[BandNow, int] = {"detractor": 0, "passive": 1, "promoter": 2}
_MOVES: dict[tuple[BandNow, Band], str] = {
    ("detractor", "detractor"): "detractor staying",
    ("detractor", "passive"): "detractor recovering",
    ("detractor", "promoter"): "detractor won back",
    ("passive", "detractor"): "passive sliding",
    ("passive", "passive"): "passive staying",
    ("passive", "promoter"): "passive rising",
    ("promoter", "detractor"): "promoter falling",
    ("promoter", "passive"): "promoter slipping",
    ("promoter", "promoter"): "promoter staying",
    ("silent", "detractor"): "silent, likely detractor",
    ("silent", "passive"): "silent, likely passive",
    ("silent", "promoter"): "silent, likely promoter",
}


def band_of(score: float | None, bands: Bands = NPS_0_10) -> BandNow:
    """The band of a last score; `silent` for none (None or NaN).

    Limits of a band are inclusive at both ends.

    Raises
    ------
    ValueError
        The score lies in no band of the scale.
    """
    if score is None or isnan(score):
        return "silent"
    limits: dict[Band, tuple[float, float] | None] = {
        "detractor": bands.detractor,
        "passive": bands.passive,
        "promoter": bands.promoter,
    }
    for band, span in limits.items():
        if span is not None and span[0] <= score <= span[1]:
            return band
    known = ", ".join(f"{b} {s[0]:g}–{s[1]:g}" for b, s in limits.items() if s is not None)
    raise ValueError(f"score {score:g} lies in no band: {known}")


def predicted_band(detractor_prob: float, promoter_prob: float) -> Band | None:
    """The most probable band of the next answer; of equals the worse. None without a prediction."""
    if isnan(detractor_prob) or isnan(promoter_prob):
        return None
    passive_prob = 1.0 - detractor_prob - promoter_prob
    if detractor_prob >= max(passive_prob, promoter_prob):
        return "detractor"
    return "passive" if passive_prob >= promoter_prob else "promoter"


def risk_level(risk: float | None, worklist: Worklist) -> RiskLevel | None:
    """`high` from `high_risk` on, `medium` from `medium_risk` on, else `low`; None for no risk."""
    if risk is None or isnan(risk):
        return None
    if risk >= worklist.high_risk:
        return "high"
    return "medium" if risk >= worklist.medium_risk else "low"


def band_move(now: BandNow, expected: Band | None) -> str:
    """What the step from the last answer's band to the expected one is called.

    "passive sliding" is a passive whose next answer is most probably a detractor's; without a
    prediction the band alone.
    """
    return now if expected is None else _MOVES[now, expected]


def bands_lower(now: BandNow, expected: Band | None) -> int:
    """How many bands the expected answer lies below the last one; 0 for none, or without a last."""
    if expected is None or now == "silent":
        return 0
    return max(_HEIGHT[now] - _HEIGHT[expected], 0)
