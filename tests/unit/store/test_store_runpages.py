"""What pages show of a run: written with it, read by name, gone with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from npsight.store import ScoreRun, Store
from npsight.store.runpages import KEEP, run_page, write_run_page

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def run(number: int, project: str = "p") -> ScoreRun:
    at = FIRST + timedelta(days=number)
    return ScoreRun(f"{project}-{number}", project, at, at, 1, "d")


def write(store: Store, made: ScoreRun, keep: int = KEEP, **pages: object) -> None:
    def beside(connection):
        for name, content in pages.items():
            write_run_page(connection, made, name, content, keep)

    store.write_run(made, [], [], beside=[beside])


def test_a_document_is_read_back_as_it_was_written(any_store):
    content = {"nps": 12.345678901234567, "text": "«é» \u202e", "list": [1, None, {"a": True}]}
    write(any_store, run(1), segments=content)
    assert run_page(any_store, "p-1", "segments") == content
    assert run_page(any_store, "p-1", "themes") is None
    assert run_page(any_store, "p-2", "segments") is None


def test_what_is_not_a_number_is_null(any_store):
    write(any_store, run(1), drift={"a": float("nan"), "b": [float("inf")]})
    assert run_page(any_store, "p-1", "drift") == {"a": None, "b": [None]}


def test_documents_of_old_runs_go_and_those_of_other_projects_stay(any_store):
    write(any_store, run(0, "other"), segments={"n": 0})
    for number in range(5):
        write(any_store, run(number), keep=3, segments={"n": number}, themes={"n": number})
    for name in ("segments", "themes"):
        kept = [run_page(any_store, f"p-{number}", name) for number in range(5)]
        assert kept == [None, None, {"n": 2}, {"n": 3}, {"n": 4}]
    assert run_page(any_store, "other-0", "segments") == {"n": 0}


def test_a_run_of_an_earlier_day_has_its_documents_too(any_store):
    for number in (7, 8, 9):
        write(any_store, run(number), keep=2, segments={"n": number})
    early = run(1)
    late = ScoreRun("again", "p", early.as_of, FIRST + timedelta(days=30), 1, "d")
    write(any_store, late, keep=2, segments={"n": 1})
    assert run_page(any_store, "again", "segments") == {"n": 1}
    assert run_page(any_store, "p-9", "segments") == {"n": 9}
    assert run_page(any_store, "p-8", "segments") is None


def test_documents_go_with_their_run(any_store):
    write(any_store, run(1), segments={})
    write(any_store, run(2), segments={})
    any_store.delete_old_runs("p", keep=1)
    assert run_page(any_store, "p-1", "segments") is None
    assert run_page(any_store, "p-2", "segments") == {}


def test_a_run_that_fails_leaves_no_document(any_store):
    made = run(1)

    def broken(connection):
        write_run_page(connection, made, "segments", {"n": 1})
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        any_store.write_run(made, [], [], beside=[broken])
    assert run_page(any_store, "p-1", "segments") is None
