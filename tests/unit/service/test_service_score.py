"""POST /v1/score: equal to the stored scores, a fate for each row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from api_client import api_client
from starlette.testclient import TestClient
from tiny_project import AS_OF, make_project

from npsight.service.inputs import rows_of_inputs
from npsight.service.instants import instant_text
from npsight.service.shapes.score import MAX_ACCOUNTS
from npsight.service.state import ServingState, load_state

NUMBERS = ("detractor_risk", "promoter_prob", "predicted_nps", "churn_risk", "base_risk")


def test_scores_over_http_equal_the_stored_ones(client: TestClient, state: ServingState) -> None:
    stored = {row.account: row for row in state.store.scores("run-1")}
    answer = client.post("/v1/score", json={"accounts": list(stored), "drivers": True}).json()
    assert answer["model_version"] == 7
    assert answer["model_digest"] == state.digest
    assert answer["as_of"] == instant_text(AS_OF)
    assert len(answer["results"]) == len(stored) == 60
    for result in answer["results"]:
        row = stored[result["account"]]
        assert result["status"] == "ok"
        for name in NUMBERS:
            assert result[name] == pytest.approx(getattr(row, name), abs=1e-9)
        assert result["nps_interval_80"]["low"] == pytest.approx(row.nps_low_80, abs=1e-9)
        assert result["nps_interval_80"]["high"] == pytest.approx(row.nps_high_80, abs=1e-9)
        assert [d["sentence"] for d in result["drivers"]] == [d["sentence"] for d in row.drivers]
        total = result["base_risk"] + sum(d["points"] for d in result["drivers"])
        assert total == pytest.approx(result["detractor_risk"], abs=1e-9)


def test_one_account_scores_as_among_many(client: TestClient, state: ServingState) -> None:
    row = state.store.scores("run-1", limit=1)[0]
    result = client.post("/v1/score", json={"accounts": [row.account]}).json()["results"][0]
    assert result["detractor_risk"] == pytest.approx(row.detractor_risk, abs=1e-9)


def test_every_row_has_its_own_status_in_order(client: TestClient) -> None:
    asked = ["a/1 é", True, 7.5, None, "", "nobody", {"a": 1}, "x" * 513, "a\u0000b", "a/1 é"]
    answer = client.post("/v1/score", json={"accounts": asked, "drivers": False})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [r["status"] for r in results] == [
        "ok", "invalid", "invalid", "invalid", "invalid", "not_found", "invalid", "invalid",
        "invalid", "ok",
    ]  # fmt: skip
    assert "boolean" in results[1]["detail"]
    assert "number with a point" in results[2]["detail"]
    assert results[2]["account"] == "7.5"
    assert results[0] == results[9]
    assert results[0]["drivers"] is None


def test_a_whole_number_is_the_key_that_it_prints_as(client: TestClient) -> None:
    """Flows keep ids as numbers; beyond fifteen digits they may have been rounded."""
    asked = [7, -7, 999_999_999_999_999, 10**15, 7.0]
    results = client.post("/v1/score", json={"accounts": asked}).json()["results"]
    assert [(r["account"], r["status"]) for r in results] == [
        ("7", "not_found"), ("-7", "not_found"), ("999999999999999", "not_found"),
        ("1000000000000000", "invalid"), ("7.0", "invalid"),
    ]  # fmt: skip
    assert "send it as a string" in results[3]["detail"]
    assert client.post("/v1/score", json={"account": 7}).json()["results"] == results[:1]


def test_a_lone_surrogate_is_an_invalid_row(client: TestClient) -> None:
    body = rb'{"accounts": ["\ud800", "a/1 \u00e9"]}'
    headers = {"content-type": "application/json"}
    results = client.post("/v1/score", content=body, headers=headers).json()["results"]
    assert [r["status"] for r in results] == ["invalid", "ok"]


def test_no_accounts_no_results(client: TestClient) -> None:
    assert client.post("/v1/score", json={"accounts": []}).json()["results"] == []


def test_as_many_as_allowed(client: TestClient) -> None:
    answer = client.post("/v1/score", json={"accounts": ["nobody"] * MAX_ACCOUNTS})
    assert len(answer.json()["results"]) == MAX_ACCOUNTS


def test_a_row_with_broken_inputs_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    state = load_state(make_project(tmp_path, count=10))
    run = state.store.latest_run("tiny")
    kept = state.store.inputs(run.id)
    later = replace(run, id="run-2", as_of=AS_OF + timedelta(days=1))
    broken = {"segment_": 5, "usage__sum_logins__30d": "many"}
    rows = [(k, broken if k == "a/0 é" else v.features, {}) for k, v in kept.items()]
    state.store.write_run(later, state.store.scores(run.id), rows)
    with api_client(state) as client:
        results = client.post("/v1/score", json={"accounts": list(kept)}).json()["results"]
    state.store.close()
    status = {r["account"]: r["status"] for r in results}
    assert status.pop("a/0 é") == "invalid"
    assert set(status.values()) == {"ok"}


def test_a_model_that_the_inputs_do_not_fit_is_503(tmp_path: Path) -> None:
    state = load_state(make_project(tmp_path, count=5))
    run = state.store.latest_run("tiny")
    kept = state.store.inputs(run.id)
    bare = [(k, {c: v for c, v in i.features.items() if "logins" not in c}, {})
            for k, i in kept.items()]  # fmt: skip
    state.store.write_run(replace(run, id="run-2", as_of=AS_OF + timedelta(days=1)), [], bare)
    with api_client(state) as client:
        answer = client.post("/v1/score", json={"accounts": list(kept)})
    state.store.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "model-mismatch")


def test_the_deadline_is_ours(state: ServingState) -> None:
    with api_client(state, deadline=0.0) as client:
        answer = client.post("/v1/score", json={"accounts": ["a/1 é"]})
    assert (answer.status_code, answer.json()["code"]) == (503, "deadline-exceeded")
    assert answer.json()["retry_after"] == int(answer.headers["retry-after"]) == 5


def test_the_counts_that_the_priors_read_are_asked_of_the_stored_inputs(state):
    """Votes and answers at other touchpoints are stored, but only read where a prior mixes them."""
    model = state.model
    run = state.store.latest_run(state.project)
    account = next(iter(state.store.scores(run.id))).account
    inputs = list(state.store.inputs(run.id, [account]).values())
    plain = rows_of_inputs(model, inputs)
    assert not [c for c in plain.columns if c.startswith(("each__", "other__"))]
    prior = replace(model.detractor.prior, voices=0.5, others=0.25)
    mixed = replace(model, detractor=replace(model.detractor, prior=prior))
    now = rows_of_inputs(mixed, inputs)
    assert {c.partition("__detractor")[0] for c in now.columns if c.endswith("__detractor__hl240")} == {
        "own", "segment", "market", "each", "other", "each_other"
    }  # fmt: skip
    # They were not stored for this account: what is predicted from them is no number.
    assert np.isnan(mixed.predict(now).detractor).all()
