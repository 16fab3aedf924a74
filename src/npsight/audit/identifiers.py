"""Columns that number or name the accounts, and so can hold no meaning of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from npsight.audit.findings import Check, Finding
from npsight.config.specs import FeatureSpec

CHECK = "identifiers"
LEAST_VALUES = 50
UNIQUE = 0.98
DENSE = 2.0
FIXED_DIGITS = 5
NAMES = 0.5


def identifiers(day: pd.DataFrame, specs: Sequence[FeatureSpec]) -> Check:
    """`look` at attributes that pose as numbers or categories and are identifiers.

    `day` holds one row an account. A number is one when nearly all values differ, all are whole,
    and they run on (the range holds at most twice as many numbers) or all have the same five or
    more digits. A category is one when there is a name for every second account.
    """
    attributes = [s for s in specs if s.source == "accounts" and s.aggregation == "value"]
    if len(day) < LEAST_VALUES:
        few = f"{len(day)} accounts, fewer than {LEAST_VALUES}"
        return Check(CHECK, 0, "columns", not_judged=few)
    if not attributes:
        return Check(CHECK, 0, "columns", not_judged="no feature reads an attribute")
    found = [finding for spec in attributes if (finding := _finding(day[spec.name], spec))]
    return Check(CHECK, len(attributes), "columns", tuple(found))


def _finding(values: pd.Series, spec: FeatureSpec) -> Finding | None:
    known = values.dropna()
    if len(known) < LEAST_VALUES:
        return None
    share = known.nunique() / len(known)
    what = _named(share) if spec.dtype == "category" else _numbered(known, share)
    if what is None:
        return None
    column = f"accounts.{spec.measure}"
    return Finding(
        level="look",
        check=CHECK,
        name=column,
        figure=share,
        threshold=NAMES if spec.dtype == "category" else UNIQUE,
        what=f"`{column}` {what}",
        remedy="leave it out of `features`: it tells accounts apart and says nothing of them, and "
        "where numbers are handed out in order it stands in for the date",
        columns=(column,),
    )


def _named(share: float) -> str | None:
    if share < NAMES:
        return None
    return f"has nearly a name for every account ({share:.0%} of its values are different)"


def _numbered(known: pd.Series, share: float) -> str | None:
    numbers = known.to_numpy(np.float64)
    if share < UNIQUE or not np.equal(np.mod(numbers, 1), 0).all():
        return None
    if np.ptp(numbers) + 1 <= DENSE * len(numbers):
        return "numbers the accounts: whole, all different, one after another"
    digits = {len(str(abs(int(number)))) for number in numbers}
    if len(digits) == 1 and digits.pop() >= FIXED_DIGITS:
        return "looks like a key: whole, all different, all with the same number of digits"
    return None
