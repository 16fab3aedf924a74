"""The demo company with outcomes that nothing foretells: shuffled in its tables.

Within each period of 90 days the answers change hands: every answer keeps its account, respondent
and time and gets score and comment of another answer of the period. So do losses: as many accounts
end in a period, at the same instants, but drawn evenly from all that were customers then, and
without notice: an end that is booked ahead may be foreseen, and is no noise. Levels of the days,
counts of answers, usage, tickets and invoices stay as they are. What an account has answered before
says nothing of its next answer, for it was dealt out, too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

PERIOD_DAYS = 90
CONTENT = ["score", "comment"]


def shuffled_company(data: Path, target: Path, seed: int) -> Path:
    """Copy the tables in `data` to `target` with shuffled outcomes; returns `target`."""
    shutil.copytree(data, target, ignore=shutil.ignore_patterns("truth*"))
    rng = np.random.default_rng(seed)
    for name, change in (("surveys", shuffled_answers), ("subscriptions", shuffled_ends)):
        file = target / f"{name}.csv"
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        change(table, rng).to_csv(file, index=False)
    return target


def shuffled_answers(surveys: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Scores and comments dealt out anew among the answers of each period."""
    result = surveys.copy()
    period = _period(surveys["answered_at"])
    content = surveys[CONTENT].to_numpy(dtype=object)
    for number in np.unique(period[period >= 0]):
        places = np.flatnonzero(period == number)
        content[places] = content[rng.permutation(places)]
    result[CONTENT] = content
    return result


def shuffled_ends(subscriptions: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Ends dealt out among the accounts that were customers before the period's first notice."""
    result = subscriptions.copy()
    started, notice = _times(result["started_at"]), _times(result["cancelled_at"])
    period = _period(result["ended_at"])
    ends = result[["ended_at", "cancelled_at"]].to_numpy(dtype=object)
    dealt = np.full(ends.shape, "", dtype=object)
    for number in np.unique(period[period >= 0]):
        leaving = np.flatnonzero(period == number)
        first = np.nanmin(notice[leaving])
        at_risk = np.flatnonzero((started < first) & (dealt[:, 0] == ""))
        chosen = rng.choice(at_risk, min(len(leaving), len(at_risk)), replace=False)
        dealt[chosen] = ends[leaving[: len(chosen)]]
    dealt[:, 1] = dealt[:, 0]
    result[["ended_at", "cancelled_at"]] = dealt
    return result


def _times(texts: pd.Series) -> np.ndarray:
    """Days since 1970; what is no time is missing."""
    times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    return ((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)).to_numpy(np.float64)


def _period(texts: pd.Series) -> np.ndarray:
    """The number of each time's period; −1 for none."""
    days = _times(texts)
    return np.where(np.isnan(days), -1, np.nan_to_num(days) // PERIOD_DAYS).astype(int)
