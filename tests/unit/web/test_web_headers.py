"""Every page and action there is, as nobody, as the wrong role, after the session, and its headers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from browsed import Browsed, browse
from sqlalchemy import update
from starlette.requests import Request

from npsight.errors import StateError
from npsight.store.sessions import Session, session_of, sessions
from npsight.web.cookies import SESSION
from npsight.web.guard import HEADERS
from npsight.web.page import RANKS, Page, PageError
from npsight.web.routes import ROUTES
from npsight.web.statics import FOLDER, version
from npsight.web.visible import visible_account

NAMES = [f"{route.method} {route.path}" for route in ROUTES]
NEEDING = [route for route in ROUTES if route.role is not None]
WRITING = [route for route in ROUTES if route.method == "POST"]


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    return browse(tmp_path_factory.mktemp("headers"))


@pytest.fixture(scope="module")
def viewer(browsed):
    return browsed.sign_in("viewer")


@pytest.fixture(scope="module")
def admin(browsed):
    return browsed.sign_in("admin")


def filled(path: str) -> str:
    """An address of the route: nothing has that name."""
    return re.sub(r"\{[^}]+\}", "nothing-of-that-name", path)


def assert_headers(response) -> None:
    for name, value in HEADERS.items():
        assert response.headers.get_list(name) == [value], name
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_every_answer_has_the_headers_and_is_kept_by_nobody(browsed, viewer, route):
    for client in (browsed.nobody(), viewer.client):
        response = client.request(route.method, filled(route.path))
        assert_headers(response)
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404),
        ("DELETE", "/settings", 405),
        ("OPTIONS", "/settings", 405),
        ("GET", "/static/nope.css", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/%00", 400),
        ("GET", "/settings?saved=%00", 400),
        ("HEAD", "/sign-in", 200),
    ],
)
def test_errors_have_the_headers_too(browsed, method, path, status):
    response = browsed.nobody().request(method, path, headers={"Accept": "text/html"})
    assert response.status_code == status
    assert_headers(response)
    if status == 405:
        assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_a_page_that_fails_says_nothing_of_why(browsed, monkeypatch, caplog):
    browser = browsed.sign_in("csm")

    def broken(*_arguments):
        raise RuntimeError("canary of a customer")

    monkeypatch.setattr("npsight.web.settings.sessions_of", broken)
    monkeypatch.setattr(browser.client._transport, "raise_server_exceptions", False)
    response = browser.get("/settings")
    assert response.status_code == 500
    assert_headers(response)
    assert "canary" not in response.text + caplog.text
    mark = re.search(r"failed \(([0-9a-f]{8})\)", response.text)
    assert mark is not None
    assert f"{mark.group(1)}, RuntimeError" in caplog.text


def test_static_files_are_kept_for_a_year_under_their_version_alone(browsed):
    nobody = browsed.nobody()
    for file in FOLDER.iterdir():
        kept = nobody.get(f"/static/{file.name}?v={version()}")
        assert_headers(kept)
        assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert nobody.get(f"/static/{file.name}").headers["cache-control"] == "no-cache"
        assert nobody.get(f"/static/{file.name}?v=old").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("route", NEEDING, ids=lambda r: f"{r.method} {r.path}")
def test_nobody_is_sent_to_sign_in(browsed, route):
    response = browsed.nobody().request(route.method, filled(route.path))
    if route.method == "GET":
        assert response.status_code == 303
        assert response.headers["location"].startswith("/sign-in?next=%2F")
    else:
        assert response.status_code == 403


def test_what_was_wanted_is_opened_after_signing_in(browsed):
    location = browsed.nobody().get("/settings?saved=1").headers["location"]
    assert location == "/sign-in?next=%2Fsettings%3Fsaved%3D1"
    assert 'name="next" value="/settings?saved=1"' in browsed.nobody().get(location).text


@pytest.mark.parametrize("route", NEEDING, ids=lambda r: f"{r.method} {r.path}")
def test_a_lower_role_is_refused(browsed, viewer, route):
    lower = [role for role in RANKS if RANKS[role] < RANKS[route.role]]
    for role in lower:
        browser = viewer if role == "viewer" else browsed.sign_in(role)
        send = browser.get if route.method == "GET" else browser.post
        response = send(filled(route.path))
        assert response.status_code == 403
        assert "Your role does not allow this." in response.text


@pytest.mark.parametrize("route", WRITING, ids=lambda r: f"{r.method} {r.path}")
def test_every_form_needs_its_token_and_comes_from_here(admin, route):
    browser = admin
    path = filled(route.path)
    if route.role is not None:
        for token in ("", "x", "é" * 43):
            refused = browser.client.post(path, data={"csrf": token})
            assert refused.status_code == 403
            assert "This form is too old." in refused.text
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        refused = browser.post(path, headers=headers)
        assert refused.status_code == 403, headers
        assert "another site" in refused.text


OWN = {
    *("/sign-in", "/sign-out", "/settings", "/settings/password", "/settings/sessions"),
    *("/worklist/views", "/worklist/views/rename", "/worklist/views/remove"),
}
"""What everybody may write: their own things."""


def test_a_viewer_may_write_nothing_but_their_own_settings_and_views():
    assert {route.path for route in WRITING if route.role in (None, "viewer")} == OWN


@pytest.mark.parametrize("route", NEEDING, ids=lambda r: f"{r.method} {r.path}")
def test_a_session_that_is_over_is_nobody(browsed: Browsed, route):
    browser = browsed.sign_in("admin")
    long_ago = datetime.now(UTC) - timedelta(hours=12, seconds=1)
    with browsed.live.state.store.writing() as connection:
        mine = sessions.c.csrf == browser.csrf
        assert connection.execute(update(sessions).where(mine).values(used_at=long_ago)).rowcount
    send = browser.get if route.method == "GET" else browser.post
    response = send(filled(route.path))
    expected = 303 if route.method == "GET" else 403
    assert response.status_code == expected
    if expected == 303:
        assert response.headers["location"].startswith("/sign-in?")
    else:
        assert "Your session has ended." in response.text


def test_an_account_of_somebody_else_is_not_there_at_all(tmp_path):
    """Whatever is done with it, and the same as for one that nobody has."""
    browsed = browse(tmp_path, more="\npages: {csm_sees: own}\n")
    csm, admin = browsed.sign_in("csm", owner="Ada Park"), browsed.sign_in("admin")
    theirs = Page(_request(), browsed.live, _session(browsed, csm))
    assert theirs.only_owner == "Ada Park"
    with pytest.raises(PageError, match="There is no such account"):
        visible_account(theirs, "a/0 é")
    assert visible_account(Page(_request(), browsed.live, _session(browsed, admin)), "a/0 é")
    for route in (route for route in ROUTES if "{account" in route.path and route.role != "admin"):
        answers = []
        for account in ("a/0 é", "nobody's account"):
            path = re.sub(r"\{account(:path)?\}", quote(account), route.path)
            send = csm.get if route.method == "GET" else csm.post
            answers.append(send(filled(path)).status_code)
        assert answers == [404, 404], f"{route.method} {route.path}"


def _request() -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "headers": []})


def _session(browsed: Browsed, browser) -> Session:
    token = browser.client.cookies[f"__Host-{SESSION}"]
    page = Page(_request(), browsed.live, None)
    store, life = browsed.live.state.store, page.session_life
    found = session_of(store, "tiny", token, datetime.now(UTC), life)
    assert found is not None
    return found


def test_a_page_that_waits_for_the_store_offers_to_try_again(admin, monkeypatch):
    def locked(page):
        raise StateError("the store is locked\n  → wait, then retry")

    monkeypatch.setattr("npsight.web.worklist.latest_run", locked)
    response = admin.get("/worklist?list=week")
    assert response.status_code == 503
    assert '<a class="button" href="">Try again</a>' in response.text
    elsewhere = admin.get("/no-such-page", headers={"accept": "text/html"})
    assert ">To the worklist</a>" in elsewhere.text
