"""HubSpot's v3 signatures: its own examples are taken, anything altered is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from api_client import TestClient
from hypothesis import given
from hypothesis import strategies as st

import npsight.service.app as app_module
from npsight.service import hubspot
from npsight.service.app import build_app
from npsight.service.body import read_json
from npsight.service.endpoints import ENDPOINTS, Endpoint
from npsight.service.hubspot import MAX_AGE_MS, decoded, signature, signature_fault
from npsight.service.problems import Json
from npsight.service.state import Live, ServingState

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
NOW = 1_700_000_300_000
PUBLIC = "https://nps.example.com/npsight"


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ],
)
def test_signatures_are_those_of_hubspots_own_libraries(timestamp: str, expected: str) -> None:
    """Values that HubSpot's Python and Ruby clients are tested with."""
    body = b"{'example_field':'example_value'}"
    uri = "https://www.example.com/webhook_uri"
    assert signature(SECRET, "POST", uri, body, timestamp).decode() == expected


def test_twelve_escapes_are_decoded_and_no_others() -> None:
    coded = "%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B"
    assert decoded(f"https://h/p?x={coded}") == "https://h/p?x=:/?@!$'()*,;"
    assert decoded(coded.lower()) == ":/?@!$'()*,;"
    assert decoded("?a=%20%26%3D%2B%C3%A9+b") == "?a=%20%26%3D%2B%C3%A9+b"
    assert decoded("%253A") == "%253A"


def signed_by_the_rule(method: str, uri: str, body: bytes, timestamp: str) -> str:
    """By the letter of HubSpot's document, without the code under test."""
    message = method.encode() + uri.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(SECRET.encode(), message, hashlib.sha256).digest()).decode()


def fault(**changes) -> str:
    asked = {"method": "POST", "uri": f"{PUBLIC}/v1/score", "body": b'{"a":1}',
             "timestamp": str(NOW)}  # fmt: skip
    signed = signed_by_the_rule(**asked)
    asked |= {"signed": signed, "now_ms": NOW, "secret": SECRET} | changes
    return signature_fault(**asked)


def test_what_hubspot_signed_is_taken() -> None:
    assert fault() == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b'{"a":2}'},
        {"body": b'{"a": 1}'},
        {"body": b'{"a":1}\n'},
        {"body": b""},
        {"uri": f"{PUBLIC}/v1/facts"},
        {"uri": f"{PUBLIC}/v1/score?x=1"},
        {"uri": f"{PUBLIC}/v1/score/"},
        {"uri": f"{PUBLIC}/v1/score".replace("https", "http")},
        {"method": "PUT"},
        {"secret": SECRET + "y"},
        {"timestamp": str(NOW + 1)},
        {"timestamp": None},
        {"timestamp": ""},
        {"timestamp": "abc"},
        {"timestamp": "1e12"},
        {"timestamp": "-1700000300000"},
        {"timestamp": "１７００００００３００００"},
        {"signed": ""},
        {"signed": "é"},
        {"now_ms": NOW + MAX_AGE_MS + 1},
        {"now_ms": NOW - MAX_AGE_MS - 1},
    ],
)
def test_what_was_altered_or_is_old_is_refused(changes) -> None:
    assert fault(**changes)


@pytest.mark.parametrize("age", [0, MAX_AGE_MS, -MAX_AGE_MS])
def test_five_minutes_are_the_limit(age: int) -> None:
    assert fault(now_ms=NOW + age) == ""


@given(place=st.integers(0, 43), letter=st.sampled_from("Aa0+/="))
def test_no_letter_of_a_signature_may_change(place: int, letter: str) -> None:
    uri, body = f"{PUBLIC}/v1/score", b"{}"
    good = signed_by_the_rule("POST", uri, body, str(NOW))
    changed = good[:place] + letter + good[place + 1 :]
    found = signature_fault(SECRET, "POST", uri, body, str(NOW), changed, NOW)
    assert bool(found) == (changed != good)


def test_the_comparison_takes_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(hubspot.hmac, "compare_digest", lambda *pair: compared.append(pair))
    assert fault()
    assert len(compared) == 1


@pytest.fixture
def hooked(state: ServingState, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """An app that takes HubSpot's signatures, with stand-ins where others' endpoints will be."""

    async def handler(_api, request) -> Json:
        return Json({"body": await read_json(request)})

    paths = {endpoint.path for endpoint in ENDPOINTS}
    missing = [
        Endpoint("POST", path, f"test_{i}", "write", handler, writes=True)
        for i, path in enumerate(sorted(hubspot.PATHS - paths))
    ]
    monkeypatch.setattr(app_module, "ENDPOINTS", (*ENDPOINTS, *missing))
    monkeypatch.setenv("NPSIGHT_HUBSPOT_SECRET", SECRET)
    settings = state.service.model_copy(update={"public_url": PUBLIC})
    app = build_app(Live(replace(state, service=settings)))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def send(client: TestClient, path: str, body: bytes, signed_path: str | None = None, **changes):
    timestamp = str(int(time.time() * 1000) + changes.pop("later", 0))
    uri = PUBLIC + (signed_path or path)
    headers = {
        "X-HubSpot-Signature-v3": signed_by_the_rule("POST", uri, body, timestamp),
        "X-HubSpot-Request-Timestamp": timestamp,
        "content-type": "application/json",
    }
    without = changes.pop("without", ())
    kept = {k: v for k, v in headers.items() if k not in without}
    return client.post(path, content=changes.pop("sent", body), headers=kept)


@pytest.mark.parametrize("path", sorted(hubspot.PATHS))
def test_hubspot_may_call_its_paths_without_a_key(hooked: TestClient, path: str) -> None:
    answer = send(hooked, path, b'{"accounts": ["a/1 \xc3\xa9"]}')
    assert answer.status_code not in (401, 403)
    if path == "/v1/score":
        assert [r["status"] for r in answer.json()["results"]] == ["ok"]


def test_the_query_is_signed_with_its_escapes_decoded(hooked: TestClient) -> None:
    answer = send(hooked, "/v1/score?x=a%3Ab%20c", b'{"accounts": []}', "/v1/score?x=a:b%20c")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"sent": b'{"accounts": ["b"]}'},
        {"sent": b'{"accounts":["a"]}'},
        {"signed_path": "/v1/facts"},
        {"later": -MAX_AGE_MS - 2000},
        {"later": MAX_AGE_MS + 60_000},
        {"without": ("X-HubSpot-Request-Timestamp",)},
        {"without": ("X-HubSpot-Signature-v3",)},
    ],
)
def test_over_http_too_what_was_altered_or_is_old_is_refused(hooked, changes) -> None:
    answer = send(hooked, "/v1/score", b'{"accounts": ["a"]}', **changes)
    assert answer.status_code == 401
    assert answer.json()["code"] in ("bad-signature", "missing-key")
    assert SECRET not in answer.text


def test_a_signature_opens_nothing_else(hooked: TestClient) -> None:
    timestamp = str(int(time.time() * 1000))
    headers = {"X-HubSpot-Request-Timestamp": timestamp}
    for endpoint in ENDPOINTS:
        if endpoint.path in hubspot.PATHS or endpoint.scope is None:
            continue
        path = endpoint.path.replace("{account:path}", "a").replace("{id}", "a")
        headers["X-HubSpot-Signature-v3"] = signed_by_the_rule(
            endpoint.method, PUBLIC + path, b"", timestamp
        )
        assert hooked.request(endpoint.method, path, headers=headers).status_code == 401, path


@pytest.mark.parametrize("missing", ["secret", "address"])
def test_a_service_that_was_not_told_takes_no_signature(state, monkeypatch, missing: str) -> None:
    if missing == "address":
        monkeypatch.setenv("NPSIGHT_HUBSPOT_SECRET", SECRET)
    address = None if missing == "address" else PUBLIC
    settings = state.service.model_copy(update={"public_url": address})
    with TestClient(build_app(Live(replace(state, service=settings)))) as client:
        answer = send(client, "/v1/score", b"{}")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-signature")
    assert "NPSIGHT_HUBSPOT_SECRET" in answer.json()["detail"]


def test_a_body_that_is_too_large_is_refused_before_it_is_signed(hooked: TestClient) -> None:
    assert send(hooked, "/v1/score", json.dumps("x" * 1_100_000).encode()).status_code == 413
