"""The sums by hand in pandas, over facts whose measures are whole hundredths."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from benchmarks.features.data import Dataset
from benchmarks.features.workloads import KEYS, MEASURES, Workload, column_of


def merge_asof(data: Dataset, workload: Workload) -> pd.DataFrame:
    """Running sums by account, looked up at the end and at the start of each window.

    Right only where facts become known in the order in which they happen, and within the shortest
    window.
    """
    facts = pd.read_parquet(data.whole, filters=[("occurred_at", ">=", workload.reach)])
    facts = facts.sort_values("occurred_at", ignore_index=True)
    facts[list(MEASURES)] = facts.groupby("account")[list(MEASURES)].cumsum()
    spine = pd.read_parquet(data.spine(workload)).sort_values("as_of", ignore_index=True)
    ends = _looked_up(facts, spine, "known_at", timedelta(0))
    for days in workload.windows:
        starts = _looked_up(facts, spine, "occurred_at", timedelta(days=days))
        for measure in MEASURES:
            spine[column_of(measure, days)] = (ends[measure] - starts[measure]) / 100
    spine = spine.sort_values(["as_of", "account"], ignore_index=True)
    return spine[[*KEYS, *workload.columns]]


def _looked_up(
    facts: pd.DataFrame, spine: pd.DataFrame, time: str, before: timedelta
) -> pd.DataFrame:
    """The running sums of the last fact whose `time` lies before as_of − `before`; else 0."""
    keys = spine[KEYS].assign(at=spine["as_of"] - before)
    right = facts[["account", time, *MEASURES]]
    found = pd.merge_asof(
        keys, right, left_on="at", right_on=time, by="account", allow_exact_matches=False
    )
    return found[list(MEASURES)].fillna(0)
