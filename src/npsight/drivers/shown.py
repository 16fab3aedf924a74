"""Numbers and labels as a reader sees them.

Values are rounded before they are compared, so a sentence can never say "fell from 3 to 3".
"""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import ArrayLike

from npsight.config.specs import FeatureSpec
from npsight.models.logits import Vector

LONGEST_LABEL = 60
LONGEST_VALUE = 40
PREFIX_UNITS = frozenset("$€£¥")
_DECIMALS = {0.01: 4, 0.1: 3, 1.0: 2, 10.0: 1}
_SINGULAR = {"days": "day", "hours": "hour", "minutes": "minute", "weeks": "week"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


def rounded(values: ArrayLike) -> Vector:
    """To 4 decimals below 0.01, 3 below 0.1, 2 below 1, 1 below 10, 0 below a million, and from
    there 3 significant digits.

    Infinities become NaN, −0 becomes 0. The rounding is monotone: it never turns an order round.
    """
    exact = np.asarray(values, dtype=np.float64)
    finite = np.where(np.isfinite(exact), exact, np.nan)
    size = np.nan_to_num(np.abs(finite))
    decimals = np.select([size < limit for limit in _DECIMALS], list(_DECIMALS.values()), 0)
    scale = 10.0**decimals
    result = np.round(finite * scale) / scale
    large = size >= 1e6
    if np.any(large):
        result = np.where(large, _significant(np.where(large, finite, 1e6)), result)
    return np.asarray(result + 0.0, dtype=np.float64)


def _significant(values: Vector) -> Vector:
    scale = 10.0 ** (np.floor(np.log10(np.abs(values))) - 2)
    return np.asarray(np.round(values / scale) * scale, dtype=np.float64)


def whole(values: ArrayLike) -> Vector:
    """Whole days, cut towards 0; infinities become NaN."""
    exact = np.asarray(values, dtype=np.float64)
    return np.asarray(np.trunc(np.where(np.isfinite(exact), exact, np.nan)) + 0.0)


def tenths(values: ArrayLike) -> Vector:
    """Days to one decimal below 10, whole ones from there; infinities become NaN."""
    exact = np.asarray(values, dtype=np.float64)
    finite = np.where(np.isfinite(exact), exact, np.nan)
    coarse = np.where(np.abs(finite) < 10, np.round(finite, 1), np.round(finite))
    return np.asarray(coarse + 0.0, dtype=np.float64)


def percents(values: ArrayLike) -> Vector:
    """Shares as percentages, `rounded`."""
    return rounded(100.0 * np.asarray(values, dtype=np.float64))


def whole_percents(values: ArrayLike) -> Vector:
    """Shares as whole percentages; infinities become NaN."""
    exact = np.asarray(values, dtype=np.float64)
    return np.asarray(np.round(np.where(np.isfinite(exact), 100.0 * exact, np.nan)) + 0.0)


def show(value: float, unit: str = "") -> str:
    """A rounded value with its unit: `1,240 h`, `0.31`, `$48,000`, `62 %`, `1 day`."""
    number = show_number(abs(value))
    sign = "-" if value < 0 else ""
    if not unit:
        return sign + number
    if unit in PREFIX_UNITS:
        return f"{sign}{unit}{number}"
    if abs(value) == 1:
        unit = _SINGULAR.get(unit, unit)
    return f"{sign}{number} {unit}"


def show_number(value: float) -> str:
    """A rounded value ≥ 0 without unit."""
    if value >= 1e15:
        return f"{value:.2e}"
    if value >= 1e9:
        return f"{value / 1e9:,.3g} billion" if value < 1e12 else f"{value / 1e9:,.0f} billion"
    if value >= 1e6:
        return f"{value / 1e6:.3g} million"
    if value == math.floor(value):
        return f"{int(value):,}"
    return f"{value:.4f}".rstrip("0")


def days(count: float) -> str:
    """`1 day`, `37 days`, `1,204 days`."""
    return show(count, "days")


def lasting(count: float) -> str:
    """`7.1 days`, of a span rounded to `tenths`; one that rounds to nothing is `under 0.1 days`."""
    return days(count) if count > 0 else "under 0.1 days"


def moved(now: float, past: float) -> str:
    """`rose`, `fell` or `unchanged`, of two rounded values."""
    return "rose" if now > past else "fell" if now < past else "unchanged"


def label_of(spec: FeatureSpec) -> str:
    """The declared label on one line, or one derived from the definition when it is blank."""
    return tidy(spec.label, LONGEST_LABEL) or tidy(_derived(spec), LONGEST_LABEL)


def _derived(spec: FeatureSpec) -> str:
    what = spec.measure or spec.source
    if spec.category:
        what = f"kinds of {what} by {spec.category}"
    if spec.expression:
        what = spec.expression.rpartition(":")[2]
    per = f" per {spec.per}" if spec.per else ""
    return " ".join([*(value for _, value in spec.where), f"{what}{per}".replace("_", " ")])


def tidy(text: object, longest: int) -> str:
    """One line without control or direction characters, cut to `longest` characters."""
    plain = " ".join(_CONTROL.sub(" ", str(text)).split())
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


def capital(text: str) -> str:
    """With a capital first letter, the others left as they are."""
    return text[:1].upper() + text[1:]
