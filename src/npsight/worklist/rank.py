"""Scores -> the week's list: one order for all accounts, the same every time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from npsight.config.schema import Worklist
from npsight.worklist.bands import bands_lower, predicted_band
from npsight.worklist.priority import UNKNOWN, Vector, priorities

NEEDED = (
    "account",
    "owner",
    "revenue",
    "renewal_at",
    "band_now",
    "detractor_risk",
    "churn_risk",
)


def rank(scores: pd.DataFrame, worklist: Worklist, as_of: datetime | pd.Timestamp) -> pd.DataFrame:
    """The accounts to list, the most urgent first.

    Parameters
    ----------
    scores
        One row an account: `account`, `name`, `owner`, `segment`, `revenue`, `renewal_at`
        (instant or NaT; a naive one is UTC), `band_now`, `last_score`, `detractor_risk`,
        `promoter_prob`, `predicted_nps`, `churn_risk`; missing is null.
    as_of
        The day that renewals are counted from, in UTC calendar days.

    Returns
    -------
    The rows whose `band_now` is in `worklist.bands`, sorted by priority, equals by account, with

    - `rank`: from 1.
    - `priority`, `priority_reason`: see `npsight.worklist.priority`; the median revenue that
      stands in for a missing one is that of all `scores`.
    - `within_capacity`: among the first `worklist.capacity` of its owner and of known risk;
      accounts without an owner share one capacity.

    Raises
    ------
    ValueError
        A column is missing, or an account appears twice.
    """
    _check(scores)
    found = priorities(
        _numbers(scores[target_of(scores, worklist)]),
        _numbers(scores["revenue"]),
        days_until(scores["renewal_at"], as_of),
        worklist,
        expected_fall(scores),
    )
    listed = scores.assign(priority=found.value, priority_reason=found.reason)
    listed = listed[listed["band_now"].isin(worklist.bands)]
    listed = listed.sort_values(
        ["priority", "account"], ascending=[False, True], kind="stable", ignore_index=True
    )
    listed["rank"] = np.arange(1, len(listed) + 1)
    owner = listed["owner"].astype(object).where(listed["owner"].notna(), "")
    place = listed.groupby(owner, sort=False).cumcount()
    known = listed["priority_reason"] != UNKNOWN
    listed["within_capacity"] = (place < worklist.capacity) & known
    return listed


def target_of(scores: pd.DataFrame, worklist: Worklist) -> Literal["detractor_risk", "churn_risk"]:
    """The column that ranks: churn risk where its loss is the policy, else the declared target's,
    else detractor risk where there is any.
    """
    if worklist.policy == "churn_loss":
        return "churn_risk"
    if worklist.target is not None:
        return "detractor_risk" if worklist.target == "detractor" else "churn_risk"
    return "detractor_risk" if scores["detractor_risk"].notna().any() else "churn_risk"


def expected_fall(scores: pd.DataFrame) -> Vector:
    """How many bands lower than the last answer the next one is expected: 0, 1 or 2."""
    if "promoter_prob" not in scores.columns:
        return np.zeros(len(scores))
    expected = [
        predicted_band(detractor, promoter)
        for detractor, promoter in zip(
            _numbers(scores["detractor_risk"]), _numbers(scores["promoter_prob"]), strict=True
        )
    ]
    pairs = zip(scores["band_now"], expected, strict=True)
    return np.array([bands_lower(now, then) for now, then in pairs], dtype=np.float64)


def days_until(instants: pd.Series[Any], as_of: datetime | pd.Timestamp) -> Vector:
    """Whole UTC calendar days from as_of's day: 0 on that day, negative before, NaN for NaT."""
    day = pd.to_datetime(instants, utc=True).dt.normalize()
    start = pd.to_datetime(as_of, utc=True).normalize()
    return np.asarray((day - start) / pd.Timedelta(days=1), dtype=np.float64)


def _check(scores: pd.DataFrame) -> None:
    missing = [column for column in NEEDED if column not in scores.columns]
    if missing:
        raise ValueError(
            f"the scores lack {', '.join(missing)}\n  → they have {', '.join(scores.columns)}"
        )
    twice = scores["account"][scores["account"].duplicated()].unique()
    if len(twice):
        shown = ", ".join(map(str, twice[:5]))
        raise ValueError(f"{len(twice)} accounts appear more than once: {shown}")


def _numbers(column: pd.Series[Any]) -> Vector:
    numbers: Vector = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return numbers
