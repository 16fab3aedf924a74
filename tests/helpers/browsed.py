"""A tiny scored project as pages in this process, and people signed in to them."""

from __future__ import annotations

import re
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from tiny_project import make_project

from npsight.service.state import Live, load_state
from npsight.store.users import User, add_user
from npsight.web.app import build_pages
from npsight.web.passwords import hashed

with warnings.catch_warnings():
    # Starlette asks for a successor of httpx, which is not on our list of dependencies.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PASSWORD = "correct horse battery"
HASH = hashed(PASSWORD)


@dataclass(frozen=True)
class Browser:
    """Somebody who is signed in; `post` sends the token that forms hold."""

    client: TestClient
    csrf: str

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    def post(self, path: str, fields: dict[str, str] | None = None, **options: Any) -> Any:
        data = {"csrf": self.csrf, **(fields or {})}
        return self.client.post(path, data=data, follow_redirects=False, **options)


@dataclass(frozen=True)
class Browsed:
    """The pages, and what they serve."""

    app: Starlette
    live: Live

    def sign_in(self, role: str = "csm", owner: str | None = None, login: str = "") -> Browser:
        """A new user of that role, signed in."""
        login = login or f"{role}-{uuid.uuid4().hex[:6]}"
        state = self.live.state
        user = User(uuid.uuid4().hex, login, login.title(), role, owner)  # type: ignore[arg-type]
        add_user(state.store, state.project, user, HASH, "a test")
        return self.enter(login)

    def enter(self, login: str) -> Browser:
        """A user that there is, signed in."""
        client = self.nobody()
        form = {"login": login, "password": PASSWORD}
        response = client.post("/sign-in", data=form, follow_redirects=False)
        assert response.status_code == 303, response.text
        page = client.get("/settings").text + client.get("/no-such-page").text
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found is not None, page
        return Browser(client, found.group(1))

    def nobody(self) -> TestClient:
        """A browser of somebody who is not signed in."""
        return TestClient(self.app, base_url="https://testserver", follow_redirects=False)


def browse(folder: Path, count: int = 60, more: str = "") -> Browsed:
    """Make the tiny project in a folder, with `more` lines in its file, and build its pages."""
    config = make_project(folder, count)
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    live = Live(load_state(config))
    return Browsed(build_pages(live), live)
