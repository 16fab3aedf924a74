"""Signing in and out with a local user."""

from __future__ import annotations

from starlette.responses import Response

from npsight.store.sessions import end_session, start_session
from npsight.store.users import user_by_login
from npsight.web.cookies import drop_session_cookie, set_session_cookie
from npsight.web.page import Page, PageRoute
from npsight.web.passwords import matches


def sign_in_page(page: Page) -> Response:
    """The form."""
    if page.session is not None:
        return page.go("/worklist")
    return page.html("signin.html", next=local_path(page.query.get("next", "")), failed=False)


def sign_in(page: Page) -> Response:
    """Check login and password; the same answer whichever is wrong."""
    found = user_by_login(page.store, page.project.name, page.form.get("login", ""))
    user, secret = found if found is not None else (None, None)
    right = matches(secret, page.form.get("password", ""))
    after = local_path(page.form.get("next", ""))
    if user is None or user.disabled_at is not None or not right:
        return page.html("signin.html", 403, next=after, failed=True)
    response = page.go(after)
    set_session_cookie(response, page, start_session(page.store, user.id, page.now))
    return response


def sign_out(page: Page) -> Response:
    """End the session."""
    if page.session is not None:
        end_session(page.store, page.session.digest)
    response = page.go("/sign-in")
    drop_session_cookie(response)
    return response


def local_path(text: str) -> str:
    """The path, if it is one of this site, else the worklist's."""
    own = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if own and text.isprintable() else "/worklist"


ROUTES = (
    PageRoute("GET", "/sign-in", sign_in_page, role=None),
    PageRoute("POST", "/sign-in", sign_in, role=None),
    PageRoute("POST", "/sign-out", sign_out),
)
