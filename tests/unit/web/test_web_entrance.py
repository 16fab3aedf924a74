"""API and pages at one address: who answers what."""

from __future__ import annotations

import pytest
from browsed import browse

from npsight.service.app import build_app
from npsight.service.endpoints import ENDPOINTS
from npsight.web.app import Pages
from npsight.web.entrance import Both, beside, is_of_api
from npsight.web.routes import ROUTES

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    browsed = browse(tmp_path_factory.mktemp("entrance"))
    client = browsed.nobody()
    app = beside(browsed.live, build_app(browsed.live))
    assert isinstance(app, Both)
    client._transport.app = app
    return client


def test_every_endpoint_is_the_apis_and_every_page_is_not():
    assert [e.path for e in ENDPOINTS if not is_of_api(e.path)] == []
    assert [r.path for r in ROUTES if is_of_api(r.path)] == []
    assert not is_of_api("/v10")
    assert not is_of_api("/problemsome")


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
def test_programs_get_the_index_as_ever(client, accept):
    response = client.get("/", headers={"Accept": accept})
    assert response.status_code == 200
    assert set(response.json()) == {"service", "version"}


def test_browsers_get_the_worklist(client):
    response = client.get("/", headers={"Accept": HTML})
    assert (response.status_code, response.headers["location"]) == (303, "/worklist")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1", 404), ("GET", "/v1/nope", 404), ("GET", "/v1/model", 401),
        ("DELETE", "/v1/score", 405), ("GET", "/metrics", 401),
    ],
)  # fmt: skip
def test_paths_of_the_api_are_answered_with_problems(client, method, path, status):
    response = client.request(method, path, headers={"Accept": HTML})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/nope", "/v10/x", "/docs", "/favicon.ico", "/v2/model"])
def test_other_paths_are_answered_with_pages(client, path):
    response = client.get(path, headers={"Accept": HTML})
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_programs_that_miss_the_api_are_told_so_by_a_problem(client, method, accept):
    response = client.request(method, "/score", headers={"Accept": accept})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not-found"
    assert "/openapi.json" in response.json()["detail"]


def test_head_and_options(client):
    head = client.head("/sign-in")
    assert (head.status_code, head.content) == (200, b"")
    options = client.options("/sign-in")
    assert options.status_code == 405
    assert "access-control-allow-origin" not in options.headers


def test_a_cookie_is_no_key(client):
    cookie = {"Cookie": "__Host-npsight_session=x; npsight_session=x"}
    assert client.get("/v1/model", headers=cookie).status_code == 401


def test_without_pages_there_is_the_api_alone(tmp_path):
    browsed = browse(tmp_path, more="\npages: {enabled: false}\n")
    api = build_app(browsed.live)
    assert beside(browsed.live, api) is api
    assert isinstance(browsed.app, Pages)
