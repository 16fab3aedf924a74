"""Facts that came over HTTP among the rows of the user's own tables: each counts once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from npsight.config.schema import Responses
from npsight.tables.posted import SCHEMA, Posted, of_table, table_of
from npsight.tables.report import POSTED, POSTED_ASIDE, POSTED_TOO

from .conftest import rows


def day(number: int) -> datetime:
    return datetime(2024, 5, number)


def at(number: int) -> str:
    return f"2024-05-{number:02}T00:00:00Z"


def sent(source: str, *facts: dict[str, Any]) -> Posted:
    whole = [
        {
            "seq": seq, "id": f["id"], "account": f.get("account", "a"),
            "occurred_at": day(f["at"]).replace(tzinfo=UTC), "ended_at": None,
            "known_at": day(f.get("known", f["at"])).replace(tzinfo=UTC),
            "content": json.dumps({k: v for k, v in f.items() if k in CONTENT}),
        }
        for seq, f in enumerate(facts, start=1)
    ]  # fmt: skip
    return Posted({source: pa.Table.from_pylist(whole, schema=SCHEMA)}, len(facts))


CONTENT = ("n", "kind", "score", "touchpoint", "comment")


def notes(prepared, index: int = 0) -> dict[str, int]:
    return {what: n for what, n in prepared.reports[index].notes if "HTTP" in what}


def test_without_an_id_what_equals_a_row_of_the_table_is_left_out(bench) -> None:
    csv = f"account,day,n\na,{at(1)},1\na,{at(2)},2\n"
    facts = sent(
        "usage", {"id": "x", "at": 1, "n": "1", "known": 9}, {"id": "y", "at": 1, "n": "1.5"}
    )
    prepared = bench.usage(csv, "measures: [n]", posted=facts)
    assert rows(prepared.facts.sources["usage"], "occurred_at", "known_at", "n") == [
        (day(1), day(1), Decimal("1")),
        (day(1), day(1), Decimal("1.5")),
        (day(2), day(2), Decimal("2")),
    ]
    assert notes(prepared) == {POSTED: 1, POSTED_TOO: 1}
    assert prepared.reports[0].good == 2
    assert prepared.posted_through == 2


def test_a_log_that_keeps_equal_rows_keeps_them(bench) -> None:
    csv = f"account,day,n\na,{at(1)},1\n"
    facts = sent("usage", {"id": "x", "at": 1, "n": "1"})
    prepared = bench.usage(csv, "measures: [n]\nduplicates: keep", posted=facts)
    assert len(rows(prepared.facts.sources["usage"], "n")) == 2


def test_with_an_id_alone_the_row_of_the_table_counts(bench) -> None:
    csv = f"id,account,day,n\n7,a,{at(1)},1\n"
    facts = sent("usage", {"id": "7", "at": 2, "n": "9"}, {"id": "8", "at": 3, "n": "3"})
    prepared = bench.usage(csv, "id: id\nmeasures: [n]", posted=facts)
    assert rows(prepared.facts.sources["usage"], "occurred_at", "n") == [
        (day(1), Decimal("1")),
        (day(3), Decimal("3")),
    ]
    assert notes(prepared) == {POSTED: 1, POSTED_TOO: 1}


def test_rows_and_facts_of_one_id_are_versions_of_one_fact(bench) -> None:
    csv = f"id,account,day,seen,n\n7,a,{at(1)},{at(2)},1\n7,a,{at(1)},{at(8)},3\n"
    facts = sent(
        "usage",
        {"id": "7", "at": 1, "known": 5, "n": "2"},
        {"id": "7", "at": 1, "known": 8, "n": "9"},
    )
    prepared = bench.usage(csv, "id: id\nknown_at: seen\nmeasures: [n]", posted=facts)
    assert rows(prepared.facts.sources["usage"], "known_at", "corrected_at", "n") == [
        (day(2), day(5), Decimal("1")),
        (day(5), day(8), Decimal("2")),
        (day(8), None, Decimal("3")),
    ]


def test_the_digest_changes_with_what_was_sent(bench) -> None:
    csv = f"account,day,n\na,{at(1)},1\n"
    digests = [
        bench.usage(csv, "measures: [n]", posted=posted).digest
        for posted in (
            None,
            sent("usage", {"id": "x", "at": 2, "n": "1"}),
            sent("usage", {"id": "x", "at": 2, "n": "2"}),
            sent("usage", {"id": "x", "at": 1, "n": "1"}),
        )
    ]
    assert digests[0] == digests[3]
    assert len(set(digests)) == 3


def test_what_no_longer_fits_is_kept_aside_with_its_reason(bench, quarantined) -> None:
    csv = f"account,at,score\na,{at(1)},5\n"
    facts = sent(
        "responses", {"id": "r", "at": 2, "score": "9"}, {"id": "s", "at": 3, "score": "5"}
    )
    prepared = bench.answers(
        csv, "bands: {scale: [1, 5], detractor: [1, 3], promoter: [4, 5]}", posted=facts
    )
    assert len(rows(prepared.facts.sources["responses"], "band")) == 2
    assert notes(prepared) == {POSTED: 1, POSTED_ASIDE: 1}
    (bad,) = quarantined(bench.quarantine / "posted_responses.parquet")
    assert (bad["id"], bad["_reason"]) == ("r", "score `9` outside its scale 1–5")


@pytest.mark.parametrize("versioned", [True, False])
def test_an_answer_takes_the_invitation_that_waits_under_its_id(bench, versioned) -> None:
    csv = f"id,account,at,score,sent,seen,asked\n7,a,,,{at(1)},{at(1)},web\n8,a,,,{at(2)},{at(2)},web\n"
    extra = "id: id\ninvited_at: sent\ntouchpoint: asked"
    extra += "\nknown_at: seen" if versioned else ""
    facts = sent("responses", {"id": "7", "at": 4, "known": 5, "score": "9"})
    prepared = bench.answers(csv, extra, posted=facts)
    assert rows(prepared.facts.sources["responses"], "occurred_at", "touchpoint") == [
        (day(4), "web")
    ]
    found = rows(prepared.facts.sources["invitations"], "occurred_at", "ended_at", "ended_known_at")
    assert found == [(day(1), day(4), day(5)), (day(2), None, None)]


def test_an_answer_belongs_to_the_table_of_its_touchpoint() -> None:
    def table(name: str | None) -> Responses:
        return Responses(path="x.csv", account="a", time="t", score="s", touchpoint_name=name)

    tables = [table("web"), table(None), table("web"), table("call"), table(None)]
    assert [table_of(tables, n) for n in ("web", "call", "mail", None)] == [0, 3, 1, 1]
    assert table_of([table("web")], "mail") is None
    conditions = [of_table(tables, place) for place in range(5)]
    assert [conditions[2], conditions[4]] == ["false", "false"]
    assert "NOT IN ('web', 'call')" in conditions[1]
