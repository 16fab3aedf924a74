"""One answer or fact in a flat body: the same rules as a batch, told by the status of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from api_client import TestClient
from served import serve_in_process
from sqlalchemy import select

from npsight.config.load import load_project
from npsight.service.onefact import number_of, with_values
from npsight.service.state import ServingState
from npsight.store.posted import posted_facts

PROJECT = load_project(Path(__file__).parents[3] / "configs" / "demo.yaml")
AT = "2026-05-04T10:00:00Z"
MILLISECONDS = 1777888800000
"""The same instant as HubSpot sends it."""


@pytest.fixture(scope="module")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A caller of a project with a table of tickets."""
    served = serve_in_process(tmp_path_factory.mktemp("one"))
    with TestClient(served.app, headers=served.headers) as opened:
        yield opened


def answer(id: str = "one-1", **fields: Any) -> dict[str, Any]:
    return {"id": id, "account": "a/1 é", "score": 9, "occurred_at": AT, **fields}


def ticket(id: str = "t-1", **fields: Any) -> dict[str, Any]:
    return {"table": "tickets", "id": id, "account": "a/1 é", "occurred_at": AT, **fields}


def post(client: TestClient, body: Any, path: str = "/v1/responses/one") -> Any:
    return client.post(path, json=body)


def kept(state: ServingState, id: str) -> list[Any]:
    query = select(posted_facts).where(posted_facts.c.fact_id == id)
    with state.store.reading() as connection:
        return list(connection.execute(query))


def faults(given: Any) -> list[tuple[str, str]]:
    assert (given.status_code, given.json()["code"]) == (422, "invalid-body"), given.text
    return [(fault["pointer"], fault["detail"]) for fault in given.json()["errors"]]


def test_a_flat_answer_is_kept_as_a_batch_keeps_it(client, state) -> None:
    """Numbers, times and empty fields as workflow tools send them."""
    flat = answer("one-flat", score=" 9 ", occurred_at=MILLISECONDS, comment="", respondent=12)
    given = post(client, flat)
    assert given.status_code == 200, given.text
    told = given.json()
    assert (told["id"], told["account"], told["status"]) == ("one-flat", "a/1 é", "stored")
    assert "npsight score" in told["detail"]
    (fact,) = kept(state, "one-flat")
    assert fact.occurred_at == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert (fact.content["score"], fact.content["respondent"]) == ("9", "12")
    assert fact.content["comment"] is None
    same = client.post("/v1/responses", json={"responses": [answer("one-flat", respondent="12")]})
    assert same.json()["results"][0]["status"] == "unchanged"
    assert post(client, flat).json()["status"] == "unchanged"
    assert len(kept(state, "one-flat")) == 1


def test_what_a_batch_tells_of_a_row_is_the_status_of_the_answer(client, state) -> None:
    assert post(client, answer("one-c")).status_code == 200
    other = post(client, answer("one-c", score=3))
    assert (other.status_code, other.json()["code"]) == (409, "fact-conflict")
    assert other.json()["detail"].endswith("it differs in: score")
    unknown = post(client, answer("one-n", account="nobody"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    assert "npsight score" in unknown.json()["detail"]
    assert unknown.json()["errors"] == [{"pointer": "/account", "detail": "is not known"}]
    assert kept(state, "one-n") == []


LATER = datetime.now(UTC) + timedelta(days=2)


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"score": "nine"}, "/score", "must be a number"),
        ({"score": "9,5"}, "/score", "must be a number"),
        ({"score": "NaN"}, "/score", "must be a number"),
        ({"score": "9e0"}, "/score", "must be a number"),
        ({"score": ""}, "/score", "must be a number"),
        ({"score": True}, "/score", "must be a number"),
        ({"score": "11"}, "/score", "is outside its scale 0–10"),
        ({"occurred_at": 20260504}, "/occurred_at", "is read as seconds since 1970"),
        ({"occurred_at": 1777888800000.5}, "/occurred_at", "milliseconds since 1970"),
        ({"occurred_at": int(LATER.timestamp() * 1000)}, "/occurred_at", "lies after now"),
        ({"known_at": MILLISECONDS - 1}, "/known_at", "lies before occurred_at"),
        ({"id": ""}, "/id", "must not be empty"),
        ({"email": "a@b.example"}, "/email", "is no field of this; leave it out"),
        ({"a/b": 1}, "/a~1b", "is no field of this"),
    ],
)
def test_faults_have_pointers_into_the_flat_body(client, state, fields, pointer, said) -> None:
    (fault,) = faults(post(client, answer("one-bad") | fields))
    assert fault[0] == pointer
    assert said in fault[1]
    assert kept(state, "one-bad") == []


def test_all_faults_are_told_at_once(client) -> None:
    found = faults(post(client, {"score": 12, "occurred_at": "x"}))
    assert {pointer for pointer, _ in found} == {"/id", "/account"}
    found = faults(post(client, answer("", score=12, occurred_at="x", known_at="y")))
    assert {pointer for pointer, _ in found} == {"/id", "/occurred_at", "/known_at"}


@pytest.mark.parametrize("body", [[], "text", 7, [answer()]])
@pytest.mark.parametrize("path", ["/v1/responses/one", "/v1/facts/one"])
def test_a_body_that_is_no_object_is_refused(tickets, body, path) -> None:
    assert faults(post(tickets, body, path)) == [("", "must be an object")]


@pytest.mark.parametrize("rows", ["responses", "facts"])
def test_a_flat_body_at_the_path_of_lists_is_shown_the_way(tickets, rows) -> None:
    (fault,) = faults(post(tickets, ticket(severity="high"), f"/v1/{rows}"))
    assert fault[0] == f"/{rows}"
    assert fault[1].endswith(f"to POST /v1/{rows}/one")


def test_a_repeated_flat_write_gets_the_first_answer(client) -> None:
    body = answer("one-again", idempotency_key="flat-1")
    first, again = post(client, body), post(client, body)
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    reused = post(client, {**body, "score": 1})
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")


def test_values_of_a_fact_may_be_fields_of_their_own(tickets) -> None:
    path = "/v1/facts/one"
    flat = post(tickets, ticket("t-flat", severity="high", ended_at=""), path)
    assert (flat.status_code, flat.json()["status"]) == (200, "stored"), flat.text
    listed = [{"name": "severity", "text": "high"}]
    same = post(tickets, ticket("t-flat", values=listed), path)
    assert same.json()["status"] == "unchanged"
    batch = {"table": "tickets", "facts": [{**ticket("t-flat", values=listed)}]}
    del batch["facts"][0]["table"]
    assert tickets.post("/v1/facts", json=batch).json()["results"][0]["status"] == "unchanged"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"severity": 7.5}, ("/severity", "must be a string")),
        ({"severity": "x" * 1001}, ("/severity", "has more than 1,000 characters")),
        ({"priority": "high"}, ("/priority", "is no field of this; leave it out")),
        ({"values": "high"}, ("/values", "must be a list")),
        ({"severity": "low", "values": "high"}, ("/values", "must be a list")),
        (
            {"severity": "low", "values": [{"name": "nope"}]},
            ("/values/0/name", "is not known; the table has severity"),
        ),
        (
            {"severity": "low", "values": [{"name": "severity", "text": "high"}]},
            ("/severity", "is given twice"),
        ),
        ({"table": "ticket"}, ("/table", "is no activity table of the project")),
        ({"table": 7}, ("/table", "must be a string")),
    ],
)
def test_faults_of_a_flat_fact_stand_where_the_sender_put_them(tickets, fields, expected) -> None:
    (fault,) = faults(post(tickets, ticket("t-bad") | fields, "/v1/facts/one"))
    assert fault[0] == expected[0]
    assert expected[1] in fault[1]


def test_measures_are_numbers_and_categories_texts_whatever_the_sender_knows() -> None:
    usage, flat = with_values(
        {"table": "usage", "id": "u", "logins": "3", "errors": 1.5, "adoption": "", "x": 1},
        PROJECT.tables.activity["usage"],
    )
    assert flat == ("logins", "errors", "adoption")
    assert usage == {
        "id": "u",
        "x": 1,
        "values": [
            {"name": "logins", "number": 3.0},
            {"name": "errors", "number": 1.5},
            {"name": "adoption", "number": ""},
        ],
    }
    ticket, _ = with_values({"severity": 2}, PROJECT.tables.activity["tickets"])
    assert ticket == {"values": [{"name": "severity", "text": "2"}]}


@pytest.mark.parametrize(
    ("given", "read"),
    [("7", 7.0), ("-1.5", -1.5), (" 7 ", 7.0), ("٧", "٧"), ("1e3", "1e3"), (True, True)],
)
def test_a_text_that_is_a_number_is_one(given, read) -> None:
    assert number_of(given) == read
    assert type(number_of(given)) is type(read)
