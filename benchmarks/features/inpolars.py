"""The sums by hand in polars, over facts whose measures are whole hundredths."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import polars as pl

from benchmarks.features.data import Dataset
from benchmarks.features.workloads import KEYS, MEASURES, Workload


def join_asof(data: Dataset, workload: Workload) -> pd.DataFrame:
    """Running sums by account, looked up at the end and at the start of each window.

    Right only where facts become known in the order in which they happen, and within the shortest
    window.
    """
    facts = (
        pl.scan_parquet(data.whole)
        .filter(pl.col("occurred_at") >= workload.reach)
        .sort("occurred_at")
        .with_columns(pl.col(m).cum_sum().over("account") for m in MEASURES)
        .collect()
    )
    spine = pl.read_parquet(data.spine(workload)).sort("as_of")
    steps = [("end", "known_at", 0), *((f"w{d}", "occurred_at", d) for d in workload.windows)]
    for name, time, days in steps:
        sums = (pl.col(m).alias(f"{name}_{m}") for m in MEASURES)
        right = facts.select("account", pl.col(time).alias("at"), *sums)
        spine = spine.with_columns(at=pl.col("as_of") - pl.duration(days=days)).join_asof(
            right, on="at", by="account", allow_exact_matches=False, check_sortedness=False
        )
    differences = [
        (pl.col(f"end_{m}").fill_null(0) - pl.col(f"w{d}_{m}").fill_null(0)).truediv(100).alias(c)
        for c, m, d in workload.sums()
    ]
    return spine.select(*KEYS, *differences).sort("as_of", "account").to_pandas()


def join_filter(data: Dataset, workload: Workload) -> pd.DataFrame:
    """Join by account, keep what each as_of may see, sum with filters; in the streaming engine.

    Right for any known_at.
    """
    as_of, occurred = pl.col("as_of"), pl.col("occurred_at")
    facts = pl.scan_parquet(data.whole).filter(occurred >= workload.reach)
    spine = pl.scan_parquet(data.spine(workload))
    start = as_of - pl.duration(days=max(workload.windows))
    seen = (occurred < as_of) & (pl.col("known_at") < as_of) & (occurred >= start)
    sums = _filtered_sums(workload, occurred)
    totals = spine.join(facts, on="account").filter(seen).group_by(KEYS).agg(sums)
    filled = [pl.col(c).fill_null(0).truediv(100) for c in workload.columns]
    joined = spine.join(totals, on=KEYS, how="left").select(*KEYS, *filled)
    return joined.sort("as_of", "account").collect(engine="streaming").to_pandas()


def shared_grid(data: Dataset, workload: Workload) -> pd.DataFrame:
    """The idea of `handwritten.shared_grid` in polars' streaming engine."""
    ends = pl.Series("seen", workload.as_ofs, dtype=pl.Datetime("us"))
    begins = {e - timedelta(days=d) for e in workload.as_ofs for d in workload.windows}
    cuts = pl.Series("begin", sorted(begins), dtype=pl.Datetime("us"))
    occurred = pl.col("occurred_at")
    later = pl.max_horizontal("occurred_at", "known_at")
    pieces = (
        pl.scan_parquet(data.whole)
        .filter(occurred >= cuts[0], later < ends[-1])
        .group_by(
            "account",
            pl.lit(cuts).search_sorted(occurred, side="right").alias("begin"),
            pl.lit(ends).search_sorted(later, side="right").alias("seen"),
        )
        .agg(pl.col(m).sum() for m in MEASURES)
        .with_columns(
            pl.lit(cuts).gather(pl.col("begin") - 1).alias("begin"),
            pl.lit(ends).gather(pl.col("seen")).alias("seen"),
        )
    )
    return _put_together(pieces, data, workload)


def _put_together(pieces: pl.LazyFrame, data: Dataset, workload: Workload) -> pd.DataFrame:
    spine = pl.scan_parquet(data.spine(workload))
    as_of, begin = pl.col("as_of"), pl.col("begin")
    sums = _filtered_sums(workload, begin)
    seen = (pl.col("seen") <= as_of) & (begin >= as_of - pl.duration(days=max(workload.windows)))
    totals = spine.join(pieces, on="account").filter(seen).group_by(KEYS).agg(sums)
    filled = [pl.col(c).fill_null(0).truediv(100) for c in workload.columns]
    joined = spine.join(totals, on=KEYS, how="left").select(*KEYS, *filled)
    return joined.sort("as_of", "account").collect(engine="streaming").to_pandas()


def _filtered_sums(workload: Workload, time: pl.Expr) -> list[pl.Expr]:
    """By `when`, which the streaming engine sums as it goes; a `filter` it gathers first."""
    return [
        pl.when(time >= pl.col("as_of") - pl.duration(days=d)).then(pl.col(m)).sum().alias(c)
        for c, m, d in workload.sums()
    ]


WAYS = (join_asof, join_filter, shared_grid)
