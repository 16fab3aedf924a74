"""A tiny scored project as pages in this process, and people signed in to them."""

from __future__ import annotations

import uuid
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from tiny_project import make_project

from npsight.service.state import Live, load_state
from npsight.store.sessions import Life, session_of, start_session
from npsight.store.users import User, add_user, user_by_login
from npsight.web.app import build_pages
from npsight.web.cookies import SESSION
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
        """A user that there is, signed in; not by their password, whose hash takes its time."""
        state, now = self.live.state, datetime.now(UTC)
        found = user_by_login(state.store, state.project, login)
        assert found is not None, login
        pages = state.spec.pages
        life = Life(timedelta(hours=pages.session_hours), timedelta(days=pages.session_days))
        token = start_session(state.store, state.project, found[0], now, life)
        session = session_of(state.store, state.project, token, now, life)
        assert session is not None, f"{login} was disabled"
        client = self.nobody()
        client.cookies.set(f"__Host-{SESSION}", token, domain="testserver.local", path="/")
        return Browser(client, session.csrf)

    def nobody(self) -> TestClient:
        """A browser of somebody who is not signed in."""
        return TestClient(self.app, base_url="https://testserver", follow_redirects=False)


def browse(folder: Path, count: int = 60, more: str = "") -> Browsed:
    """Make the tiny project in a folder, with `more` lines in its file, and build its pages."""
    config = make_project(folder, count)
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    live = Live(load_state(config))
    return Browsed(build_pages(live), live)
