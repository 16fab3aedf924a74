"""Changed risk levels and the outbox, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from postgres_server import postgres_server
from sqlalchemy import select

from npsight.store import (
    ScoreChange,
    ScoreRow,
    ScoreRun,
    Store,
    add_endpoint,
    counts,
    forget_written,
    mark_written,
    new_endpoint,
    open_store,
    record_changes,
    release,
    settle_delivered,
    settle_failed,
    take,
    written_digests,
)
from npsight.store.changes import score_changes
from npsight.store.outbox import outbox
from npsight.store.tables import metadata

DAY = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server("outbox") as uri:
        yield uri.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        opened = open_store(tmp_path / "npsight.db")
    else:
        opened = open_store(request.getfixturevalue("server"))
        with opened.writing() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    yield opened
    opened.close()


def run(store: Store, number: int, levels: dict[str, str | None], **more: Any) -> None:
    day = DAY + timedelta(days=more.pop("day", number))
    made = ScoreRun(f"r{number}", "demo", day, day, number, "digest")
    rows = [
        ScoreRow(account, day, risk_level=level, detractor_risk=number / 10, band_now="silent")
        for account, level in levels.items()
    ]
    store.write_run(made, rows, [], **more)


def told(store: Store) -> list[tuple[str, str | None, str | None, str]]:
    """Account, level before and after, and cause, of every change kept."""
    with store.reading() as connection:
        rows = connection.execute(select(score_changes).order_by(score_changes.c.seq)).all()
    return [(r.account, r.before.get("risk_level"), r.after["risk_level"], r.cause) for r in rows]


def listen(store: Store, name: str = "crm") -> None:
    url = "https://crm.example.com/"
    add_endpoint(store, new_endpoint("demo", name, url, ["risk_band_changed"]))


def test_migrations_and_declared_tables_are_the_same(store: Store) -> None:
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_first_run_changes_nothing(store: Store) -> None:
    listen(store)
    run(store, 1, {"a": "low", "b": "high"})
    assert told(store) == []
    assert counts(store, "demo") == {}


def test_changed_levels_are_kept_and_queued(store: Store) -> None:
    listen(store)
    before = {"a": "low", "b": "high", "c": None, "d": "medium", "gone": "high"}
    run(store, 1, before)
    run(store, 2, {"a": "high", "b": "high", "c": "low", "d": None, "new": "low", "blank": None})
    assert told(store) == [
        ("a", "low", "high", "run"), ("c", None, "low", "run"), ("d", "medium", None, "run"),
        ("new", None, "low", "run"),
    ]  # fmt: skip
    with store.reading() as connection:
        first = connection.execute(select(score_changes)).first()
        bodies = connection.execute(select(outbox.c.account)).scalars().all()
    assert first is not None
    assert first.before == {
        "as_of": "2026-06-02T00:00:00Z", "model_version": 1, "detractor_risk": 0.1,
        "predicted_nps": None, "churn_risk": None, "risk_level": "low", "band_now": "silent",
    }  # fmt: skip
    assert (first.after["as_of"], first.after["model_version"]) == ("2026-06-03T00:00:00Z", 2)
    assert sorted(bodies) == ["a", "c", "d", "new"]


def test_a_message_tells_numbers_with_the_digits_of_all_answers(store: Store) -> None:
    listen(store)
    long = ScoreChange("a", {"churn_risk": 1 / 3}, {"churn_risk": 2 / 3, "risk_level": "high"})
    with store.writing() as connection:
        record_changes(connection, "demo", "r", "fact", [long])
    with store.reading() as connection:
        data = json.loads(connection.execute(select(outbox.c.body)).scalar_one())["data"]
    assert data["before"]["churn_risk"] == 0.333333333333
    assert data["after"]["churn_risk"] == 0.666666666667


def test_a_run_of_an_earlier_day_changes_nothing(store: Store) -> None:
    run(store, 5, {"a": "low"})
    run(store, 1, {"a": "high"})
    assert told(store) == []
    run(store, 6, {"a": "medium"})
    assert told(store) == [("a", "low", "medium", "run")]


def test_the_same_day_again_is_compared(store: Store) -> None:
    run(store, 1, {"a": "low"}, day=3)
    run(store, 2, {"a": "high"}, day=3)
    assert told(store) == [("a", "low", "high", "run")]


def test_other_projects_do_not_count(store: Store) -> None:
    run(store, 1, {"a": "low"})
    other = ScoreRun("x", "other", DAY + timedelta(days=9), DAY, 1, "digest")
    store.write_run(other, [ScoreRow("a", DAY, risk_level="high")], [])
    assert told(store) == []


def test_what_was_rescored_since_is_compared_with_its_newest_level(store: Store) -> None:
    """An account that a posted answer moved up is not told a second time by the nightly run."""
    run(store, 1, {"a": "low", "b": "low", "c": "low"})
    with store.writing() as connection:
        for account in ("a", "b"):
            step = ScoreChange(account, {"risk_level": "low"}, {"risk_level": "high"})
            record_changes(connection, "demo", "r1", "response", [step])
        back = ScoreChange("b", {"risk_level": "high"}, {"risk_level": "medium"})
        record_changes(connection, "demo", "r1", "fact", [back])
    run(store, 2, {"a": "high", "b": "low", "c": "low"})
    assert told(store)[3:] == [("b", "medium", "low", "run")]


def test_a_run_that_fails_tells_nobody(store: Store) -> None:
    listen(store)
    run(store, 1, {"a": "low"})

    def rows() -> Iterator[ScoreRow]:
        yield ScoreRow("a", DAY, risk_level="high")
        raise RuntimeError("in the middle")

    day = DAY + timedelta(days=2)
    with pytest.raises(RuntimeError, match="in the middle"):
        store.write_run(ScoreRun("r2", "demo", day, day, 2, "d"), rows(), [])
    assert told(store) == []
    assert counts(store, "demo") == {}


def fill(store: Store, count: int, account: str = "a{}") -> None:
    with store.writing() as connection:
        changes = [
            ScoreChange(account.format(i), {"risk_level": "low"}, {"risk_level": "high"})
            for i in range(count)
        ]
        record_changes(connection, "demo", "r1", "run", changes, DAY)


def test_messages_are_leased_to_one(store: Store) -> None:
    listen(store)
    fill(store, 3)
    first = take(store, "demo", "one", 2, MINUTE, DAY)
    second = take(store, "demo", "two", 9, MINUTE, DAY)
    assert ([d.account for d in first], [d.account for d in second]) == (["a0", "a1"], ["a2"])
    assert take(store, "demo", "three", 9, MINUTE, DAY) == []
    later = DAY + MINUTE
    assert [d.attempts for d in take(store, "demo", "three", 9, MINUTE, later)] == [2, 2, 2]


def test_one_account_after_the_other(store: Store) -> None:
    listen(store)
    listen(store, "second")
    fill(store, 2, account="same")
    taken = take(store, "demo", "one", 9, MINUTE, DAY)
    assert sorted(d.endpoint.name for d in taken) == ["crm", "second"]
    crm = next(d for d in taken if d.endpoint.name == "crm")
    assert settle_delivered(store, crm, "one", DAY)
    [after] = take(store, "demo", "one", 9, MINUTE, DAY)
    assert (after.endpoint.name, after.seq > crm.seq) == ("crm", True)


def test_a_dead_message_lets_the_next_pass(store: Store) -> None:
    listen(store)
    fill(store, 2, account="same")
    [first] = take(store, "demo", "one", 9, MINUTE, DAY)
    assert settle_failed(store, first, "one", "http_500", None, None, DAY)
    assert len(take(store, "demo", "one", 9, MINUTE, DAY)) == 1


def test_a_message_that_was_given_back_has_not_been_tried(store: Store) -> None:
    listen(store)
    fill(store, 1)
    [taken] = take(store, "demo", "one", 9, MINUTE, DAY)
    assert release(store, taken, "one")
    [again] = take(store, "demo", "two", 9, MINUTE, DAY)
    assert (again.attempts, again.body) == (1, taken.body)


def test_many_takers_at_once_share_without_overlap(store: Store) -> None:
    listen(store)
    fill(store, 200)
    found: list[int] = []
    lock = threading.Lock()

    def work(owner: str) -> None:
        while taken := take(store, "demo", owner, 7, MINUTE, DAY):
            with lock:
                found.extend(d.seq for d in taken)

    threads = [threading.Thread(target=work, args=(f"t{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 200


def test_what_was_written_is_known_and_forgotten(store: Store) -> None:
    mark_written(store, "demo", "hubspot", {f"a{i}": "old" for i in range(1200)})
    mark_written(store, "demo", "hubspot", {"a1": "new", "b": "new"})
    mark_written(store, "demo", "salesforce", {"a1": "other"})
    mark_written(store, "demo", "hubspot", {})
    known = written_digests(store, "demo", "hubspot")
    assert (len(known), known["a1"], known["b"], known["a2"]) == (1201, "new", "new", "old")
    forget_written(store, "demo", "hubspot")
    assert written_digests(store, "demo", "hubspot") == {}
    assert written_digests(store, "demo", "salesforce") == {"a1": "other"}
