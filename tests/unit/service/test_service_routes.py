"""The other routes, and the one shape of every error."""

from __future__ import annotations

import logging
from urllib.parse import quote

import pytest
from api_client import api_client
from starlette.testclient import TestClient
from tiny_project import AS_OF

import npsight.service.reading as app_module
from npsight.service.body import MAX_BODY_BYTES
from npsight.service.instants import instant_text
from npsight.service.state import ServingState

JSON = {"content-type": "application/json"}


def assert_problem(answer, status: int, code: str) -> dict:
    """RFC 9457: media type, type, title, status, detail; and our code and request id."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert all(body[key] for key in ("type", "title", "detail", "request_id"))
    return body


def test_account_has_score_drivers_and_history(client: TestClient) -> None:
    answer = client.get(f"/v1/accounts/{quote('a/1 é', safe='')}").json()
    assert answer["account"] == "a/1 é"
    assert answer["as_of"] == instant_text(AS_OF)
    assert answer["drivers"]
    assert answer["history"][0]["detractor_risk"] == answer["detractor_risk"]


@pytest.mark.parametrize("path", ["/v1/accounts/nobody", "/v1/accounts/%00", "/v1/accounts/"])
def test_unknown_account_is_404(client: TestClient, path: str) -> None:
    assert_problem(client.get(path), 404, "not-found")


def test_model_and_probes(client: TestClient, state: ServingState) -> None:
    model = client.get("/v1/model").json()
    assert (model["model_version"], model["model_digest"]) == (7, state.digest)
    assert model["as_of"] == instant_text(AS_OF)
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["status"] == "ready"


def test_index_loads_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"service", "version"}


def test_metrics_name_routes_not_accounts(client: TestClient) -> None:
    client.get(f"/v1/accounts/{quote('a/1 é', safe='')}")
    client.post("/v1/score", json={"accounts": ["a/1 é", "nobody"]})
    client.get("/nowhere/private-name")
    text = client.get("/metrics").text
    assert 'npsight_requests_total{method="GET",route="account",status="200"} 1.0' in text
    assert 'npsight_requests_total{method="GET",route="unknown",status="404"} 1.0' in text
    assert 'npsight_accounts_scored_total{status="ok"} 1.0' in text
    assert "a/1" not in text
    assert "private-name" not in text


def test_unknown_path_and_method(client: TestClient) -> None:
    assert_problem(client.get("/nope"), 404, "not-found")
    answer = client.get("/v1/score")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_content_types_are_415(client: TestClient, kind: str) -> None:
    answer = client.post("/v1/score", content=b"{}", headers={"content-type": f"{kind}; a=b"})
    detail = assert_problem(answer, 415, "unsupported-media-type")["detail"]
    assert detail == "send Content-Type: application/json" + (f", not {kind}" if kind else "")


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [
        ("application/json;charset=UTF-8", "application/json"),
        ('APPLICATION/JSON; charset="utf-8"', "text/html, */*;q=0.1"),
        ("application/vnd.api+json", "application/xml"),
    ],
)
def test_json_is_json_however_its_type_is_written(
    client: TestClient, kind: str, accepted: str
) -> None:
    headers = {"content-type": kind, "accept": accepted}
    # As .NET and PowerShell write UTF-8: with its mark.
    body = b"\xef\xbb\xbf" + '{"account": "a/1 é"}'.encode()
    answer = client.post("/v1/score", content=body, headers=headers)
    assert [r["status"] for r in answer.json()["results"]] == ["ok"], answer.text
    assert answer.headers["content-type"] == "application/json"


ACCEPTED = [("gzip, deflate, br", True), ("GZIP;q=0.5", True), ("*", True), ("identity", False),
            ("", False), ("gzip;q=0", False), ("gzip; q=0.000, *", False)]  # fmt: skip


@pytest.mark.parametrize(("accepted", "packed"), ACCEPTED)
def test_a_long_answer_is_packed_for_who_takes_it(
    client: TestClient, accepted: str, packed: bool
) -> None:
    body = {"accounts": ["nobody"] * 200}
    answer = client.post("/v1/score", json=body, headers={"accept-encoding": accepted})
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (int(answer.headers["content-length"]) < 5_000) == packed
    assert [r["account"] for r in answer.json()["results"]] == body["accounts"]


def test_a_long_document_is_packed_and_one_account_is_not(client: TestClient) -> None:
    assert client.get("/openapi.json").headers["content-encoding"] == "gzip"
    answer = client.post("/v1/score", json={"account": "a/1 é", "drivers": True})
    assert not {"content-encoding", "vary"} & set(answer.headers)


def test_head_is_answered_where_get_is_and_options_names_the_methods(client: TestClient) -> None:
    whole, head = client.get("/v1/model"), client.head("/v1/model")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    options = client.options("/v1/model")
    assert_problem(options, 405, "method-not-allowed")
    assert options.headers["allow"] == "GET, HEAD"


def test_compressed_bodies_are_415(client: TestClient) -> None:
    headers = {**JSON, "content-encoding": "gzip"}
    assert_problem(client.post("/v1/score", content=b"", headers=headers), 415,
                   "unsupported-media-type")  # fmt: skip


@pytest.mark.parametrize("chunked", [False, True])
def test_large_bodies_are_413(client: TestClient, chunked: bool) -> None:
    body = b" " * (MAX_BODY_BYTES + 1)
    content = iter([body[:1000], body[1000:]]) if chunked else body
    assert_problem(client.post("/v1/score", content=content, headers=JSON), 413, "body-too-large")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is empty"),
        (b"{", "not JSON"),
        (b"{", "line 1"),
        (b'{"accounts": [NaN]}', "NaN is not JSON"),
        (b'{"accounts": [-Infinity]}', "-Infinity is not JSON"),
        (b'{"accounts": [1e999]}', "range of a double"),
        (b'{"accounts": [], "accounts": []}', "same key twice"),
        (b'{"accounts": ["\xff"]}', "not UTF-8"),
        ('{"accounts": ["é"]}'.encode("latin-1"), "not UTF-8 (byte 15)"),
        ('{"accounts": []}'.encode("utf-16"), "not UTF-8 (it begins like UTF-16)"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"accounts": [' + b"9" * 5000 + b"]}", "too many digits"),
    ],
)
def test_malformed_json_is_400(client: TestClient, body: bytes, detail: str) -> None:
    answer = client.post("/v1/score", content=body, headers=JSON)
    assert detail in assert_problem(answer, 400, "malformed-json")["detail"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ("a", [""]),
        ({}, ["/accounts"]),
        ({"accounts": "a"}, ["/accounts"]),
        ({"accounts": ["a"] * 1001}, ["/accounts"]),
        ({"a/b~c": 1, "accounts": {}, "drivers": 1}, ["/accounts", "/drivers", "/a~1b~0c"]),
    ],
)
def test_all_faults_of_a_body_are_told_at_once(
    client: TestClient, body: object, pointers: list[str]
) -> None:
    problem = assert_problem(client.post("/v1/score", json=body), 422, "invalid-body")
    assert [fault["pointer"] for fault in problem["errors"]] == pointers


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "must be an object"),
        ({"accounts": "a"}, "must be a list"),
        ({"accounts": ["a"] * 1001}, "may have at most 1000 items"),
        ({"account": "a", "drivers": "true"}, "must be true or false"),
        ({"accounts": ["a"], "targets": [1]}, "must be a string"),
        (
            {"account": "a", "as_of": True},
            "must be an instant in ISO 8601, such as 2026-06-01T00:00:00Z, or a whole number of "
            "milliseconds since 1970",
        ),
        ({"account": "a", "colour": 1}, "is no field of this; leave it out"),
    ],
)
def test_faults_are_told_without_words_of_a_library(
    client: TestClient, body: object, said: str
) -> None:
    problem = assert_problem(client.post("/v1/score", json=body), 422, "invalid-body")
    assert [fault["detail"] for fault in problem["errors"]] == [said]


def test_a_path_without_parameters_says_that_it_takes_none(client: TestClient) -> None:
    problem = assert_problem(client.get("/v1/accounts/a?fields=name"), 400, "invalid-parameter")
    assert problem["errors"] == [
        {"pointer": "/fields", "detail": "is not known; none are taken here"}
    ]


def test_a_defect_is_told_without_its_values(
    state: ServingState, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object) -> None:
        raise KeyError("Secret Name GmbH")

    monkeypatch.setattr(app_module, "scored", crash)
    with caplog.at_level(logging.DEBUG, "npsight"):
        client = api_client(state)
        answer = client.post("/v1/score", json={"accounts": ["a"]})
    assert_problem(answer, 500, "internal-error")
    assert "KeyError" in caplog.text
    assert "Secret" not in caplog.text + answer.text
