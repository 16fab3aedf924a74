"""Facts in the store: kept once, in order, by many writers at once; and who waits to be scored."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from postgres_server import postgres_server

from npsight.store import (
    PostedFact,
    Rescored,
    ScoreRow,
    ScoreRun,
    Store,
    StoredInput,
    keep_posted,
    newest_posted,
    open_store,
    pending,
    posted,
    store_file,
    write_rescored,
)
from npsight.store.changes import score_changes
from npsight.store.originals import Original, originals_of, scored_after

RUN_AT = datetime(2026, 6, 30, tzinfo=UTC)
NOW = datetime(2026, 7, 2, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def fact(id: str = "f1", account: str = "a", **fields) -> PostedFact:
    given = {"source": "usage", "occurred_at": RUN_AT - timedelta(days=3), "ended_at": None,
             "known_at": RUN_AT - timedelta(days=2), "content": {"n": "1"}, "versioned": False}  # fmt: skip
    return PostedFact(id=id, account=account, **given | fields)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server("posted") as uri:
        yield uri


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        opened = open_store(store_file(tmp_path))
    else:
        uri = request.getfixturevalue("server").replace("postgresql://", "postgresql+psycopg://")
        pytest.importorskip("psycopg")
        opened = open_store(uri)
    run = ScoreRun(f"r-{tmp_path.name}", f"p-{tmp_path.name}", RUN_AT, RUN_AT, 1, "digest")
    rows = [ScoreRow(a, RUN_AT, detractor_risk=0.25, rank=1) for a in ("a", "b")]
    opened.write_run(run, rows, [(a, {"x": 1.0}, {}) for a in ("a", "b")], facts_read=0)
    opened.run = run  # type: ignore[attr-defined]
    yield opened
    opened.close()


def outcomes(store, *facts, at=NOW):
    return [k.outcome for k in keep_posted(store, store.run.project, facts, at)]


def waiting(store):
    return pending(store, store.run.project, store.run.id)


def rescore(store, account: str, as_of: datetime, seq: int, risk: float = 0.5):
    row = ScoreRow(account, as_of, detractor_risk=risk, rank=9)
    return write_rescored(
        store, store.run, [Rescored(row, {"x": 2.0}, {})], seq, 1, {account: "fact"}, NOW
    )


def test_an_id_is_one_fact(store) -> None:
    assert outcomes(store, fact()) == ["stored"]
    assert outcomes(store, fact(), fact("f2"), fact("f2")) == ["unchanged", "stored", "unchanged"]
    (other,) = keep_posted(store, store.run.project, [fact(content={"n": "2"}, account="b")], NOW)
    assert (other.outcome, other.differs) == ("conflict", ("account", "n"))
    assert newest_posted(store, store.run.project) - 1 <= newest_posted(store, store.run.project)


def test_a_correction_is_known_later_and_a_late_repeat_undoes_nothing(store) -> None:
    first = fact("v", versioned=True, known_at=None)
    second = replace(first, content={"n": "2"}, account="b")
    assert outcomes(store, first) == ["stored"]
    (kept,) = keep_posted(store, store.run.project, [second], NOW)
    assert (kept.outcome, kept.accounts) == ("stored", ("b", "a"))
    found = [
        (f.version, f.known_at)
        for f in posted(store, store.run.project, 0, 10**9)
        if f.fact_id == "v"
    ]
    assert found == [(1, NOW), (2, NOW + TICK)]
    assert outcomes(store, first) == ["unchanged"]
    early = replace(first, content={"n": "3"}, known_at=NOW)
    (refused,) = keep_posted(store, store.run.project, [early], NOW)
    assert (refused.outcome, refused.differs) == ("conflict", ("known_at",))


def test_many_writers_number_facts_in_the_order_in_which_they_are_seen(store) -> None:
    seen: list[int] = []

    def write(i: int) -> None:
        outcomes(store, fact(f"w{i}"))
        through = newest_posted(store, store.run.project)
        numbers = [f.seq for f in posted(store, store.run.project, 0, through)]
        seen.append(len(numbers))
        with pytest.MonkeyPatch.context():
            assert numbers == sorted(numbers)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(30)))
        list(pool.map(write, range(30)))
    assert max(seen) == 30


def test_a_change_tells_its_instants_in_utc_with_z(store) -> None:
    outcomes(store, fact())
    through = newest_posted(store, store.run.project)
    later = (RUN_AT + timedelta(hours=1)).astimezone(timezone(timedelta(hours=2)))
    for as_of in (RUN_AT, later):
        change = rescore(store, "a", as_of, through)["a"]
        assert change.after["as_of"] == as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")
        assert change.before["as_of"] == RUN_AT.isoformat().replace("+00:00", "Z")


def test_what_the_run_itself_gave_is_kept_as_long_as_the_run(store) -> None:
    outcomes(store, fact())
    through = newest_posted(store, store.run.project)
    own = store.scores_of(store.run.id, ["a"])["a"]
    for days, risk in ((1, 0.5), (2, 0.75)):
        rescore(store, "a", RUN_AT + timedelta(days=days), through, risk)
    with store.reading() as connection:
        kept = originals_of(connection, store.run.id, ["a", "b"], RUN_AT)
        assert originals_of(connection, store.run.id, ["a"], RUN_AT - TICK) == {}
        asked = (store.run.id, ["a", "b"])
        assert scored_after(connection, *asked, RUN_AT + timedelta(days=2) - TICK) == {"a"}
        assert scored_after(connection, *asked, RUN_AT + timedelta(days=2)) == set()
    assert kept.keys() == {"a"}
    assert kept["a"].row == own
    assert kept["a"].inputs == StoredInput("a", {"x": 1.0}, {})
    history = store.history(store.run.project, "a")
    assert [(p.as_of - RUN_AT, p.detractor_risk) for p in history] == [
        (timedelta(days=2), 0.75), (timedelta(0), own.detractor_risk),
    ]  # fmt: skip
    for number in (1, 2):
        run = replace(store.run, id=f"{store.run.id}-{number}", as_of=RUN_AT + timedelta(10))
        store.write_run(run, [replace(own, as_of=run.as_of)], [])
    with store.reading() as connection:
        assert originals_of(connection, store.run.id, ["a"], RUN_AT) == {"a": Original(own, None)}
    store.delete_old_runs(store.run.project, keep=1)
    with store.reading() as connection:
        assert originals_of(connection, store.run.id, ["a"], RUN_AT) == {}


def test_who_waits(store) -> None:
    outcomes(store, fact(), fact("g", "b", known_at=RUN_AT - TICK))
    assert waiting(store) == ["a", "b"]
    through = newest_posted(store, store.run.project)
    assert rescore(store, "a", RUN_AT, through).keys() == {"a"}
    assert waiting(store) == ["b"]
    assert rescore(store, "b", RUN_AT, through).keys() == {"b"}
    assert waiting(store) == []


@pytest.mark.parametrize(
    ("known_at", "as_of", "waits"),
    [
        (RUN_AT - TICK, RUN_AT, False),
        (RUN_AT, RUN_AT, True),
        (RUN_AT, RUN_AT + TICK, False),
        (RUN_AT + TICK, RUN_AT + TICK, True),
    ],
)
def test_a_fact_known_at_or_after_the_as_of_waits(store, known_at, as_of, waits) -> None:
    outcomes(store, fact(known_at=known_at))
    rescore(store, "a", as_of, newest_posted(store, store.run.project))
    assert waiting(store) == (["a"] if waits else [])


def test_whoever_read_more_facts_stays(store) -> None:
    outcomes(store, fact("f1"), fact("f2"))
    through = newest_posted(store, store.run.project)
    assert rescore(store, "a", RUN_AT, through, 0.75)["a"].after["detractor_risk"] == 0.75
    assert rescore(store, "a", RUN_AT, through - 1, 0.5) == {}
    row = store.scores_of(store.run.id, ["a"])["a"]
    assert (row.detractor_risk, row.rank) == (0.75, 1)
    assert store.inputs(store.run.id, ["a"])["a"].features == {"x": 2.0}
    with store.reading() as connection:
        changes = connection.execute(
            score_changes.select().where(score_changes.c.project == store.run.project)
        ).all()
    mine = [(c.cause, c.before["detractor_risk"], c.after["detractor_risk"]) for c in changes]
    assert ("fact", 0.25, 0.75) in mine


def test_another_run_meanwhile_is_told(store) -> None:
    later = replace(store.run, id=store.run.id + "-2", as_of=RUN_AT + timedelta(days=1))
    store.write_run(later, [], [])
    assert rescore(store, "a", RUN_AT, 1) is None


def test_a_correction_that_moves_a_fact_makes_both_accounts_wait(store) -> None:
    outcomes(store, fact("m", versioned=True))
    through = newest_posted(store, store.run.project)
    rescore(store, "a", RUN_AT, through)
    outcomes(store, fact("m", "b", versioned=True, known_at=RUN_AT - timedelta(days=1)))
    assert sorted(waiting(store)) == ["a", "b"]
