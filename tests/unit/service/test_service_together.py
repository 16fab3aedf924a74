"""Scores asked for at the same time: made in one go, each with its own fate."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tiny_project import make_project

from npsight.errors import ModelIntegrityError, StateError
from npsight.service import together
from npsight.service.kept import Kept
from npsight.service.state import load_state
from npsight.service.together import MOST_TOGETHER, Together

KEYS = [f"a/{i} é" for i in range(60)]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    state = load_state(make_project(tmp_path))
    yield Kept(state, state.store.latest_run("tiny"))
    state.store.close()


def ask(kept: Kept, *wanted: list[str], drivers: bool = False):
    """Outcomes of requests that are ready in the same turn of the loop."""

    async def all_at_once():
        desk = Together()
        asked = [desk.made(kept, accounts, drivers) for accounts in wanted]
        try:
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            desk.close()

    return asyncio.run(all_at_once())


@pytest.fixture
def calls(monkeypatch) -> list[tuple[int, bool]]:
    """Number of accounts of each call to the model, and whether it was in the loop's thread."""
    made: list[tuple[int, bool]] = []
    score_stored = together.score_stored

    def counted(state, run, accounts, *rest):
        made.append((len(accounts), threading.current_thread() is threading.main_thread()))
        return score_stored(state, run, accounts, *rest)

    monkeypatch.setattr(together, "score_stored", counted)
    return made


def test_what_is_ready_together_is_made_together(kept: Kept, calls) -> None:
    outcomes = ask(kept, KEYS[:3], KEYS[2:5], [KEYS[9]], ["nobody"])
    assert calls == [(7, True)]
    assert [sorted(outcome) for outcome in outcomes] == [
        sorted(KEYS[:3]), sorted(KEYS[2:5]), [KEYS[9]], []
    ]  # fmt: skip
    alone = ask(kept, [KEYS[2]])[0][KEYS[2]]
    assert alone.text == outcomes[0][KEYS[2]].text == outcomes[1][KEYS[2]].text


def test_a_batch_has_a_size(kept: Kept, calls) -> None:
    outcomes = ask(kept, *([key] for key in KEYS))
    assert [count for count, _ in calls] == [MOST_TOGETHER, len(KEYS) - MOST_TOGETHER]
    assert [next(iter(outcome)) for outcome in outcomes] == KEYS


def test_drivers_are_made_in_a_thread(kept: Kept, calls) -> None:
    outcomes = ask(kept, [KEYS[0]], [KEYS[1]], drivers=True)
    assert {in_loop for _, in_loop in calls} == {False}
    assert all(
        b'"drivers":[{' in outcome[key].text
        for outcome, key in zip(outcomes, KEYS[:2], strict=True)
    )


def test_a_locked_file_is_waited_for_in_a_thread(kept: Kept, calls, monkeypatch) -> None:
    patience = []
    stored = together.score_stored

    def busy(state, run, accounts, with_drivers, patient):
        patience.append(patient)
        if not patient:
            raise StateError("locked")
        return stored(state, run, accounts, with_drivers, patient)

    monkeypatch.setattr(together, "score_stored", busy)
    outcome = ask(kept, [KEYS[0]])[0]
    assert patience == [False, True]
    assert KEYS[0] in outcome


def test_a_file_that_is_not_open_is_not_waited_for(kept: Kept) -> None:
    store = kept.state.store
    store.close()
    with closing(sqlite3.connect(store.engine.url.database, isolation_level=None)) as other:
        # Nobody else can even read, which a writer of a file in WAL mode does not prevent.
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateError, match="opened first"):
            together.results(kept, [KEYS[0]], False, patient=False)
    assert KEYS[0] in together.results(kept, [KEYS[0]], False)
    assert KEYS[0] in together.results(kept, [KEYS[0]], False, patient=False)


def test_one_that_does_not_fit_the_model_harms_no_other(kept: Kept, monkeypatch) -> None:
    stored = together.score_stored

    def picky(state, run, accounts, *rest):
        if KEYS[1] in accounts:
            raise ModelIntegrityError("does not fit")
        return stored(state, run, accounts, *rest)

    monkeypatch.setattr(together, "score_stored", picky)
    first, second, third = ask(kept, [KEYS[0]], [KEYS[1]], [KEYS[2]])
    assert KEYS[0] in first
    assert isinstance(second, ModelIntegrityError)
    assert KEYS[2] in third


def test_who_waits_no_longer_is_not_worked_for(kept: Kept, calls) -> None:
    async def cancelled():
        desk = Together()
        task = asyncio.create_task(desk.made(kept, [KEYS[0]], False))
        await asyncio.sleep(0)
        task.cancel()
        other = await desk.made(kept, [KEYS[1]], False)
        desk.close()
        return other

    assert list(asyncio.run(cancelled())) == [KEYS[1]]
    assert calls == [(1, True)]
