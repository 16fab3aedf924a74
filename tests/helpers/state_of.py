"""What a project's state folder says, to compare before and after."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class State:
    """Champion, registry, scores and outputs of a project; the quarantine is not part of it."""

    cached: tuple[tuple[str, str], ...]
    versions: tuple[tuple[object, ...], ...]
    scores: str
    backtest: str | None


def state_of(folder: Path, project: str) -> State:
    """Read everything, verifying that what is there is whole."""
    from npsight.models.bundle import verify
    from npsight.store import open_store, store_file
    from npsight.tracking import read_cached

    found = read_cached(folder)
    cached: tuple[tuple[str, str], ...] = ()
    if found is not None:
        verify(found[1])
        cached = tuple((name, _digest(content)) for name, content in sorted(found[1].items()))
    scores = []
    if store_file(folder).exists():
        with closing(open_store(store_file(folder))) as store:
            for run in store.runs(project):
                rows = store.scores(run.id)
                assert len(rows) == run.account_count > 0
                scores.append([run.id, *(repr(row) for row in rows)])
    backtest = folder / "backtest_newest.parquet"
    return State(
        cached,
        _versions(folder / "mlflow.db", f"npsight-{project}"),
        _digest(json.dumps(scores).encode()),
        _digest(backtest.read_bytes()) if backtest.exists() else None,
    )


def run_statuses(folder: Path) -> list[str]:
    """Status of every MLflow run, oldest first."""
    query = "SELECT status FROM runs ORDER BY start_time"
    return [str(status) for (status,) in _query(folder / "mlflow.db", query)]


def _versions(database: Path, name: str) -> tuple[tuple[object, ...], ...]:
    """Aliases, and versions with their runs: read from the database, for MLflow is slow."""
    versions = "SELECT version, run_id FROM model_versions WHERE name = ? ORDER BY version"
    aliases = "SELECT alias, version FROM registered_model_aliases WHERE name = ? ORDER BY alias"
    return (*_query(database, aliases, name), *_query(database, versions, name))


def _query(database: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query, values).fetchall()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
