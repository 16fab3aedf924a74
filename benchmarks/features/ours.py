"""npsight's own feature building over the generated facts, on any engine it can name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.features.data import MEMORY, THREADS, Dataset, facts_sql
from benchmarks.features.workloads import DAYS, DELAY, MEASURES, START, Workload
from npsight.config.aggregations import AGGREGATIONS
from npsight.config.schema.settings import Engine
from npsight.config.specs import FeatureSpec
from npsight.jobs.building.frames import FeatureBuilder, silent
from npsight.tables.engine import connect
from npsight.temporal.facts import Facts

CATALOGUE_SIZE = 60
MIXED = (
    "count",
    "mean",
    "min",
    "max",
    "last",
    "trend",
    "ratio",
    "std",
    "first",
    "slope",
    "days_since_last",
    "distinct_days",
    "longest_gap",
    "mean_gap",
    "vs_usual",
)
"""Aggregations of the mixed catalogue, where this npsight has them; all need a time and at most
two measures."""


@dataclass(frozen=True)
class Project:
    """The part of a project file that feature building reads."""

    features: tuple[FeatureSpec, ...]
    engine: Engine
    file: Path
    state_dir: Path
    name: str = "bench"
    segment: str | None = None


def sums(workload: Workload) -> tuple[FeatureSpec, ...]:
    """The sums that every contender builds."""
    return tuple(
        FeatureSpec(
            source="usage", aggregation="sum", measure=measure, window_days=days, missing="zero"
        )
        for _, measure, days in workload.sums()
    )


def catalogue(workload: Workload) -> tuple[FeatureSpec, ...]:
    """`CATALOGUE_SIZE` features of all kinds in turn, over the workload's measures and windows."""
    by_kind = [_of_kind(name, workload) for name in MIXED if name in AGGREGATIONS]
    longest = max(map(len, by_kind))
    mixed = [kind[k] for k in range(longest) for kind in by_kind if k < len(kind)]
    return tuple(mixed[:CATALOGUE_SIZE])


def _of_kind(name: str, workload: Workload) -> list[FeatureSpec]:
    aggregation = AGGREGATIONS[name]
    measures: tuple[str | None, ...] = (None,) if aggregation.measure == "no" else MEASURES
    return [
        FeatureSpec(
            source="usage",
            aggregation=name,
            measure=measure,
            per=_per(measure) if name == "ratio" else None,
            window_days=days,
            missing=aggregation.missing,
        )
        for days in workload.windows
        for measure in measures
    ]


def _per(measure: str | None) -> str:
    return "minutes" if measure != "minutes" else "logins"


@contextmanager
def opened(
    data: Dataset,
    workload: Workload,
    specs: tuple[FeatureSpec, ...],
    engine: Mapping[str, Any] | None = None,
) -> Iterator[Callable[[], pd.DataFrame]]:
    """Feature building in an open engine: `engine` as in a project file, by default DuckDB.

    What is yielded goes from facts in the engine to a pandas frame of the spine's rows. Facts for
    another engine than DuckDB are handed over before.
    """
    settings = Engine(**{"memory": MEMORY, "threads": THREADS, **(engine or {})})
    project: Any = Project(specs, settings, data.folder / "bench.yaml", data.folder)
    with connect(project) as duckdb:
        facts = facts_of(duckdb, data, workload)
        with _handed_over(project, duckdb, facts) as (backend, there):
            builder = FeatureBuilder(backend, there, project)
            spine = duckdb.read_parquet(data.spine(workload))
            yield lambda: builder.features(_spine_in(builder, duckdb, spine))


def facts_of(duckdb: Any, data: Dataset, workload: Workload) -> Facts:
    """The generated files as canonical tables; the engine reads them when a feature does."""
    columns = "account, occurred_at, known_at, " + ", ".join(MEASURES)
    duckdb.raw_sql(f"CREATE VIEW usage AS SELECT {columns} FROM ({facts_sql(workload, data)})")
    accounts = duckdb.read_parquet(data.accounts).select("account", "began_at")
    known: dict[str, Any] = {
        "accounts": accounts,
        "versions": None,
        "sources": {"usage": duckdb.table("usage")},
        "churn": None,
        "data_start": START,
        "data_end": START + timedelta(days=DAYS) + DELAY,
        "merges": None,
        "scheduled": frozenset[str](),
    }
    return Facts(**known)


@contextmanager
def _handed_over(project: Any, duckdb: Any, facts: Facts) -> Iterator[tuple[Any, Facts]]:
    if getattr(project.engine, "kind", "duckdb") == "duckdb":
        yield duckdb, facts
        return
    from npsight.tables.handover import open_engine

    with open_engine(project, duckdb) as engine:
        yield engine.backend, engine.take(facts, silent)


def _spine_in(builder: FeatureBuilder, duckdb: Any, spine: Any) -> Any:
    """The spine in the engine of the builder; Parquet is read where the facts are."""
    if builder.backend is duckdb:
        return builder.keep(spine)
    return builder.given_spine(spine.to_pyarrow().to_pandas())
