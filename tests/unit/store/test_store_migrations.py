"""Opening: new, current, newer, damaged, and by many at once."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from npsight.errors import StateError
from npsight.store import ScoreRow, ScoreRun, Store, open_store, store_file
from npsight.store.migrate import MIGRATIONS
from npsight.store.tables import metadata, score_runs, scores


def test_migrations_and_declared_tables_are_the_same(tmp_path: Path) -> None:
    store = open_store(store_file(tmp_path))
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == "0015_calls"
        assert compare_metadata(context, metadata) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.close()


def to_revision(store: Store, revision: str) -> None:
    """Up or down to a revision, as Alembic's own command goes."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    with store._engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        down = current is not None and current > revision
        steps = script._downgrade_revs if down else script._upgrade_revs
        with EnvironmentContext(
            config, script, fn=lambda at, _: steps(revision, at), destination_rev=revision
        ) as environment:
            environment.configure(connection=connection)
            environment.run_migrations()


def test_who_answers_is_added_to_a_store_with_runs_and_taken_away_again(tmp_path: Path) -> None:
    path = tmp_path / "npsight.db"
    now = datetime(2026, 6, 1, tzinfo=UTC)
    run = ScoreRun("r1", "p", now, now, 1, "digest")
    new = ScoreRow("a1", now, detractor_risk=0.25, answer_prob=0.5, expected_answers=0.75)
    store = open_store(path)
    store.write_run(run, [new], [("a1", {"x": 1.0}, {})])
    assert store.scores("r1") == [new]
    to_revision(store, "0001_scores")
    store.close()
    with sqlite3.connect(path) as raw:
        columns = {row[1] for row in raw.execute("PRAGMA table_info(scores)")}
        assert raw.execute("SELECT detractor_risk FROM scores").fetchall() == [(0.25,)]
        assert raw.execute("SELECT count(*) FROM inputs").fetchone() == (1,)
    assert not columns & {"answer_prob", "expected_answers"}
    store = open_store(path)
    assert store.scores("r1") == [dataclasses.replace(new, answer_prob=None, expected_answers=None)]
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    store.close()


def test_dataclasses_and_tables_have_the_same_fields() -> None:
    row_fields = {f.name for f in dataclasses.fields(ScoreRow)}
    assert {c.name for c in scores.c} == row_fields | {"run_id"}
    assert {c.name for c in score_runs.c} == {f.name for f in dataclasses.fields(ScoreRun)}


def test_processes_that_open_at_once_all_succeed(tmp_path: Path) -> None:
    code = "import sys; from npsight.store import open_store; open_store(sys.argv[1]).check()"
    command = [sys.executable, "-c", code, str(tmp_path / "npsight.db")]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    assert [child.communicate()[1] for child in children] == [""] * 6
    assert {child.returncode for child in children} == {0}


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "npsight.db"
    open_store(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0099_future'")
    with pytest.raises(StateError, match=r"0099_future.*newest is 0015_calls") as error:
        open_store(path)
    assert "→" in str(error.value)
    assert error.value.exit_code == 8


def test_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "npsight.db"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 20)
    with pytest.raises(StateError, match="is damaged"):
        open_store(path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="folder cannot be made"):
        open_store(tmp_path / "file" / "npsight.db")


def test_urls(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/by-url.db").close()
    assert (tmp_path / "by-url.db").exists()
    with pytest.raises(StateError, match="no driver for this database") as error:
        open_store("nosuch://user:hunter2@host/db")
    assert "hunter2" not in str(error.value)
    with pytest.raises(StateError, match="cannot be read"):
        open_store("://")


def test_a_postgresql_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StateError, match=r"pip install 'npsight\[postgres\]'"):
        open_store("postgresql://user:secret@127.0.0.1/npsight")
