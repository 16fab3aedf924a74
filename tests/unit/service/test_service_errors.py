"""Every path that is none, and every method that is not meant, is answered by a problem."""

from __future__ import annotations

import re

import pytest
from api_client import TestClient
from contract import reference, validate

from npsight.service.endpoints import ENDPOINTS, Endpoint
from npsight.service.known import BY_CODE

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
NOWHERE = (
    "/nope", "/v1", "/v1/", "/v2/score", "/v1//score", "/v1/score/",
    "/v1/model/", "/healthz/", "/V1/SCORE", "/v1/score%2F", "/v1/score;x=1", "/v1/score/x",
    "/%", "/%00", "/%ff%fe", "/..%2f..%2fetc%2fpasswd", "/v1/../v1/score/..", "/" + "a" * 8000,
    "/livez", "/docs.json", "/schema.json", "/static_content/x.js", "/favicon.ico", "/docs",
)  # fmt: skip


def check_problem(answer, status: int, code: str) -> dict:
    """RFC 9457, all of our fields, and the words of the known problem."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    validate(body, reference("Problem"))
    assert (body["status"], body["code"]) == (status, code)
    assert (body["type"], body["title"]) == (BY_CODE[code].type, BY_CODE[code].title)
    return body


def path_for(endpoint: Endpoint) -> str:
    return re.sub(r"{\w+(:\w+)?}", "x", endpoint.path)


@pytest.mark.parametrize("path", NOWHERE, ids=lambda p: p[:30])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_path_that_is_none_is_404(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path, follow_redirects=False)
    check_problem(answer, 404, "not-found")


def path_matches(endpoint: Endpoint, path: str) -> bool:
    template = re.sub(r"{\w+:path}", ".*", endpoint.path)
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) is not None


def methods_meant(endpoint: Endpoint) -> set[str]:
    return {e.method for e in ENDPOINTS if path_matches(e, path_for(endpoint))}


UNMEANT = [
    pytest.param(endpoint, method, id=f"{method} {endpoint.operation}")
    for endpoint in ENDPOINTS
    for method in METHODS
    if method not in methods_meant(endpoint)
]


@pytest.mark.parametrize(("endpoint", "method"), UNMEANT)
def test_a_method_that_is_not_meant_is_405(
    client: TestClient, endpoint: Endpoint, method: str
) -> None:
    path, meant = path_for(endpoint), methods_meant(endpoint)
    answer = client.request(method, path)
    body = check_problem(answer, 405, "method-not-allowed")
    allowed = answer.headers["allow"].split(", ")
    assert endpoint.method in allowed
    assert set(allowed) - {"HEAD"} <= meant
    assert answer.headers["allow"] in body["detail"]


@pytest.mark.parametrize("path", ["/v1/model", "/healthz", "/readyz", "/openapi.json", "/metrics"])
def test_head_is_get_without_its_body(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code == 200
    assert head.headers["content-type"] == got.headers["content-type"]


def test_head_of_nothing_is_404(client: TestClient) -> None:
    answer = client.head("/nope")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_method_of_the_callers_own_is_not_repeated(client: TestClient) -> None:
    answer = client.request("X-SECRET", "/v1/model")
    assert "SECRET" not in check_problem(answer, 405, "method-not-allowed")["detail"]


def test_a_request_names_itself_and_takes_no_name_from_outside(client: TestClient) -> None:
    given = {"x-request-id": "mine\tforged", "request-id": "mine"}
    ids = {client.get("/nope", headers=given).json()["request_id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in ids)


@pytest.mark.parametrize("host", ["evil.example", "169.254.169.254", "localhost:1", "no host", ""])
def test_a_foreign_host_is_never_repeated(client: TestClient, host: str) -> None:
    for path in ("/v1/model", "/nope", "/v1/model/", "/openapi.json"):
        answer = client.get(path, headers={"host": host}, follow_redirects=False)
        assert answer.status_code in (200, 404)
        assert "location" not in answer.headers
        assert not host or host not in answer.text
