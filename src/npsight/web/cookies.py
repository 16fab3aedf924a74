"""The cookies that are set: a session's token, and what a sign-in at an issuer has to remember.

Over TLS their names begin with `__Host-`: no other host, no path of ours and no plain http page
can set or read them.
"""

from __future__ import annotations

from starlette.responses import Response

from npsight.web.guard import is_https
from npsight.web.page import Page

SESSION = "npsight_session"
FLOW = "npsight_sign_in"


def session_token(page: Page) -> str | None:
    """What the browser holds; None for nothing."""
    return read_cookie(page, SESSION)


def set_session_cookie(response: Response, page: Page, token: str) -> None:
    """Have the browser keep a token: out of scripts' reach, and never sent with others' forms."""
    set_cookie(response, page, SESSION, token, page.project.pages.session_days * 86400)


def drop_session_cookie(response: Response, page: Page) -> None:
    """Have the browser forget it."""
    drop_cookie(response, page, SESSION)


def read_cookie(page: Page, name: str) -> str | None:
    """What the browser holds under the name; None for nothing."""
    return page.request.cookies.get(_named(page, name))


def set_cookie(response: Response, page: Page, name: str, value: str, seconds: int) -> None:
    """Have the browser keep a value for so long."""
    response.set_cookie(
        _named(page, name),
        value,
        max_age=seconds,
        path="/",
        secure=is_https(page.project, page.request),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, page: Page, name: str) -> None:
    """Have the browser forget a value."""
    set_cookie(response, page, name, "", 0)


def _named(page: Page, name: str) -> str:
    return f"__Host-{name}" if is_https(page.project, page.request) else name
