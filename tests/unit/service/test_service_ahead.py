"""Scores that are made before anybody asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from orjson import dumps
from tiny_project import make_project

from npsight.service.ahead import Ahead, current
from npsight.service.scoring import score_stored
from npsight.service.state import Live, load_state
from npsight.store import ScoreRun
from npsight.store.lookup import accounts_after

PATIENCE = 60.0


@pytest.fixture
def live(tmp_path: Path):
    state = load_state(make_project(tmp_path, count=50))
    yield Live(state)
    state.store.close()


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)


@pytest.fixture
def started(live: Live):
    thread = Ahead(live, look_seconds=0.01)
    thread.start()
    yield live
    thread.stop(PATIENCE)


def test_every_account_is_known_before_it_is_asked_for(started: Live, monkeypatch) -> None:
    wait_for(lambda: started.kept is not None and len(started.kept) == 50)
    run = started.state.store.latest_run("tiny")
    text = started.kept.get("a/7 é", with_drivers=False)
    scored = score_stored(started.state, run, ["a/7 é"], with_drivers=False)
    assert text == dumps(scored["a/7 é"])
    assert started.kept.get("a/7 é", with_drivers=True) is None


def test_another_run_is_made_ahead_too(started: Live) -> None:
    wait_for(lambda: started.kept is not None and len(started.kept) == 50)
    before = started.kept
    started.changed()
    wait_for(lambda: started.kept not in (None, before) and len(started.kept) == 50)


def test_no_more_is_made_than_there_is_room_for(live: Live, monkeypatch) -> None:
    kept = current(live)
    kept._most = 9_000
    thread = Ahead(live)
    assert thread._fill(kept) is True
    assert 0 < len(kept) < 50
    assert kept._bytes <= kept._most


def test_a_run_that_is_replaced_is_left(live: Live) -> None:
    kept = current(live)
    live.changed()
    assert Ahead(live)._fill(kept) is False
    assert len(kept) == 0


def test_a_store_that_fails_is_asked_again(live: Live, monkeypatch) -> None:
    latest = live.state.store.latest_run
    asked = []

    def fails_once(project: str) -> ScoreRun:
        asked.append(project)
        if len(asked) == 1:
            from npsight.errors import StateError

            raise StateError("locked")
        return latest(project)

    monkeypatch.setattr(live.state.store, "latest_run", fails_once)
    thread = Ahead(live, look_seconds=0.01)
    thread.start()
    wait_for(lambda: live.kept is not None and len(live.kept) == 50)
    thread.stop(PATIENCE)
    assert len(asked) >= 2


def test_accounts_come_in_pages_without_gaps(live: Live) -> None:
    store, found, last = live.state.store, [], ""
    while page := accounts_after(store, "run-1", last, 7):
        found += page
        last = page[-1]
    assert found == sorted(found)
    assert len(set(found)) == 50
