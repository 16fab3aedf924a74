"""Keys as callers write them: a blank around one is no part of it, at every endpoint alike."""

from __future__ import annotations

import pytest

from npsight.service.accountkeys import key_of
from npsight.service.runner import JobRunner
from npsight.service.state import Live

STORED, SENT = "a/1 é", "  a/1 é\t"


@pytest.mark.parametrize(
    ("given", "key"),
    [(" a b ", "a b"), ("\u00a0a\n", "a"), ("  ", ""), (7, "7"), (None, None), (True, True)],
)
def test_keys(given, key) -> None:
    assert key_of(given) is key or key_of(given) == key


@pytest.mark.parametrize("more", [{}, {"targets": ["nps"]}, {"as_of": "2027-01-01T00:00:00Z"}])
def test_scores(client, more) -> None:
    several = client.post("/v1/score", json={"accounts": [SENT, " "], **more}).json()["results"]
    assert [(r["account"], r["status"]) for r in several] == [(STORED, "ok"), ("", "invalid")]
    (one,) = client.post("/v1/score", json={"account": SENT, **more}).json()["results"]
    assert one == several[0]


def test_one_account(client) -> None:
    assert client.get("/v1/accounts/%20a%2F1%20%C3%A9%20").json()["account"] == STORED
    for path, told in (
        ("/v1/accounts/", "the path names no account; /v1/accounts lists them"),
        ("/v1/accounts/%20", "the path names no account; /v1/accounts lists them"),
        (
            "/v1/accounts/" + 513 * "k",
            "the account's key has 513 characters, at most 512 are taken",
        ),
        ("/v1/accounts/a%00", "the account's key holds characters that no text has"),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["detail"]) == (404, told)


def test_given_features(client) -> None:
    rows = [{"id": " one ", "account": SENT}, {"id": "one"}, {"id": "two", "account": " "}]
    results = client.post("/v1/score/features", json={"rows": rows}).json()["results"]
    assert [(r["id"], r["status"]) for r in results] == [
        ("one", "ok"), ("one", "invalid"), ("two", "invalid"),
    ]  # fmt: skip


def test_jobs(client, state) -> None:
    job = client.post("/v1/jobs/score", json={"accounts": [SENT]}).json()["job"]
    assert JobRunner(Live(state)).work()
    (result,) = client.get(f"/v1/jobs/{job['id']}").json()["results"]
    assert (result["account"], result["status"]) == (STORED, "ok")


def test_new_answers(client) -> None:
    answer = {"id": "b 1", "account": STORED, "score": 9, "occurred_at": "2026-05-03T10:00:00Z"}
    body = {"responses": [answer, {**answer, "id": " b 1 ", "account": SENT}]}
    results = client.post("/v1/responses", json=body).json()["results"]
    assert [result["status"] for result in results] == ["stored", "unchanged"]
