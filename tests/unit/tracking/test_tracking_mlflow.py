"""Runs, versions, aliases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from registered import bundle, registered
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError, PendingRollbackError

from npsight.errors import ModelIntegrityError, NotFoundError, StateError
from npsight.models.bundle import digest_of
from npsight.tracking import CHAMPION, Tracking, read_cached, write_cached
from npsight.tracking.client import mendable
from npsight.tracking.flat import finite_metrics, flat_params


def test_a_run_keeps_params_metrics_and_files(tracking: Tracking) -> None:
    params = {"training": {"seed": 7, "bad name!": "x" * 5000}, **{f"p{i}": i for i in range(150)}}
    run_id = tracking.start_run("train", params, {"data_digest": "d"})
    tracking.log_metrics(run_id, {"auc": 0.75, "none": None, "nan": float("nan")})
    tracking.log_figure_bytes(run_id, "figures/a.png", b"\x89PNG")
    tracking.log_text(run_id, "card.md", "é")
    tracking.finish(run_id)
    run = tracking._client.get_run(run_id)
    assert run.data.params["training.seed"] == "7"
    assert len(run.data.params["training.bad name_"]) == 1000
    assert len(run.data.params) == 152
    assert run.data.metrics == {"auc": 0.75}
    assert run.data.tags["data_digest"] == "d"
    assert run.info.status == "FINISHED"
    folder = tracking.state_dir / "mlartifacts" / run_id / "artifacts"
    assert (folder / "figures" / "a.png").read_bytes() == b"\x89PNG"
    assert (folder / "card.md").read_text() == "é"


def test_files_stay_within_the_run(tracking: Tracking) -> None:
    run_id = tracking.start_run("train", {})
    for path in ("../x", "/x", "a/../../x"):
        with pytest.raises(ValueError, match="no path within a run"):
            tracking.log_text(run_id, path, "")


def test_versions_and_aliases(tracking: Tracking) -> None:
    assert tracking.alias_version(CHAMPION) is None
    assert tracking.versions() == []
    files = bundle()
    assert [registered(tracking, files), registered(tracking, bundle("other"))] == [1, 2]
    tracking.set_alias(CHAMPION, 1)
    tracking.set_alias("challenger", 2)
    assert (tracking.alias_version(CHAMPION), tracking.alias_version("challenger")) == (1, 2)
    assert tracking.load_bundle(CHAMPION) == (1, files)
    assert tracking.load_bundle(2)[0] == tracking.load_bundle("2")[0] == 2
    newest, oldest = tracking.versions()
    assert (newest.version, newest.aliases) == (2, ("challenger",))
    assert (oldest.version, oldest.aliases) == (1, ("champion",))
    assert oldest.digest == digest_of(files)
    assert datetime.now(UTC) - oldest.created_at < timedelta(minutes=10)


def test_what_is_not_there_names_the_remedy(tracking: Tracking) -> None:
    with pytest.raises(NotFoundError, match="npsight train -c"):
        tracking.load_bundle(CHAMPION)
    with pytest.raises(NotFoundError, match="npsight train -c"):
        tracking.load_champion()
    with pytest.raises(NotFoundError, match="npsight models"):
        tracking.load_bundle(99)
    with pytest.raises(NotFoundError, match="does not have it"):
        tracking.set_alias("challenger", 99)


def test_a_champion_is_verified_and_caching_is_left_to_who_proves_it(state_dir: Path) -> None:
    tracking = Tracking("cached", state_dir / "own")
    first = bundle("first")
    registered(tracking, first)
    tracking.set_alias(CHAMPION, 1)
    assert tracking.load_champion() == (1, first)
    assert read_cached(tracking.state_dir) is None
    write_cached(tracking.state_dir, 1, first)
    damaged = {**bundle("second"), "model.json": b"altered"}
    registered(tracking, damaged)
    with pytest.raises(ModelIntegrityError, match=r"not as written: model\.json"):
        tracking.set_alias(CHAMPION, 2)
    assert tracking.alias_version(CHAMPION) == 1
    assert read_cached(tracking.state_dir) == (1, first)


def test_a_damaged_artifact_leaves_the_cache(tracking: Tracking) -> None:
    version = registered(tracking, bundle("good"))
    tracking.set_alias(CHAMPION, version)
    before = read_cached(tracking.state_dir)
    run_id = tracking.versions()[0].run_id
    folder = tracking.state_dir / "mlartifacts" / run_id / "artifacts" / "bundle"
    (folder / "model.json").write_bytes(b"goo")
    with pytest.raises(ModelIntegrityError, match="not as written"):
        tracking.load_champion()
    assert read_cached(tracking.state_dir) == before
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(ModelIntegrityError, match="has no files"):
        tracking.load_bundle(version)


def delete_for_good(tracking: Tracking, run_id: str) -> None:
    """As `mlflow gc` does: run and files."""
    tracking._client.delete_run(run_id)
    tracking._client._tracking_client.store._hard_delete_run(run_id)
    shutil.rmtree(tracking.state_dir / "mlartifacts" / run_id)


def test_a_run_deleted_in_mlflow_spoils_no_other_version(state_dir: Path) -> None:
    tracking = Tracking("deleted", state_dir / "deleted")
    first, second = bundle("first"), bundle("second")
    registered(tracking, first)
    registered(tracking, second)
    newest, oldest = tracking.versions()
    assert (newest.run_deleted, oldest.run_deleted) == (False, False)
    tracking._client.delete_run(oldest.run_id)
    assert tracking.versions()[1].run_deleted
    assert tracking.load_bundle(1) == (1, first)
    delete_for_good(tracking, oldest.run_id)
    newest, oldest = tracking.versions()
    assert (newest.run_deleted, oldest.run_deleted) == (False, True)
    assert (oldest.metrics, oldest.status, oldest.digest) == ({}, "", digest_of(first))
    assert tracking.load_bundle(2) == (2, second)
    with pytest.raises(ModelIntegrityError, match="its run was deleted from MLflow"):
        tracking.load_bundle(1)


def test_the_copy_of_this_machine_counts_where_it_is_the_same_model(state_dir: Path) -> None:
    tracking = Tracking("copied", state_dir / "copied")
    first = bundle("first")
    registered(tracking, first)
    delete_for_good(tracking, tracking.versions()[0].run_id)
    write_cached(tracking.state_dir, 1, bundle("another"))
    with pytest.raises(ModelIntegrityError, match="its run was deleted"):
        tracking.load_bundle(1)
    write_cached(tracking.state_dir, 2, first)
    with pytest.raises(ModelIntegrityError, match="its run was deleted"):
        tracking.load_bundle(1)
    write_cached(tracking.state_dir, 1, first)
    assert tracking.load_bundle(1) == (1, first)
    tracking.set_alias(CHAMPION, 1)
    assert tracking.load_champion() == (1, first)


def test_a_copied_state_folder_keeps_to_its_own_files(state_dir: Path) -> None:
    """MLflow's database names the place where it was made."""
    made = Tracking("moved", state_dir / "made")
    first, second = bundle("first"), bundle("second")
    registered(made, first)
    shutil.copytree(made.state_dir, state_dir / "copy")
    copy = Tracking("moved", state_dir / "copy")
    assert registered(copy, second) == 2
    assert len(list((made.state_dir / "mlartifacts").iterdir())) == 1
    shutil.rmtree(made.state_dir)
    assert copy.load_bundle(1) == (1, first)
    assert copy.load_bundle(2) == (2, second)
    assert not made.state_dir.exists()


def test_the_same_model_is_found_by_its_digest(tracking: Tracking) -> None:
    assert tracking.newest_of_digest("d") is None
    for text_ in ("first", "second", "first"):
        registered(tracking, bundle(text_))
    assert tracking.newest_of_digest(digest_of(bundle("first"))) == 3
    assert tracking.newest_of_digest(digest_of(bundle("second"))) == 2


def test_a_run_names_its_data_and_its_version_describes_itself(tracking: Tracking) -> None:
    run_id = tracking.start_run("train", {})
    tracking.log_dataset(run_id, "0123456789abcdef" * 4, "p.yaml", {"account_days": 7})
    tracking.describe(run_id, "Version 1.")
    tracking.register(run_id, bundle(), "Learned from 7 account-days.")
    run = tracking._client.get_run(run_id)
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.digest == "0123456789abcdef0123456789abcdef0123"
    assert json.loads(data.dataset.source) == {"project_file": "p.yaml"}
    assert json.loads(data.dataset.profile) == {"account_days": 7}
    assert run.data.tags["mlflow.note.content"] == "Version 1."
    described = tracking._client.get_model_version(tracking.name, "1")
    assert described.description == "Learned from 7 account-days."


def test_dead_runs_are_reaped(tracking: Tracking) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    dead = tracking.start_run("dead", {}, {"npsight.pid": gone})
    elsewhere = tracking.start_run("other", {}, {"npsight.pid": gone, "npsight.host": "elsewhere"})
    alive = tracking.start_run("alive", {})
    assert tracking.reap_dead_runs() == 1
    status = {r: tracking._client.get_run(r).info.status for r in (dead, elsewhere, alive)}
    assert status == {dead: "KILLED", elsewhere: "RUNNING", alive: "RUNNING"}
    assert tracking.reap_dead_runs(older_than=timedelta(0)) == 2


def test_a_registry_that_is_away_fails_soon_and_hides_its_password(tmp_path: Path) -> None:
    away = Tracking("p", tmp_path, "http://user:hunter2@127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(StateError, match=r"http://127\.0\.0\.1:9: the model registry") as error:
        away.alias_version(CHAMPION)
    assert time.monotonic() - started < 30
    assert "hunter2" not in str(error.value)
    assert error.value.exit_code == 8


def fill(file: Path) -> None:
    """Write until SQLite may not grow any more, as MLflow does: by a flush that fails."""
    engine = create_engine(f"sqlite:///{file}")
    with mendable(f"sqlite:///{file}"), engine.begin() as connection:
        connection.execute(text("PRAGMA max_page_count = 2"))
        connection.execute(text("CREATE TABLE t (x TEXT)"))
        try:
            for _ in range(99):
                connection.execute(text("INSERT INTO t VALUES (hex(randomblob(4000)))"))
        except OperationalError as error:
            raise PendingRollbackError("raised by a flush") from error


def test_a_full_disk_is_called_one_however_it_was_wrapped(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="the disk of the model registry is full") as told:
        fill(tmp_path / "full.db")
    assert "free some space" in str(told.value)


def test_a_folder_that_cannot_be_written_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be used"):
        Tracking("p", tmp_path / "file").start_run("x", {})


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX locks")
def test_processes_that_create_the_database_at_once_all_succeed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from npsight.tracking import Tracking;"
        "t = Tracking('p', Path(sys.argv[1])); t.finish(t.start_run('x', {}))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, cwd=tmp_path, **pipes) for _ in range(2)]
    assert [child.communicate() for child in children] == [("", "")] * 2
    assert not (tmp_path / "mlruns").exists()
    assert not list(tmp_path.glob("*.new"))


def test_flat_values() -> None:
    assert flat_params({"a": {"b": {"c": None}}, "d": [1]}) == {"a.b.c": "None", "d": "[1]"}
    assert finite_metrics({"a#b": 1, "inf": float("inf")}) == {"a_b": 1.0}
