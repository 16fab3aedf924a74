"""Keys that callers write in any case, where the project reads them in lower case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest
from api_client import TestClient
from sqlalchemy import select

from npsight.service.accountkeys import as_stored
from npsight.service.app import build_app
from npsight.service.runner import JobRunner
from npsight.service.state import Live, ServingState
from npsight.store.posted import posted_facts

STORED, SENT = "a/1 é", "A/1 É"


@pytest.fixture
def lower(state: ServingState) -> ServingState:
    """The project, with `account_case: lower`."""
    tables = state.spec.tables.model_copy(update={"account_case": "lower"})
    return replace(state, spec=replace(state.spec, tables=tables))


@pytest.fixture
def any_case(lower: ServingState, headers: dict[str, str]) -> Iterator[TestClient]:
    """A client of it."""
    app = build_app(Live(lower))
    with TestClient(app, headers=headers, raise_server_exceptions=False) as opened:
        yield opened


def test_scores_of_the_latest_run(any_case, client):
    body = {"accounts": [SENT, STORED, 7], "drivers": True}
    results = any_case.post("/v1/score", json=body).json()["results"]
    kept = client.post("/v1/score", json=body).json()["results"]
    assert [result["status"] for result in kept] == ["not_found", "ok", "not_found"]
    assert results == [kept[1], kept[1], kept[2]]


def test_scores_of_some_targets_and_of_an_older_day(any_case):
    for more in ({"targets": ["nps"]}, {"as_of": "2027-01-01T00:00:00Z"}):
        body = {"accounts": [SENT], **more}
        (result,) = any_case.post("/v1/score", json=body).json()["results"]
        assert (result["account"], result["status"]) == (STORED, "ok")


def test_one_account(any_case, client):
    place = "/v1/accounts/A%2F1%20%C3%89"
    assert client.get(place).status_code == 404
    assert any_case.get(place).json()["account"] == STORED


def test_given_features(any_case):
    row = {"id": "one", "account": SENT, "features": []}
    (result,) = any_case.post("/v1/score/features", json={"rows": [row]}).json()["results"]
    assert (result["id"], result["status"]) == ("one", "ok")


def test_jobs(any_case, lower):
    asked = {"accounts": [SENT, "nobody"]}
    job = any_case.post("/v1/jobs/score", json=asked).json()["job"]
    assert JobRunner(Live(lower)).work()
    results = any_case.get(f"/v1/jobs/{job['id']}").json()["results"]
    assert [(r["account"], r["status"]) for r in results] == [
        (STORED, "ok"),
        ("nobody", "not_found"),
    ]


def test_letters_become_those_that_the_engine_makes(lower):
    keys = ["ACME Ltd", "Ångström", "ΟΔΟΣ", "İstanbul", "STRAẞE", "ǅ", "Ⅷ", "ﬀ", "", "007"]
    made = duckdb.execute("SELECT lower(unnest($1))", [keys]).fetchall()
    assert [as_stored(key, lower.spec) for key in keys] == [text for (text,) in made]
    assert as_stored(None, lower.spec) is None


def test_new_answers(any_case, lower):
    answer = {"id": "case", "account": SENT, "score": 9, "occurred_at": "2026-05-03T10:00:00Z"}
    body = {"responses": [answer, {**answer, "account": STORED}]}
    results = any_case.post("/v1/responses", json=body).json()["results"]
    assert [result["status"] for result in results] == ["stored", "unchanged"]
    with lower.store.reading() as connection:
        query = select(posted_facts.c.account).where(posted_facts.c.fact_id == "case")
        assert connection.execute(query).scalars().all() == [STORED]
