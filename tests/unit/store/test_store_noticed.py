"""Changes of other processes, noticed by SQLite's own count of commits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from npsight.store import ScoreChange, Store, open_store, record_changes
from npsight.store.noticed import Noticed


@pytest.fixture
def store(tmp_path: Path):
    opened = open_store(tmp_path / "a store é.db")
    yield opened
    opened.close()


def change(store: Store, *accounts: str, project: str = "p") -> None:
    changes = [ScoreChange(account, {}, {"risk_level": "low"}) for account in accounts]
    with store.writing() as connection:
        record_changes(connection, project, "r", "fact", changes, datetime.now(UTC))


def test_each_change_is_noticed_once(store: Store, tmp_path: Path) -> None:
    change(store, "old")
    noticed = Noticed(store, "p")
    assert noticed.accounts() == []
    change(store, "a", "b")
    change(store, "c")
    change(store, "x", project="other")
    assert noticed.accounts() == ["a", "b", "c"]
    assert noticed.accounts() == []
    elsewhere = open_store(tmp_path / "a store é.db")
    change(elsewhere, "d")
    elsewhere.close()
    assert noticed.accounts() == ["d"]
    noticed.close()


def test_nothing_is_missed_while_the_connection_was_away(store: Store) -> None:
    noticed = Noticed(store, "p")
    assert noticed.accounts() == []
    noticed.close()
    change(store, "a")
    assert noticed.accounts() == ["a"]
    noticed.close()


def test_a_store_that_does_not_answer_has_nothing_new(store: Store, tmp_path: Path) -> None:
    noticed = Noticed(store, "p")
    store.close()
    file = tmp_path / "a store é.db"
    file.rename(tmp_path / "away.db")
    assert noticed.accounts() == []
    assert not file.exists()
    (tmp_path / "away.db").rename(file)
    assert noticed.accounts() == []
    change(store, "a")
    assert noticed.accounts() == ["a"]
    noticed.close()


def test_a_store_in_memory_is_this_processs_alone() -> None:
    store = open_store("sqlite://")
    assert Noticed(store, "p").accounts() == []
    store.close()
