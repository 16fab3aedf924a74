"""The physical cut: what had not been known is gone, what had been stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import ibis
import pytest

from npsight.audit.cut import cut_facts, cut_table

AS_OF = datetime(2024, 3, 1)
TICK = timedelta(microseconds=1)
BEFORE, AFTER = AS_OF - TICK, AS_OF + TICK


@pytest.fixture(scope="module")
def backend():
    connection = ibis.duckdb.connect(":memory:")
    yield connection
    connection.disconnect()


def table(rows):
    types = {c: "timestamp(6)" for c in rows[0] if c.endswith("_at")} | {"account": "string"}
    return ibis.memtable([list(r.values()) for r in rows], schema=ibis.schema(
        {c: types.get(c, "int64") for c in rows[0]}))  # fmt: skip


def cut(backend, *rows, ahead=False):
    return backend.to_pyarrow(cut_table(table(list(rows)), AS_OF, ahead=ahead)).to_pylist()


def row(occurred=BEFORE, known=BEFORE, **rest):
    return {"account": "a", "occurred_at": occurred, "known_at": known, **rest}


@pytest.mark.parametrize(
    ("occurred", "known", "kept"),
    [(BEFORE, BEFORE, 1), (AS_OF, BEFORE, 0), (BEFORE, AS_OF, 0), (AFTER, AFTER, 0)],
)
def test_rows_stay_that_had_happened_and_were_known(backend, occurred, known, kept):
    assert len(cut(backend, row(occurred, known))) == kept


@pytest.mark.parametrize(("known", "kept"), [(BEFORE, 1), (AS_OF, 0)])
def test_what_is_booked_ahead_stays_once_known(backend, known, kept):
    assert len(cut(backend, row(AFTER, known), ahead=True)) == kept


@pytest.mark.parametrize(
    ("ended", "known", "kept"),
    [
        (BEFORE, BEFORE, True),
        (BEFORE, AS_OF, False),
        (AFTER, BEFORE, True),  # booked
        (AFTER, AFTER, False),
        (None, None, False),
    ],
)
def test_ends_stay_once_known(backend, ended, known, kept):
    (found,) = cut(backend, row(ended_at=ended, ended_known_at=known))
    assert (found["ended_at"], found["ended_known_at"]) == (
        (ended, known) if kept else (None, None)
    )


@pytest.mark.parametrize(("ended", "left"), [(BEFORE, BEFORE), (AS_OF, None), (None, None)])
def test_an_end_without_knowledge_is_known_when_it_passes(backend, ended, left):
    (found,) = cut(backend, row(ended_at=ended))
    assert found["ended_at"] == left


@pytest.mark.parametrize("column", ["corrected_at", "moved_at"])
def test_corrections_and_merges_stay_once_known(backend, column):
    assert cut(backend, row(**{column: BEFORE}))[0][column] == BEFORE
    assert cut(backend, row(**{column: AS_OF}))[0][column] is None


@dataclass(frozen=True)
class Some:
    """The fields of `Facts`."""

    accounts: Any
    versions: Any = None
    sources: dict[str, Any] = field(default_factory=dict)
    churn: Any = None
    data_end: datetime = datetime(2030, 1, 1)
    merges: Any = None
    scheduled: frozenset[str] = frozenset()


def test_all_facts_are_cut(backend):
    began = [{"account": "a", "began_at": BEFORE}, {"account": "b", "began_at": AS_OF}]
    merges = table([{"account": "c", "known_at": BEFORE}, {"account": "d", "known_at": AS_OF}])
    both = table([row(), row(AFTER, BEFORE)])
    facts = Some(table(began), both, {"usage": both, "meetings": both}, both, merges=merges,
                 scheduled=frozenset({"meetings"}))  # fmt: skip
    kept = []
    found = cut_facts(facts, AS_OF, lambda expression: kept.append(expression) or expression)
    rows = {name: len(backend.to_pyarrow(t)) for name, t in found.sources.items()}
    assert rows == {"usage": 1, "meetings": 2}
    assert [len(backend.to_pyarrow(t)) for t in (found.accounts, found.versions, found.churn)] == [
        1
    ] * 3
    assert backend.to_pyarrow(found.merges).column("account").to_pylist() == ["c"]
    assert found.data_end < AS_OF
    assert len(kept) == 6  # every table was computed anew


def test_projects_without_attributes_or_events(backend):
    facts = Some(table([{"account": "a", "began_at": BEFORE}]))
    found = cut_facts(facts, AS_OF, lambda expression: expression)
    assert (found.versions, found.churn, found.merges) == (None, None, None)
