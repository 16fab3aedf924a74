"""Writes without serving facts: rows are judged by themselves, kept once, and wait."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from npsight.service import writing
from npsight.service.shapes.writing import PostedFact as FactShape
from npsight.service.state import ServingState
from npsight.store.posted import posted_facts

AT = "2026-05-03T10:00:00Z"


def row(id: str = "r1", **fields: Any) -> dict[str, Any]:
    return {"id": id, "account": "a/1 é", "score": 9, "occurred_at": AT, **fields}


def post(client: Any, *rows: Any) -> list[dict[str, Any]]:
    answer = client.post("/v1/responses", json={"responses": list(rows)})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"request_id", "model_version", "model_digest", "as_of", "results"}
    return body["results"]


def kept(state: ServingState, id: str) -> list[Any]:
    query = select(posted_facts).where(posted_facts.c.fact_id == id)
    with state.store.reading() as connection:
        return list(connection.execute(query))


def test_without_facts_of_a_run_an_answer_is_kept_and_waits(client, state) -> None:
    (result,) = post(client, row("wait-1", comment="slow", known_at=None))
    assert (result["row"], result["id"], result["account"]) == (0, "wait-1", "a/1 é")
    assert result["status"] == "stored"
    assert "npsight score" in result["detail"]
    assert result["before"] is result["after"] is None
    (fact,) = kept(state, "wait-1")
    assert fact.occurred_at == datetime(2026, 5, 3, 10, tzinfo=UTC)
    assert fact.known_at == fact.received_at
    assert fact.content["score"] == "9"


def test_the_same_again_is_unchanged_and_other_content_a_conflict(client, state) -> None:
    assert post(client, row("same"))[0]["status"] == "stored"
    again, float_again, other = post(
        client, row("same"), row("same", score=9.0), row("same", score=3, account="a/2 é")
    )
    assert (again["status"], float_again["status"]) == ("unchanged", "unchanged")
    assert other["status"] == "conflict"
    assert "account, score" in other["detail"]
    assert "a/2" not in other["detail"]
    assert len(kept(state, "same")) == 1


def test_twins_at_once_are_kept_once(client, state) -> None:
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: post(client, row("twin"))[0]["status"], range(50)))
    assert sorted(set(results)) == ["stored", "unchanged"]
    assert results.count("stored") == 1
    assert len(kept(state, "twin")) == 1


def test_an_unknown_account_is_refused(client, state) -> None:
    unknown, number, fine = post(
        client, row("u1", account="nobody"), row("u3", account=7), row("u2")
    )
    assert unknown["status"] == "not_found"
    assert (number["status"], number["account"]) == ("not_found", "7")
    assert fine["status"] == "stored"
    assert kept(state, "u1") == []


def test_ids_may_be_whole_numbers(client, state) -> None:
    number, text = post(client, row(8841, respondent=12), row("8841", respondent="12"))
    assert [(r["id"], r["status"]) for r in (number, text)] == [
        ("8841", "stored"), ("8841", "unchanged"),
    ]  # fmt: skip
    assert kept(state, "8841")[0].content["respondent"] == "12"


LATER = (datetime.now(UTC) + timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"score": 11}, "score is outside its scale 0–10"),
        ({"score": 6.5}, "score is in no band of 0–10"),
        ({"score": True}, "score must be a number"),
        ({"score": "9"}, "score must be a number"),
        ({"occurred_at": "2026-05-03T10:00:00"}, "occurred_at must have an offset"),
        ({"occurred_at": "yesterday"}, "occurred_at must be an instant"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "occurred_at must be an instant"),
        ({"occurred_at": LATER}, "occurred_at lies after now"),
        ({"occurred_at": "1979-12-31T23:59:59Z"}, "occurred_at lies before `earliest`"),
        ({"known_at": "2026-05-03T09:59:59.999999Z"}, "known_at lies before occurred_at"),
        ({"known_at": LATER}, "known_at lies after now"),
        ({"id": ""}, "id must not be empty"),
        ({"id": 7.5}, "id must be a string, or a whole number of at most 15 digits"),
        ({"account": "x" * 513}, "account has 513 characters"),
        ({"comment": "x" * 20_001}, "comment has more than 20,000 characters"),
        ({"role": "\0"}, "role holds characters that no text has"),
        ({"nps": 3}, "nps is no field of this; leave it out"),
        ({"n" * 200: 3}, "n" * 100 + "… is no field of this"),
    ],
)
def test_a_bad_row_names_its_faults_and_harms_no_other(client, state, fields, said) -> None:
    good = f"good-{abs(hash(said))}"
    bad, fine = post(client, row("bad") | fields, row(good))
    assert bad["status"] == "invalid"
    assert said in bad["detail"]
    assert fine["status"] in ("stored", "unchanged")
    assert kept(state, "bad") == []


@pytest.mark.parametrize("given", [None, 7, "text", [], [1]])
def test_rows_that_are_no_objects_are_invalid(client, given) -> None:
    (result,) = post(client, given)
    assert (result["status"], result["id"], result["account"]) == ("invalid", None, None)


def test_all_faults_of_a_row_are_told_at_once(client) -> None:
    (result,) = post(client, row("", score=12, occurred_at="x", known_at="y"))
    assert result["detail"].count(";") >= 2
    assert "occurred_at" in result["detail"]
    assert "known_at" in result["detail"]


def test_an_instant_as_dotnet_writes_it(client, state) -> None:
    assert post(client, row("net", occurred_at="2026-05-03T10:00:00.1234567z"))[0]["status"] == (
        "stored"
    )
    assert kept(state, "net")[0].occurred_at.microsecond == 123_456


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_blank_text_is_a_missing_value(client, state, blank) -> None:
    id = f"blank-{blank!r}"
    given = {"known_at": blank, "comment": blank, "role": blank, "respondent": blank}
    assert post(client, row(id, **given))[0]["status"] == "stored"
    (fact,) = kept(state, id)
    assert fact.known_at == fact.received_at
    assert {fact.content[name] for name in ("comment", "role", "respondent")} == {None}


@pytest.mark.parametrize("blank", ["", " ", None])
def test_a_blank_measure_category_and_end_are_missing(blank) -> None:
    given = {"id": "f", "account": "a", "occurred_at": AT, "ended_at": blank, "known_at": blank,
             "values": [{"name": "n", "number": blank}, {"name": "t", "text": blank},
                        {"name": "m", "text": blank}]}  # fmt: skip
    read = FactShape.model_validate(given)
    assert read.ended_at is read.known_at is None
    assert [(value.number, value.text) for value in read.values] == [(None, None)] * 3


def test_the_instant_known_may_be_that_of_the_fact_itself(client, state) -> None:
    assert post(client, row("edge", known_at=AT))[0]["status"] == "stored"
    (fact,) = kept(state, "edge")
    assert fact.known_at == fact.occurred_at


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/responses", {"responses": [{}] * 101}, "/responses"),
        ("/v1/responses", {}, "/responses"),
        ("/v1/responses", {"responses": [], "more": 1}, "/more"),
        ("/v1/facts", {"table": "usage", "facts": []}, "/table"),
        ("/v1/facts", {"facts": []}, "/table"),
    ],
)
def test_a_body_of_another_form_is_a_problem(client, path, body, pointer) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]


def test_facts_are_numbered_without_gaps_that_hide_any(client, state) -> None:
    post(client, *(row(f"n{i}") for i in range(20)))
    with state.store.reading() as connection:
        found = connection.execute(select(func.count(), func.max(posted_facts.c.seq))).one()
    assert found[0] == found[1]


def test_writes_that_wait_hold_up_no_reader(client, monkeypatch) -> None:
    begun, goes_on = threading.Semaphore(0), threading.Event()

    real = writing.write_rows

    def slow(*asked: Any) -> dict[str, Any]:
        begun.release()
        assert goes_on.wait(20)
        return real(*asked)

    monkeypatch.setattr(writing, "write_rows", slow)
    with ThreadPoolExecutor(4) as pool:
        calls = [
            pool.submit(client.post, "/v1/responses", json={"responses": [row(f"held-{i}")]})
            for i in range(4)
        ]
        try:
            assert all(begun.acquire(timeout=20) for _ in calls)
            for path in ("/readyz", "/v1/model", "/v1/accounts?limit=1"):
                assert client.get(path).status_code == 200
        finally:
            goes_on.set()
        assert {call.result().status_code for call in calls} == {200}
