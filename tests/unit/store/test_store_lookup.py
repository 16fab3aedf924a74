"""Stored inputs by account, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from postgres_server import postgres_server

from npsight.errors import StateError
from npsight.store import ScoreRow, ScoreRun, Store, open_store
from npsight.store.database import BUSY_SECONDS, driver_connection
from npsight.store.lookup import AT_ONCE, look_up

DAY = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = [f"é/{i}'" for i in range(AT_ONCE + 20)]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server("lookup") as uri:
        yield uri.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path: Path) -> Iterator[Store]:
    where = tmp_path / "npsight.db"
    if request.param == "postgresql":
        where = request.getfixturevalue("server")
    opened = open_store(where)
    for number in (1, 2):
        run = ScoreRun(f"r{number}", "demo", DAY.replace(day=number), DAY, 3, "abc")
        rows = [
            ScoreRow(name, DAY + timedelta(microseconds=i % 2), band_now=f"band {number}")
            for i, name in enumerate(NAMES[1:])
        ]
        items = [(name, {"x": number + i / 7, "t": None}, {"x": i}) for i, name in enumerate(NAMES)]
        opened.write_run(run, rows, items)
    yield opened
    opened.delete_old_runs("demo", keep=0)
    opened.close()


def test_what_was_stored_is_found_by_account(store: Store) -> None:
    found = {item.account: item for item in look_up(store, "r2", NAMES, with_past=True)}
    assert set(found) == set(NAMES)
    assert json.loads(found[NAMES[7]].features) == {"x": 3.0, "t": None}
    assert json.loads(found[NAMES[7]].past) == {"x": 7}
    assert found[NAMES[7]].band_now == "band 2"
    assert [found[NAMES[i]].as_of for i in (1, 2)] == [DAY, DAY + timedelta(microseconds=1)]
    assert found[NAMES[0]].band_now is found[NAMES[0]].as_of is None


def test_the_past_is_read_only_where_it_is_asked_for(store: Store) -> None:
    (item,) = look_up(store, "r1", [NAMES[3]], with_past=False)
    assert item.past is None
    assert json.loads(item.features)["x"] == 1 + 3 / 7


def test_what_is_not_there_is_left_out(store: Store) -> None:
    assert [i.account for i in look_up(store, "r1", ["nobody", NAMES[5]], False)] == [NAMES[5]]
    assert look_up(store, "unknown", NAMES[:3], False) == []
    assert look_up(store, "r1", [], False) == []


def test_an_error_of_the_driver_is_one_of_ours_and_the_next_call_works(store: Store) -> None:
    with (
        pytest.raises(StateError, match="store failed"),
        driver_connection(store.engine) as connection,
    ):
        connection.cursor().execute("SELECT nothing FROM nowhere")
    assert len(look_up(store, "r1", NAMES[:2], False)) == 2


def test_a_hurried_look_waits_for_no_lock_and_leaves_the_connection_patient(tmp_path) -> None:
    store = open_store(tmp_path / "npsight.db")
    store.check()

    def patience(connection) -> int:
        return connection.cursor().execute("PRAGMA busy_timeout").fetchone()[0]

    with driver_connection(store.engine, patient=False) as connection:
        assert patience(connection) == 0
    with driver_connection(store.engine) as connection:
        assert patience(connection) == BUSY_SECONDS * 1000
    store.close()


def test_a_damaged_file_is_told_as_one(tmp_path: Path) -> None:
    file = tmp_path / "npsight.db"
    store = open_store(file)
    store.close()
    file.write_bytes(b"no database " * 1000)
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"npsight.db{suffix}").unlink(missing_ok=True)
    with pytest.raises(StateError, match="damaged"):
        look_up(store, "r1", ["a"], False)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        sqlite3.connect(file).execute("SELECT 1 FROM score_runs")
