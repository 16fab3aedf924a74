"""A run is compared with the one before it in steps that grow with the accounts, not their square."""

from __future__ import annotations

from datetime import timedelta

import pytest
from listed import AS_OF, scored
from sqlalchemy import Connection, text

from npsight.store import ScoreRun, Store, open_store
from npsight.store.tables import metadata

COUNT = 2000


@pytest.fixture
def store(postgres_url: str):
    """A PostgreSQL whose statistics know the runs of another project, and of no other."""
    store = open_store(postgres_url)
    with store.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    for number in range(3):
        write(store, "other", number)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("ALTER TABLE scores SET (autovacuum_enabled = false)"))
    yield store
    with store.writing() as connection:
        connection.execute(text("ALTER TABLE scores RESET (autovacuum_enabled)"))
    store.close()


def write(store: Store, project: str, number: int) -> int:
    """Write a run; returns how many rows of scores its transaction visited."""
    at, visited = AS_OF + timedelta(days=number), []

    def note_visits(connection: Connection) -> None:
        query = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
        visited.append(connection.execute(text(f"{query} WHERE relname = 'scores'")).scalar_one())

    level = ("low", "high")[number % 2]
    rows = (
        scored(f"a{i:05d}", risk_level=level if i % 10 == 0 else "low", rank=i + 1)
        for i in range(COUNT)
    )
    run = ScoreRun(f"{project}-{number}", project, at, at, 7, "digest")
    store.write_run(run, rows, [], beside=[note_visits])
    return int(visited[0])


def test_runs_of_a_new_project_are_compared_row_by_row(store: Store) -> None:
    assert write(store, "new", 0) < 10 * COUNT
    assert write(store, "new", 1) < 10 * COUNT
