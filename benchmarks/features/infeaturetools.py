"""Featuretools, in an environment of its own: it needs pandas below 3.

Nothing of npsight or of this package is imported. Prints one line of JSON as `measure` does.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import pandas as pd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import featuretools as ft

BEFORE = pd.Timedelta(microseconds=1)
"""Featuretools' window is `(cutoff − w, cutoff]`: a microsecond earlier it is `[as_of − w, as_of)`
for times in whole microseconds."""


def build(
    facts: pd.DataFrame, spine: pd.DataFrame, measures: list[str], windows: list[int]
) -> pd.DataFrame:
    """`account`, `as_of` and sums in hundredths, ordered by as_of and account.

    Measures are seen from known_at on by Featuretools' secondary time index.
    """
    entities = ft.EntitySet("bench")
    accounts = pd.DataFrame({"account": spine["account"].unique()})
    entities.add_dataframe(dataframe_name="accounts", dataframe=accounts, index="account")
    entities.add_dataframe(
        dataframe_name="usage",
        dataframe=facts,
        index="id",
        make_index=True,
        time_index="occurred_at",
        secondary_time_index={"known_at": [*measures]},
        logical_types={"account": "Unknown", **dict.fromkeys(measures, "Double")},
    )
    entities.add_relationship("accounts", "account", "usage", "account")
    cutoffs = pd.DataFrame({"account": spine["account"], "time": spine["as_of"] - BEFORE})
    result = spine.set_index(["account", "as_of"]).sort_index(level=["as_of", "account"])
    for days in windows:
        sums = _sums(entities, cutoffs, days)
        for measure in measures:
            column = sums[f"SUM(usage.{measure})"].fillna(0)
            result[f"usage__sum_{measure}__{days}d"] = column.round().astype("int64")
    columns = [f"usage__sum_{measure}__{days}d" for measure in measures for days in windows]
    return result[columns].reset_index()


def _sums(entities: ft.EntitySet, cutoffs: pd.DataFrame, days: int) -> pd.DataFrame:
    sums, _ = ft.dfs(
        entityset=entities,
        target_dataframe_name="accounts",
        agg_primitives=["sum"],
        trans_primitives=[],
        cutoff_time=cutoffs,
        training_window=ft.Timedelta(days, "d"),
        cutoff_time_in_index=True,
    )
    instants = sums.index.set_levels(sums.index.levels[1] + BEFORE, level=1)
    sums.index = instants.set_names(["account", "as_of"])
    return sums


def peak_bytes() -> int:
    """Largest resident memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Build the sums of the files that the command line names."""
    parser = argparse.ArgumentParser()
    for name in ("facts", "spine", "result"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--measures", nargs="+", required=True)
    parser.add_argument("--windows", nargs="+", type=int, required=True)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    began = time.perf_counter()
    facts, spine = pd.read_parquet(given.facts), pd.read_parquet(given.spine)
    built = build(facts, spine, given.measures, given.windows)
    report = {"seconds": time.perf_counter() - began, "peak_bytes": peak_bytes()}
    built.to_parquet(given.result)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
