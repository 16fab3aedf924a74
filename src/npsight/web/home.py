"""`/`: to the worklist."""

from __future__ import annotations

from starlette.responses import Response

from npsight.web.page import Page, PageRoute


def home(page: Page) -> Response:
    """Have the browser open the worklist."""
    return page.go("/worklist")


ROUTES = (PageRoute("GET", "/", home, role=None),)
