"""Runs in and out: what is written is read, whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from npsight.errors import NotFoundError, StateError
from npsight.store import ScoreRow, ScoreRun, Store, open_store
from npsight.store.changes import score_changes
from npsight.store.listing import last_change

DAY = datetime(2026, 3, 1, 12, 30, 1, 250, tzinfo=UTC)


def run(number: int = 1, **changes) -> ScoreRun:
    made = ScoreRun(f"r{number}", "demo", DAY + timedelta(days=number), DAY, 3, "abc")
    return dataclasses.replace(made, **changes)


def row(account: str, **values) -> ScoreRow:
    return ScoreRow(account, DAY, **values)


@pytest.fixture
def store(tmp_path: Path):
    opened = open_store(tmp_path / "sub" / "npsight.db")
    yield opened
    opened.close()


def test_a_run_comes_back_as_it_was(store: Store) -> None:
    full = row(
        "é/1", name="N", owner="o", segment="s", revenue=1.5, renewal_at=DAY, band_now="passive",
        last_score=7.0, last_answer_at=DAY, detractor_risk=0.1 + 0.2, promoter_prob=0.25,
        predicted_nps=-5.0, nps_low_80=-20.0, nps_high_80=10.0, nps_low_95=-30.0,
        nps_high_95=20.0, churn_risk=1 / 3, risk_level="high", rank=1, priority=2.5,
        priority_reason="why", within_capacity=True, base_risk=0.2, base_nps=1.0, base_churn=0.1,
        answer_prob=0.5, expected_answers=0.75,
        risk_low_80=0.1, risk_high_80=0.5, last_contact_at=DAY,
        drivers=[{"driver": "d", "points": 1 / 7}], churn_drivers=[{"driver": "c"}],
    )  # fmt: skip
    written = store.write_run(run(peers={"overall": {"x": 1.5}}), iter([full]), [])
    assert written.account_count == 1
    assert store.latest_run("demo") == written
    assert store.score("r1", "é/1") == full
    assert all(getattr(full, f.name) not in (None, []) for f in dataclasses.fields(full))


def test_no_nan_is_kept(store: Store, tmp_path: Path) -> None:
    odd = row("a", revenue=float("nan"), renewal_at=pd.NaT, detractor_risk=np.float64("inf"),
              last_score=np.float64(7), drivers=[{"points": float("nan")}])  # fmt: skip
    features = {"n": np.nan, "i": np.int64(3), "s": "x", "none": None, "na": pd.NA, "f": 1 / 3}
    store.write_run(run(), [odd], [("a", features, {"n": float("-inf")})])
    read = store.score("r1", "a")
    assert (read.revenue, read.renewal_at, read.detractor_risk) == (None, None, None)
    assert (read.last_score, read.drivers) == (7.0, [{"points": None}])
    kept = store.inputs("r1", ["a", "nobody"])
    assert kept["a"].features == {**features, "n": None, "i": 3, "na": None}
    assert kept["a"].past == {"n": None}
    assert list(kept) == ["a"]
    assert "NaN" not in (tmp_path / "sub" / "npsight.db").read_bytes().decode("latin1")


def test_instants_are_utc(store: Store) -> None:
    berlin = DAY.astimezone(timezone(timedelta(hours=2)))
    naive = pd.Timestamp(DAY.replace(tzinfo=None))
    store.write_run(run(as_of=berlin, created_at=naive), [], [])
    read = store.latest_run("demo")
    assert (read.as_of, read.created_at) == (DAY, DAY)
    assert read.as_of.utcoffset() == timedelta(0)


def test_latest_is_the_newest_as_of_then_the_newest_made(store: Store) -> None:
    store.write_run(run(2), [], [])
    store.write_run(run(1, created_at=DAY + timedelta(days=9)), [], [])
    assert store.latest_run("demo").id == "r2"
    store.write_run(run(3, as_of=run(2).as_of, created_at=DAY + timedelta(days=1)), [], [])
    assert store.latest_run("demo").id == "r3"
    with pytest.raises(NotFoundError, match="npsight score -c"):
        store.latest_run("other")


def test_scores_are_ordered_by_rank_then_account(store: Store) -> None:
    rows = [row("d"), row("c", rank=2), row("b"), row("a", rank=10), row("e", rank=1)]
    store.write_run(run(), rows, [])
    assert [r.account for r in store.scores("r1")] == ["e", "c", "a", "b", "d"]
    assert [r.account for r in store.scores("r1", ranked_only=True)] == ["e", "c", "a"]
    assert [r.account for r in store.scores("r1", limit=2, offset=1)] == ["c", "a"]
    assert [r.account for r in store.scores("r1", offset=3)] == ["b", "d"]
    assert list(store.scores_of("r1", ["a", "x"])) == ["a"]
    with pytest.raises(NotFoundError, match="no such account"):
        store.score("r1", "x")


def test_history_is_newest_first_and_of_one_project(store: Store) -> None:
    for number in (1, 2, 3):
        store.write_run(run(number), [row("a", detractor_risk=number / 10)], [])
    store.write_run(run(9, project="other"), [row("a", detractor_risk=0.9)], [])
    assert [p.detractor_risk for p in store.history("demo", "a", limit=2)] == [0.3, 0.2]


def test_old_runs_go_and_inputs_of_the_two_newest_stay(store: Store) -> None:
    for number in range(1, 6):
        store.write_run(run(number), [row("a")], [("a", {"x": 1}, {})], keep=4)
    store.write_run(run(7, project="other"), [row("a")], [("a", {"x": 1}, {})])
    assert [r.id for r in store.runs("demo")] == ["r5", "r4", "r3", "r2"]
    assert store.scores("r1") == []
    assert [bool(store.inputs(f"r{n}")) for n in (2, 3, 4, 5, 7)] == [False, False, *[True] * 3]
    assert store.delete_old_runs("demo", keep=1) == 3


def test_changes_go_with_their_run_but_for_the_newest_of_each_account(store: Store) -> None:
    levels = {"a": "high low high low low", "b": "low high high high high"}
    for number in range(5):
        rows = [row(name, risk_level=each.split()[number]) for name, each in levels.items()]
        store.write_run(run(number), rows, [], keep=2)
    with store.reading() as connection:
        kept = connection.execute(select(score_changes).order_by(score_changes.c.seq)).all()
    # a changed in runs 1, 2 and 3, of which 3 is there; b in run 1, which is shown of it still.
    assert [(c.account, c.run_id) for c in kept] == [("b", "r1"), ("a", "r3")]
    shown = last_change(store, "demo", "b")
    assert shown is not None
    assert shown.after["risk_level"] == "high"


def test_a_late_written_old_run_is_not_deleted_by_its_own_writing(store: Store) -> None:
    store.write_run(run(5), [], [], keep=1)
    store.write_run(run(1), [row("a")], [], keep=1)
    assert store.scores("r1")


def test_a_failing_row_source_leaves_nothing(store: Store) -> None:
    def rows():
        for number in range(2500):
            yield row(f"a{number}")
        raise RuntimeError("source broke")

    store.write_run(run(1), [row("a")], [])
    with pytest.raises(RuntimeError, match="source broke"):
        store.write_run(run(2), rows(), [])
    assert store.latest_run("demo").id == "r1"
    assert store.scores("r2") == []


def test_writing_a_run_twice_is_refused_without_its_values(store: Store) -> None:
    store.write_run(run(), [row("secret")], [])
    with pytest.raises(StateError, match="written twice"):
        store.write_run(run(), [row("secret")], [])
    with pytest.raises(StateError, match="written twice") as error:
        store.write_run(run(2), [row("secret"), row("secret")], [])
    assert "secret" not in str(error.value)


KILLED = """
import sys
from datetime import UTC, datetime
from npsight.store import ScoreRow, ScoreRun, open_store
day = datetime(2026, 5, 1, tzinfo=UTC)
def rows():
    for n in range(3000):
        yield ScoreRow(f"a{n}", day)
    print("midway", flush=True)
    sys.stdin.read()
open_store(sys.argv[1]).write_run(ScoreRun("killed", "demo", day, day, 1, "d"), rows(), [])
"""


def test_a_kill_midway_leaves_the_previous_run(tmp_path: Path) -> None:
    path = tmp_path / "npsight.db"
    store = open_store(path)
    store.write_run(run(1), [row("a")], [])
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "midway\n"
    assert store.latest_run("demo").id == "r1"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert store.latest_run("demo").id == "r1"
    assert store.scores("killed") == []
    store.write_run(run(2), [row("b")], [])
    assert store.latest_run("demo").id == "r2"
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store.close()


def test_a_locked_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("npsight.store.database.open_engine.__defaults__", (0.2,))
    path = tmp_path / "npsight.db"
    store = open_store(path)
    store.write_run(run(1), [row("a")], [])
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(StateError, match="locked by another process") as error:
        store.write_run(run(2), [], [])
    assert error.value.exit_code == 8
    assert time.monotonic() - started < 5
    assert store.latest_run("demo").id == "r1"
    raw.close()
    store.close()


def test_a_full_store_says_so_and_keeps_what_it_had(store: Store, tmp_path: Path) -> None:
    store.write_run(run(1), [row("a")], [])

    def limit(connection, _record, _proxy) -> None:
        connection.execute("PRAGMA max_page_count = 40")

    from sqlalchemy import event

    event.listen(store._engine, "checkout", limit)
    with pytest.raises(StateError, match="cannot grow"):
        store.write_run(run(2), [row(f"a{n}", name="x" * 900) for n in range(2000)], [])
    assert store.latest_run("demo").id == "r1"


def test_a_row_is_json_for_others(store: Store) -> None:
    store.write_run(run(), [row("a", drivers=[{"label": "é"}])], [])
    assert json.loads(json.dumps(store.score("r1", "a").drivers)) == [{"label": "é"}]
