"""The cookie that holds a session's token."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from npsight.web.page import Page

NAME = "npsight_session"


def session_token(request: Request) -> str | None:
    """What the browser holds; None for nothing."""
    return request.cookies.get(NAME)


def set_session_cookie(response: Response, page: Page, token: str) -> None:
    """Have the browser keep a token: out of scripts' reach, and never sent from other sites."""
    response.set_cookie(
        NAME,
        token,
        max_age=page.project.pages.session_days * 86400,
        path="/",
        secure=page.request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def drop_session_cookie(response: Response) -> None:
    """Have the browser forget it."""
    response.delete_cookie(NAME, path="/")
