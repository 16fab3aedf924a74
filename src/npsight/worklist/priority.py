"""How urgent an account is, by policy, and the sum in words.

revenue_at_risk
    risk × revenue × (1 + renewal_weight × nearness), with
    nearness = max(0, 1 − days_until_renewal / renewal_within_days) from the day of the renewal
    backwards, and 0 where it is past or unknown. An account without revenue counts with the
    median revenue of those that have one; where none has, revenue is left out.
risk
    The risk alone.
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
    risk: Vector, revenue: Vector, days_until_renewal: Vector, worklist: Worklist
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
    """
    if worklist.policy == "risk":
        return Priorities(np.nan_to_num(risk), [_percent(r) for r in risk.tolist()])
    known = np.isfinite(revenue) & (revenue >= 0)
    usual = float(np.median(revenue[known])) if known.any() else 1.0
    money = np.where(known, revenue, usual)
    factor = 1.0 + worklist.renewal_weight * nearness(
        days_until_renewal, worklist.renewal_within_days
    )
    value = np.nan_to_num(risk * money * factor)
    rows = zip(
        risk.tolist(),
        [_money(m, k, bool(known.any())) for m, k in zip(money, known, strict=True)],
        factor.tolist(),
        days_until_renewal.tolist(),
        strict=True,
    )
    return Priorities(value, [_reason(*row) for row in rows])


def nearness(days_until_renewal: Vector, within_days: int) -> Vector:
    """1 on the day of the renewal, falling to 0 at `within_days` ahead; 0 if past or unknown."""
    ahead = days_until_renewal >= 0
    near = 1.0 - np.where(ahead, days_until_renewal, within_days) / within_days
    return np.asarray(np.maximum(near, 0.0), dtype=np.float64)


def _reason(risk: float, money: str, factor: float, days: float) -> str:
    if np.isnan(risk):
        return UNKNOWN
    when = f" × {factor:.1f} ({_when(days)})" if factor > 1 else ""
    return f"{_percent(risk)}{money}{when}"


def _percent(risk: float) -> str:
    return UNKNOWN if np.isnan(risk) else f"{100 * risk:.0f} % risk"


def _money(money: float, known: bool, any_known: bool) -> str:
    if not any_known:
        return ""
    return f" × {money:,.0f} revenue" + ("" if known else " (median: its own is unknown)")


def _when(days: float) -> str:
    if days == 0:
        return "renews today"
    return f"renews in {days:,.0f} day{'' if days == 1 else 's'}"
