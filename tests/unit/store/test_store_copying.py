"""A project's store from SQLite into PostgreSQL: every row, and it is worked on from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filled_store import NOW, OF_ACCOUNTS, WITHOUT_ACCOUNTS, fill
from sqlalchemy import delete, func, insert, select

from npsight.errors import StateError
from npsight.store import Store, auditlog, open_store
from npsight.store.copying import OF_NO_PROJECT, copy_project
from npsight.store.tables import metadata

TABLES = [table for table in metadata.sorted_tables if table.name not in OF_NO_PROJECT]
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def target(postgres_url: str) -> Iterator[Store]:
    store = open_store(postgres_url)
    with store.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    yield store
    store.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[tuple[Store, Rows]]:
    """Two projects with rows in every table, and the rows of the first."""
    store = open_store(tmp_path / "npsight.db")
    written: Rows = {table.name: [] for table in TABLES}
    for project in ("p", "q"):
        made = [fill(store, project, "", "", WITHOUT_ACCOUNTS - OF_NO_PROJECT)]
        for account in ("ACME-1", "Zoë 2"):
            made.append(fill(store, project, account, f"Firm of {account}", OF_ACCOUNTS))
        for table, row in [pair for rows in made for pair in rows.items() if project == "p"]:
            written[table].append(row)
    yield store, written
    store.close()


def rows(store: Store) -> Rows:
    with store.reading() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in TABLES
        }


def ordered(found: Rows) -> dict[str, list[str]]:
    return {table: sorted(map(repr, lines)) for table, lines in found.items()}


def count(store: Store) -> int:
    with store.reading() as connection:
        return sum(
            connection.execute(select(func.count()).select_from(t)).scalar_one() for t in TABLES
        )


def test_every_row_of_the_project_arrives_and_none_of_another(source, target):
    store, written = source
    before = rows(store)
    counts = copy_project(store, target, "p")
    assert all(written.values())
    assert ordered(rows(target)) == ordered(written)
    assert counts == {name: len(lines) for name, lines in written.items()}
    assert rows(store) == before


def test_new_rows_are_numbered_behind_the_copied_ones(source, target):
    copy_project(source[0], target, "p")
    with target.reading() as connection:
        newest = connection.execute(select(func.max(auditlog.audit_log.c.seq))).scalar_one()
    with target.writing() as connection:
        auditlog.note(connection, "p", NOW, "ada", "account snoozed", "account ACME-1")
    first, *_ = auditlog.entries(target, "p")
    assert first.seq == newest + 1


def test_a_database_that_holds_something_is_left_alone(source, target):
    fill(target, "q", "", "", {"users"})
    with pytest.raises(StateError, match="table users holds rows already"):
        copy_project(source[0], target, "p")
    assert count(target) == 1


def test_a_failure_leaves_the_target_empty(source, target):
    """PostgreSQL takes no NUL in texts."""
    with source[0].writing() as connection:
        names = metadata.tables["account_names"]
        connection.execute(insert(names), {"project": "p", "account": "x", "name": "a\0b"})
    with pytest.raises(StateError):
        copy_project(source[0], target, "p")
    assert count(target) == 0
