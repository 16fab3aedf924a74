"""Every way to build the features, under the name that the table shows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.features.data import Dataset, connect, facts_sql
from benchmarks.features.workloads import Workload

Ready = Callable[[], pd.DataFrame]
"""Facts to a frame: `account`, `as_of`, sums; ordered by as_of and account. This is timed."""
Open = Callable[[Dataset, Workload], AbstractContextManager[Ready]]
"""Imports and connections, which are not timed."""

NPSIGHT = "npsight"
CATALOGUE = "npsight, 60 mixed features"
INFORMATION = (CATALOGUE,)
"""Other features than the sums: nothing to compare."""
SPARK = "npsight on Spark"
ENGINES = {"spark": SPARK}
FEATURETOOLS = "Featuretools"
SQL = (
    "SQL, range join",
    "SQL, prefix sums and ASOF",
    "SQL, shared grid",
    "SQL, shared grid and prefix sums",
)
PANDAS = "pandas, merge_asof"
POLARS = (
    "polars, join_asof",
    "polars, streaming join and filter",
    "polars, shared grid",
)
TOTALS = "one plain scan"
"""Sums over all accounts without a join, to check those of `Workload.in_place` against."""


def contender(name: str) -> Open:
    """The way of that name; raises KeyError when there is none."""
    return {
        NPSIGHT: _npsight,
        CATALOGUE: _catalogue,
        SPARK: _spark,
        PANDAS: _pandas,
        TOTALS: partial(_sql, "totals"),
        **{way: partial(_sql, way) for way in SQL},
        **{way: partial(_polars, way) for way in POLARS},
    }[name]


@contextmanager
def _npsight(data: Dataset, workload: Workload) -> Iterator[Ready]:
    from benchmarks.features import ours

    with ours.opened(data, workload, ours.sums(workload)) as ready:
        yield ready


@contextmanager
def _catalogue(data: Dataset, workload: Workload) -> Iterator[Ready]:
    from benchmarks.features import ours

    with ours.opened(data, workload, ours.catalogue(workload)) as ready:
        yield ready


@contextmanager
def _spark(data: Dataset, workload: Workload) -> Iterator[Ready]:
    from benchmarks.features import ours

    engine = {"kind": "spark", "address": "local[2]"}
    with ours.opened(data, workload, ours.sums(workload), engine) as ready:
        yield ready


@contextmanager
def _sql(way: str, data: Dataset, workload: Workload) -> Iterator[Ready]:
    from benchmarks.features import handwritten

    queries = dict(zip(SQL, handwritten.QUERIES, strict=True)) | {"totals": handwritten.totals}
    with tempfile.TemporaryDirectory(prefix="bench-") as spill, connect(Path(spill)) as connection:
        connection.execute(f"CREATE VIEW facts AS {facts_sql(workload, data)}")
        connection.execute(
            f"CREATE VIEW spine AS SELECT * FROM read_parquet('{data.spine(workload)}')"
        )
        query = queries[way](workload)
        yield lambda: connection.execute(query).df()


@contextmanager
def _pandas(data: Dataset, workload: Workload) -> Iterator[Ready]:
    from benchmarks.features.inpandas import merge_asof

    yield partial(merge_asof, data, workload)


@contextmanager
def _polars(way: str, data: Dataset, workload: Workload) -> Iterator[Ready]:
    from benchmarks.features.inpolars import WAYS

    yield partial(dict(zip(POLARS, WAYS, strict=True))[way], data, workload)
