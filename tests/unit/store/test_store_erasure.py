"""An erased account is in no table any more, whichever table there will be; all else stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from postgres_server import postgres_server
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
)

from npsight.store import Store, open_store
from npsight.store.erasure import ERASED, erase_account, overwrite_deleted, texts, without
from npsight.store.tables import metadata

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY, NAME = "ACME-1", "Acme Limited"
MINE, BESIDE, ELSEWHERE = ("p", KEY, NAME), ("p", "ACME-11", "Acme"), ("q", KEY, NAME)
WITHOUT_ACCOUNTS = {
    "alembic_version", "alert_looks", "api_keys", "saved_views", "score_runs", "sessions",
    "sign_in_failures", "used_states", "users", "webhook_endpoints", "worklist_facets",
}  # fmt: skip
"""Tables that tell nothing of a single account."""
NUMBER = count(1)


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    if request.param == "sqlite":
        store = open_store(tmp_path_factory.mktemp("erased") / "npsight.db")
        yield store
        store.close()
        return
    with postgres_server("erased") as url:
        store = open_store(url)
        yield store
        store.close()


@pytest.fixture
def store(opened: Store) -> Store:
    """Every table has rows of each of the three accounts."""
    with opened.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    for project in ("p", "q"):
        fill(opened, project, "", "", WITHOUT_ACCOUNTS)
    told = {table.name for table in metadata.sorted_tables} - WITHOUT_ACCOUNTS
    for project, account, name in (MINE, BESIDE, ELSEWHERE):
        fill(opened, project, account, name, told)
    return opened


def fill(store: Store, project: str, account: str, name: str, tables: set[str]) -> None:
    """A row in each of the tables; what is text or JSON tells of the account."""
    with store.writing() as connection:
        for table in metadata.sorted_tables:
            if table.name in tables:
                row = {c.name: value(table, c, project, account, name) for c in table.c}
                connection.execute(insert(table), row)


def value(table: Table, column: Column[Any], project: str, account: str, name: str) -> Any:
    special = {
        ("audit_log", "subject"): f"account {account}",
        ("audit_log", "detail"): {"note": name},
        ("audit_log", "actor"): "ada",
        ("audit_log", "action"): "account snoozed",
        ("run_pages", "name"): f"themes{sum(map(ord, account))}",
        ("score_job_chunks", "accounts"): [account, "another"],
        ("score_job_chunks", "results"): [{"account": account}],
        ("run_pages", "content"): {
            "examples": [{"account": account, "text": f"{name} is not happy"}, {"account": "b"}]
        },
        ("answers", "body"): f'{{"account": "{account}", "name": "{name}"}}'.encode(),
        ("alert_events", "key"): f"level {account} 2026-03-01",
        ("alert_sends", "key"): f"level {account} 2026-03-01",
        ("alert_messages", "body"): f"- {name} ({account}): now high risk",
    }
    if (table.name, column.name) in special:
        return special[table.name, column.name]
    if column.name == "project":
        return project
    if column.name in ("account", "name") and account:
        return {"account": account, "name": name}[column.name]
    if column.foreign_keys:
        (parent,) = column.foreign_keys
        alone = parent.column.table.name in WITHOUT_ACCOUNTS
        return identity(project, "" if alone else account)
    if column.primary_key and column.name == "id":
        return identity(project, account)
    kind = column.type
    if isinstance(kind, JSON):
        return {"account": account, "called": name}
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, LargeBinary):
        return f"{project} {account}".encode()
    if isinstance(kind, Float):
        return 0.5
    if isinstance(kind, Integer):
        return next(NUMBER)
    if isinstance(kind, String | Text):
        return f"{name} {next(NUMBER)}" if account else f"{column.name} {next(NUMBER)}"
    return NOW


def identity(project: str, account: str) -> str:
    """Of the one row of its table; with an account, not telling which."""
    return f"{project}{sum(map(ord, account))}"


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
    told = {table.name for table in metadata.sorted_tables} - WITHOUT_ACCOUNTS
    fill(store, "p", KEY, NAME, told)
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
