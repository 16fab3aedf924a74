"""Views of the worklist: each user's own, kept, opened, renamed and removed."""

from __future__ import annotations

import re

import pytest
from browsed import Browsed, Browser, browse

from npsight.store.auditlog import entries
from npsight.store.savedviews import views_of


@pytest.fixture(scope="module")
def browsed(tmp_path_factory: pytest.TempPathFactory) -> Browsed:
    return browse(tmp_path_factory.mktemp("views"), count=12)


@pytest.fixture(scope="module")
def viewer(browsed: Browsed) -> Browser:
    return browsed.sign_in("viewer")


def test_views_are_kept_opened_and_removed_by_their_user_alone(browsed: Browsed):
    browser, other = browsed.sign_in("viewer", login="vera"), browsed.sign_in("viewer")
    kept = browser.post(
        "/worklist/views", {"name": " Lee's  <b> ", "query": "owner=lee&x=1&list=all"}
    )
    assert (kept.status_code, kept.headers["location"]) == (303, "/worklist?list=all&owner=lee")
    page = browser.get("/worklist").text
    assert "Lee&#39;s &lt;b&gt;" in page
    view = re.search(r'name="view" value="([^"]+)"', page)[1]
    assert "Lee" not in other.get("/worklist").text.replace("lee", "")
    assert other.post("/worklist/views/remove", {"view": view}).status_code == 404
    browser.post("/worklist/views", {"name": "Lee's <b>", "query": "owner=kim"})
    views = views_of(browsed.live.state.store, "tiny", "vera")
    assert [(v.id, v.name, v.query) for v in views] == [(view, "Lee's <b>", "list=all&owner=kim")]
    assert other.post("/worklist/views/rename", {"view": view, "name": "x"}).status_code == 404
    tabs = browser.get("/worklist?list=all&owner=kim").text.partition("wl-tabs")[2]
    assert tabs.partition("</nav>")[0].count('aria-current="page"') == 1
    renamed = browser.post("/worklist/views/rename", {"view": view, "name": "  Kim's  own "})
    assert (renamed.status_code, renamed.headers["location"]) == (303, "/worklist?list=all")
    browser.post("/worklist/views", {"name": "Lee", "query": "owner=lee"})
    taken = browser.post("/worklist/views/rename", {"view": view, "name": "Lee"})
    assert (taken.status_code, "You have a view of that name." in taken.text) == (422, True)
    assert browser.post("/worklist/views/rename", {"view": view, "name": " "}).status_code == 422
    views = views_of(browsed.live.state.store, "tiny", "vera")
    assert [(v.name, v.query) for v in views] == [
        ("Kim's own", "list=all&owner=kim"), ("Lee", "list=all&owner=lee"),
    ]  # fmt: skip
    for one in views:
        assert browser.post("/worklist/views/remove", {"view": one.id}).status_code == 303
    assert 'name="view"' not in browser.get("/worklist").text
    done = [e.action for e in entries(browsed.live.state.store, "tiny", subject=f"view {view}")]
    assert done == ["view removed", "view renamed", "view saved", "view saved"]


@pytest.mark.parametrize(("name", "query"), [("", ""), ("x" * 61, ""), ("ok", "sort=name")])
def test_a_view_that_cannot_be_is_refused(viewer: Browser, name: str, query: str):
    assert viewer.post("/worklist/views", {"name": name, "query": query}).status_code == 422
