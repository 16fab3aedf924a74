"""An erased account is in no table any more, whichever table there will be; all else stays."""

from __future__ import annotations

from typing import Any

import pytest
from filled_store import NOW, OF_ACCOUNTS, WITHOUT_ACCOUNTS, fill
from sqlalchemy import select

from npsight.store import Store, open_store
from npsight.store.erasure import ERASED, erase_account, overwrite_deleted, texts, without
from npsight.store.tables import metadata

KEY, NAME = "ACME-1", "Acme Limited"
MINE, BESIDE, ELSEWHERE = ("p", KEY, NAME), ("p", "ACME-11", "Acme"), ("q", KEY, NAME)


@pytest.fixture
def store(any_store: Store) -> Store:
    """Every table has rows of each of the three accounts."""
    for project in ("p", "q"):
        fill(any_store, project, "", "", WITHOUT_ACCOUNTS)
    for project, account, name in (MINE, BESIDE, ELSEWHERE):
        fill(any_store, project, account, name, OF_ACCOUNTS)
    return any_store


def rows(store: Store) -> dict[str, set[str]]:
    """Every row of every table, as text."""
    with store.reading() as connection:
        return {
            table.name: {repr(tuple(row)) for row in connection.execute(select(table))}
            for table in metadata.sorted_tables
        }


def test_nothing_tells_of_it_any_more_and_all_else_stays(store):
    before = rows(store)
    found = erase_account(store, "p", KEY, NOW, "npsight erase")
    after = rows(store)
    counted_with_their_jobs = {"score_job_chunks"}
    assert set(found) == set(before) - WITHOUT_ACCOUNTS - counted_with_their_jobs
    for table, lines in after.items():
        gone, new = before[table] - lines, lines - before[table]
        if table == "audit_log":
            assert len(gone) == 1
            assert sum(ERASED in line for line in new) == len(new) == 2
        elif table == "run_pages":
            assert len(gone) == len(new) == 1
            assert "{'account': 'b'}" in next(iter(new))
        else:
            assert (len(gone), len(new)) == ((table not in WITHOUT_ACCOUNTS), 0), table
        for line in new | (lines if table in WITHOUT_ACCOUNTS else set()):
            assert KEY not in line, table
            assert NAME not in line, table


def test_every_other_account_keeps_its_rows(store):
    """Of which one has a key that begins so, and one the same key in another project."""
    erase_account(store, "p", KEY, NOW, "npsight erase")
    with store.reading() as connection:
        for table in metadata.sorted_tables:
            if "account" in table.c:
                left = set(connection.execute(select(table.c.account)).scalars())
                assert left == {KEY, "ACME-11"}, table.name


def test_the_log_keeps_who_and_when(store):
    erase_account(store, "p", KEY, NOW, "npsight erase")
    log = metadata.tables["audit_log"]
    with store.reading() as connection:
        found = connection.execute(select(log).where(log.c.subject == ERASED)).all()
    blank = next(row for row in found if row.action != "account erased")
    assert (blank.at, blank.detail) == (NOW, {})
    assert blank.actor
    noted = next(row for row in found if row.action == "account erased")
    assert (noted.actor, noted.project, noted.at) == ("npsight erase", "p", NOW)


def test_an_unknown_key_changes_nothing(store):
    before = rows(store)
    assert erase_account(store, "p", "acme-1", NOW, "npsight erase") == {}
    assert rows(store) == before


def test_the_file_of_sqlite_holds_it_no_more(tmp_path):
    file = tmp_path / "npsight.db"
    store = open_store(file)
    fill(store, "p", "", "", WITHOUT_ACCOUNTS)
    fill(store, "p", KEY, NAME, OF_ACCOUNTS)
    assert KEY.encode() in written(file)
    erase_account(store, "p", KEY, NOW, "npsight erase")
    assert overwrite_deleted(store)
    assert KEY.encode() not in written(file)
    assert NAME.encode() not in written(file)
    store.close()


def test_a_reader_keeps_the_old_pages_and_that_is_said(tmp_path):
    file = tmp_path / "npsight.db"
    store, other = open_store(file), open_store(file)
    fill(store, "p", "", "", {"score_runs"})
    fill(store, "p", KEY, NAME, {"scores"})
    with other.reading() as connection:
        connection.execute(select(metadata.tables["scores"])).all()
        erase_account(store, "p", KEY, NOW, "npsight erase")
        assert not overwrite_deleted(store)
    assert overwrite_deleted(store)
    assert KEY.encode() not in written(file)
    store.close()
    other.close()


def written(file: Any) -> bytes:
    return b"".join(f.read_bytes() for f in file.parent.glob(f"{file.name}*"))


def test_examples_go_alone():
    page = {"themes": [{"examples": [{"account": "a", "x": 1}, {"account": "b"}]}], "a": {"n": 1}}
    kept = {"themes": [{"examples": [{"account": "b"}]}]}
    assert without(page, "a") == (kept, 2)
    assert without(page, "c") == (page, 0)
    assert sorted(set(texts(page))) == ["a", "account", "b", "examples", "n", "themes", "x"]
