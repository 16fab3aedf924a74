"""How urgent an account is, by policy, and the sum in words.

revenue_at_risk
    risk × revenue × (1 + renewal_weight × nearness) × (1 + slide_weight × fall), with
    nearness = max(0, 1 − days_until_renewal / renewal_within_days) from the day of the renewal
    backwards, and 0 where it is past or unknown; fall is the number of bands that the next answer
    is expected to lie lower than the last, 0 where it is not or there is no last. An account
    without revenue counts with the median revenue of those that have one; where none has, revenue
    is left out.
churn_loss
    The same with the risk to leave.
risk
    risk × (1 + slide_weight × fall).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npsight.config.schema import Worklist

Vector = NDArray[np.float64]
UNKNOWN = "risk unknown"


@dataclass(frozen=True)
class Priorities:
    """`value` ≥ 0, shape (accounts,), 0 where the risk is unknown; `reason` the same in words."""

    value: Vector
    reason: list[str]


def priorities(
    risk: Vector,
    revenue: Vector,
    days_until_renewal: Vector,
    worklist: Worklist,
    fall: Vector | None = None,
) -> Priorities:
    """Priority of each account under `worklist.policy`.

    Parameters
    ----------
    risk
        Probability; NaN where unknown.
    revenue
        A year, in any one currency; NaN, infinite or negative counts as unknown, 0 as nothing.
    days_until_renewal
        Whole days, negative once past; NaN where unknown.
    fall
        Bands that the next answer is expected to lie lower: 0, 1 or 2. Default: 0.
    """
    bands = np.zeros(len(risk)) if fall is None else fall
    slide = 1.0 + worklist.slide_weight * bands
    if worklist.policy == "risk":
        told = zip(risk.tolist(), slide.tolist(), bands.tolist(), strict=True)
        return Priorities(np.nan_to_num(risk * slide), [_reason(r, "", s, b) for r, s, b in told])
    known = np.isfinite(revenue) & (revenue >= 0)
    usual = float(np.median(revenue[known])) if known.any() else 1.0
    money = np.where(known, revenue, usual)
    factor = 1.0 + worklist.renewal_weight * nearness(
        days_until_renewal, worklist.renewal_within_days
    )
    sums = [
        _money(m, k, bool(known.any())) + _renewal(f, d)
        for m, k, f, d in zip(money, known, factor.tolist(), days_until_renewal, strict=True)
    ]
    rows = zip(risk.tolist(), sums, slide.tolist(), bands.tolist(), strict=True)
    what = "risk to leave" if worklist.policy == "churn_loss" else "risk"
    return Priorities(
        np.nan_to_num(risk * money * factor * slide), [_reason(*row, what) for row in rows]
    )


def nearness(days_until_renewal: Vector, within_days: int) -> Vector:
    """1 on the day of the renewal, falling to 0 at `within_days` ahead; 0 if past or unknown."""
    ahead = days_until_renewal >= 0
    near = 1.0 - np.where(ahead, days_until_renewal, within_days) / within_days
    return np.asarray(np.maximum(near, 0.0), dtype=np.float64)


def _reason(risk: float, times: str, slide: float, bands: float, what: str = "risk") -> str:
    if np.isnan(risk):
        return UNKNOWN
    fall = "a band" if bands == 1 else f"{bands:.0f} bands"
    falling = f" × {_factor(slide)} (expected to fall {fall})" if slide > 1 else ""
    percent = f"{100 * risk:.0f}"
    shown = "under 1" if percent == "0" and risk > 0 else percent
    return f"{shown} % {what}{times}{falling}"


def _money(money: float, known: bool, any_known: bool) -> str:
    if not any_known:
        return ""
    return f" × {money:,.0f} revenue" + ("" if known else " (median: its own is unknown)")


def _renewal(factor: float, days: float) -> str:
    if factor <= 1:
        return ""
    when = "today" if days == 0 else f"in {days:,.0f} day{'' if days == 1 else 's'}"
    return f" × {factor:.1f} (renews {when})"


def _factor(value: float) -> str:
    """With one decimal, or with two where it has them."""
    return f"{value:.2f}".removesuffix("0")
