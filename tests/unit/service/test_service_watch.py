"""A better champion is swapped in; on any doubt the old one stays, and the service says so."""

from __future__ import annotations

import gc
import json
import logging
import shutil
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from other_models import Files, cut, promote_on_disk, reads_more, sealed, shifted
from tiny_project import AS_OF, make_project, rows

from npsight.config.load import load_project
from npsight.errors import StateError
from npsight.models.bundle import MANIFEST, verify
from npsight.service import fitting, offered, watch
from npsight.service.standing import MODEL, REGISTRY, SCORES, STORE, WATCHER
from npsight.service.state import Live, load_state
from npsight.service.watch import Watcher
from npsight.store import ScoreChange, ScoreRow, ScoreRun, open_store, record_changes, store_file
from npsight.tracking.cache import SERVED, read_cached
from npsight.tracking.offer import Offer


@pytest.fixture(scope="module")
def better() -> Files:
    return shifted(0.5)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_project(tmp_path, count=5)


@pytest.fixture
def watcher(config: Path) -> Iterator[Watcher]:
    """A watcher that looks when it is told to; nothing is served from disk but the cache."""
    live = Live(load_state(config))
    yield Watcher(live, load_project(config), None, seconds=3600)
    live.state.store.close()


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The child is replaced by a note of what it was asked to prove."""
    asked: list[str] = []
    monkeypatch.setattr(fitting, "prove", lambda files, *_: asked.append(verify(files)))
    return asked


def reasons(watcher: Watcher) -> dict[str, str]:
    return {trouble.part: trouble.reason for trouble in watcher.live.standing.troubles}


def test_a_better_champion_is_proved_and_swapped_in(
    config: Path, watcher: Watcher, better: Files
) -> None:
    old = watcher.live.state
    watcher.look()
    assert watcher.live.state is old
    promote_on_disk(config, 8, better)
    watcher.look()
    now = watcher.live.state
    assert (now.version, now.digest) == (8, verify(better))
    assert now.store is old.store
    assert reasons(watcher) == {}
    assert read_cached(config.parent / "state", SERVED) == (8, better)


def test_rollback_is_the_same_path(
    config: Path, watcher: Watcher, better: Files, proofs: list[str]
) -> None:
    first = read_cached(config.parent / "state")
    assert first is not None
    for version, files in ((8, better), (7, first[1]), (8, better)):
        promote_on_disk(config, version, files)
        watcher.look()
        assert watcher.live.state.version == version
        assert watcher.live.state.digest == verify(files)
    assert len(proofs) == 3


def test_what_is_served_is_not_proved_again(
    config: Path, watcher: Watcher, better: Files, proofs: list[str]
) -> None:
    promote_on_disk(config, 8, better)
    for _ in range(3):
        watcher.look()
    promote_on_disk(config, 8, better)
    watcher.look()
    assert len(proofs) == 1


def test_the_old_model_is_given_back(
    config: Path, watcher: Watcher, better: Files, proofs: list[str]
) -> None:
    old = weakref.ref(watcher.live.state.model)
    promote_on_disk(config, 8, better)
    watcher.look()
    gc.collect()
    assert old() is None


def flip(files: Files) -> Files:
    content = bytearray(files["model.json"])
    content[len(content) // 2] ^= 1
    return {**files, "model.json": bytes(content)}


def lack(files: Files) -> Files:
    return {name: content for name, content in files.items() if name != "golden.json"}


def unnamed(files: Files) -> Files:
    return {name: content for name, content in files.items() if name != MANIFEST}


def foreign(files: Files) -> Files:
    manifest = json.loads(files[MANIFEST]) | {"project": "another"}
    return {**files, MANIFEST: json.dumps(manifest).encode()}


def no_json(files: Files) -> Files:
    return sealed({**files, "model.json": b"[]"})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut, "not as written: detractor.lgb.txt"),
        (flip, "not as written: model.json"),
        (lack, "not as written: golden.json"),
        (unnamed, "its manifest is missing"),
        (foreign, "of project 'another', not of 'tiny'"),
        (no_json, "loading it failed (TypeError)"),
    ],
)
def test_a_doubtful_champion_is_refused_and_the_old_one_stays(
    config: Path,
    watcher: Watcher,
    better: Files,
    proofs: list[str],
    damage,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = watcher.live.state
    promote_on_disk(config, 9, damage(better))
    with caplog.at_level(logging.WARNING):
        watcher.look()
        watcher.look()
    assert watcher.live.state is old
    (trouble,) = watcher.live.standing.troubles
    assert (trouble.part, trouble.offered_version) == (MODEL, 9)
    assert reason in trouble.reason
    assert str(config.parent) not in trouble.reason
    assert [r.getMessage() for r in caplog.records if reason in r.getMessage()] == [
        f"model: {trouble.reason} (version 9 is offered)"
    ]
    assert read_cached(config.parent / "state", SERVED) is None
    promote_on_disk(config, 10, better)
    watcher.look()
    assert watcher.live.state.version == 10
    assert reasons(watcher) == {}


def test_a_file_that_kills_its_reader_is_tried_once(
    config: Path, watcher: Watcher, better: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = sealed(cut(better))
    promote_on_disk(config, 9, killer)
    watcher.look()
    assert "killed the process" in reasons(watcher)[MODEL]
    monkeypatch.setattr(fitting, "prove", lambda *_: pytest.fail("it was tried again"))
    promote_on_disk(config, 9, killer)
    watcher.look()
    assert "killed the process" in reasons(watcher)[MODEL]
    assert watcher.live.state.version == 7


def test_a_proof_that_takes_too_long_is_given_up(config: Path, better: Files) -> None:
    live = Live(load_state(config))
    slow = Watcher(live, load_project(config), None, seconds=3600, proof_seconds=0.01)
    promote_on_disk(config, 8, better)
    slow.look()
    assert live.state.version == 7
    assert "took more than 0.01 seconds" in reasons(slow)[MODEL]
    live.state.store.close()


def test_a_model_whose_features_are_not_stored_waits_for_a_run_that_has_them(
    config: Path, watcher: Watcher, proofs: list[str]
) -> None:
    files = reads_more()
    promote_on_disk(config, 8, files)
    for _ in range(3):
        watcher.look()
    assert watcher.live.state.version == 7
    name = next(n for n in json.loads(files["golden.json"])["rows"][0] if "exports" in n)
    assert name in reasons(watcher)[MODEL]
    assert len(proofs) == 1
    write_run(config, more={name: 3.0})
    watcher.look()
    assert watcher.live.state.version == 8
    assert reasons(watcher) == {}


def write_run(
    config: Path, more: dict[str, float] | None = None, run_id: str = "run-2", days: int = 1
) -> None:
    now = rows(5, seed=2)
    inputs = [
        (r["account"], {k: v for k, v in r.items() if k != "account"} | (more or {}), {})
        for r in now.to_dict("records")
    ]
    later = AS_OF + timedelta(days=days)
    run = ScoreRun(run_id, "tiny", later, later, 8, "digest")
    store = open_store(store_file(config.parent / "state"))
    store.write_run(run, [ScoreRow(a, later) for a in now["account"]], inputs)
    store.close()


def test_a_bundle_that_is_still_being_copied_is_taken_once_it_is_whole(
    config: Path, watcher: Watcher, better: Files, proofs: list[str]
) -> None:
    folder = promote_on_disk(config, 8, better)
    late = {name: (folder / name).read_bytes() for name in ("golden.json", "model.json")}
    for name in late:
        (folder / name).unlink()
    watcher.look()
    assert watcher.live.state.version == 7
    assert "not as written" in reasons(watcher)[MODEL]
    for name, content in late.items():
        (folder / name).write_bytes(content)
    watcher.look()
    assert watcher.live.state.version == 8


def test_a_folder_that_vanishes_keeps_the_old_one(
    config: Path, watcher: Watcher, better: Files
) -> None:
    shutil.rmtree(promote_on_disk(config, 8, better))
    watcher.look()
    assert watcher.live.state.version == 7
    assert reasons(watcher) == {MODEL: "its files are missing or cannot be read"}
    pointer = config.parent / "state" / "champion" / "current.json"
    pointer.write_text("{")
    watcher.look()
    assert "is not named" in reasons(watcher)[MODEL]
    pointer.unlink()
    watcher.look()
    assert reasons(watcher) == {}
    assert watcher.live.state.version == 7


def test_the_registry_decides_where_it_answers(
    config: Path, watcher: Watcher, better: Files, proofs: list[str], monkeypatch
) -> None:
    fetched: list[int] = []

    def fetch(_project: str, _state: Path, _uri: str | None, version: int) -> Files:
        fetched.append(version)
        if len(fetched) == 1:
            raise StateError("the artifact store hangs")
        return better

    monkeypatch.setattr(offered, "champion_offer", lambda *_: Offer(12, verify(better)))
    monkeypatch.setattr(offered, "fetch_bundle", fetch)
    watcher.look()
    assert reasons(watcher) == {MODEL: "its files could not be fetched from the registry"}
    watcher.look()
    assert fetched == [12], "it was fetched again at once"
    monkeypatch.setattr(watcher, "_not_before", 0.0)
    watcher.look()
    watcher.look()
    assert fetched == [12, 12]
    assert watcher.live.state.version == 12
    assert reasons(watcher) == {}
    assert read_cached(config.parent / "state") == (12, better)


def test_damaged_files_of_the_registry_are_fetched_again_but_not_tried_again(
    config: Path, watcher: Watcher, better: Files, monkeypatch
) -> None:
    tried: list[int] = []
    monkeypatch.setattr(offered, "champion_offer", lambda *_: Offer(12, verify(better)))
    monkeypatch.setattr(offered, "fetch_bundle", lambda *_: sealed(cut(better)))
    monkeypatch.setattr(fitting, "verify", lambda files: tried.append(len(files)))
    watcher.look()
    assert "killed" in reasons(watcher)[MODEL]
    monkeypatch.setattr(watcher, "_not_before", 0.0)
    watcher.look()
    assert len(tried) == 1
    monkeypatch.setattr(offered, "fetch_bundle", lambda *_: better)
    monkeypatch.setattr(watcher, "_not_before", 0.0)
    watcher.look()
    assert watcher.live.state.version == 12


def test_a_registry_that_is_away_leaves_the_champion_on_disk(
    config: Path, watcher: Watcher, better: Files, proofs: list[str], monkeypatch
) -> None:
    def away(*_: object) -> Offer:
        raise StateError("http://u:secret@host: no answer")

    monkeypatch.setattr(offered, "champion_offer", away)
    watcher.look()
    assert set(reasons(watcher)) == {REGISTRY}
    assert "secret" not in reasons(watcher)[REGISTRY]
    promote_on_disk(config, 8, better)
    watcher.look()
    assert watcher.live.state.version == 8
    monkeypatch.setattr(offered, "champion_offer", lambda *_: None)
    watcher.look()
    assert reasons(watcher) == {}


def test_rows_that_another_process_changed_are_forgotten(
    config: Path, watcher: Watcher, monkeypatch
) -> None:
    forgotten: list[str] = []
    all_: list[bool] = []
    monkeypatch.setattr(watcher.live, "forget", forgotten.append)
    monkeypatch.setattr(watcher.live, "changed", lambda: all_.append(True))
    watcher.look()
    # What was read before the first look may be older than that look knows.
    assert all_ == [True]
    all_.clear()
    store = open_store(store_file(config.parent / "state"))
    with store.writing() as connection:
        change = ScoreChange("a/1 é", {}, {"detractor_risk": 0.5})
        record_changes(connection, "tiny", "run-1", "fact", [change])
        record_changes(connection, "other", "run-1", "fact", [replace(change, account="b")])
    store.close()
    watcher.look()
    watcher.look()
    assert (forgotten, all_) == (["a/1 é"], [])
    write_run(config)
    watcher.look()
    watcher.look()
    assert all_ == [True]


def test_a_store_that_does_not_answer_is_told_and_passes(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise StateError("locked")

    with monkeypatch.context() as patch:
        patch.setattr(watch, "look", locked)
        watcher.look()
    assert set(reasons(watcher)) == {STORE}
    watcher.look()
    assert reasons(watcher) == {}


def test_a_defect_does_not_end_the_watch(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a value of a customer")

    with monkeypatch.context() as patch:
        patch.setattr(watch, "champion_offered", broken)
        watcher.look()
    assert reasons(watcher) == {WATCHER: "it could not look (ZeroDivisionError)"}
    watcher.look()
    assert reasons(watcher) == {}


def test_the_thread_looks_by_itself_and_stops(config: Path, better: Files) -> None:
    live = Live(load_state(config))
    watcher = Watcher(live, load_project(config), None, seconds=0.01)
    watcher.start()
    promote_on_disk(config, 8, better)
    for _ in range(2000):
        if live.state.version == 8:
            break
        watcher.join(0.05)
    watcher.stop()
    watcher.join(30)
    assert live.state.version == 8
    assert not watcher.is_alive()
    live.state.store.close()


def test_a_run_that_the_served_model_cannot_score_is_told(
    config: Path, watcher: Watcher, proofs: list[str]
) -> None:
    watcher.look()
    assert reasons(watcher) == {}
    later = AS_OF + timedelta(days=2)
    store = open_store(store_file(config.parent / "state"))
    run = ScoreRun("run-3", "tiny", later, later, 8, "digest")
    store.write_run(run, [ScoreRow("a", later)], [("a", {"other": 1.0}, {})])
    store.close()
    watcher.look()
    assert set(reasons(watcher)) == {SCORES}
    write_run(config, run_id="run-4", days=3)
    watcher.look()
    assert reasons(watcher) == {}
