"""`python -m benchmarks.web.server FILE PORT`: a project's pages, and one that is empty."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.responses import Response

from npsight.service.state import Live, load_state
from npsight.web import app
from npsight.web.page import Page, PageError, PageRoute

EMPTY = "/empty"


def empty(page: Page) -> Response:
    """A page that reads nothing but who is signed in."""
    return page.html("error.html", error=PageError(200, "Nothing"))


def main() -> None:
    """Serve until ended."""
    app.ROUTES = (*app.ROUTES, PageRoute("GET", EMPTY, empty))
    pages = app.build_pages(Live(load_state(Path(sys.argv[1]))))
    uvicorn.run(pages, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    main()
