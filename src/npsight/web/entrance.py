"""The way in for browsers and CRMs alike: API and pages from one process.

Run as `uvicorn --factory npsight.web.entrance:entrance`; see `npsight.service.entrance`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from npsight.web.guard import wants_html

if TYPE_CHECKING:
    from npsight.service.entrance import Entrance
    from npsight.service.state import Live

FACTORY = "npsight.web.entrance:entrance"
API = ("/v1", "/problems")
API_PATHS = frozenset(
    ("/livez", "/readyz", "/healthz", "/metrics", "/openapi.json", "/swagger.json", "/docs.json")
)


class Both:
    """The API where a path is the API's, else the pages; `/` is both: HTML for who asks for it."""

    def __init__(self, api: ASGIApp, pages: ASGIApp) -> None:
        self._api = api
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"]
        is_api = is_of_api(path) or (path == "/" and not wants_html(scope))
        await (self._api if is_api else self._pages)(scope, receive, send)


def is_of_api(path: str) -> bool:
    """Whether the API answers a path, be it with its own 404."""
    return path in API_PATHS or any(path == root or path.startswith(f"{root}/") for root in API)


def beside(live: Live, api: ASGIApp) -> ASGIApp:
    """What a project's worker serves."""
    if not live.state.spec.pages.enabled:
        return api
    from npsight.web.app import build_pages

    return Both(api, build_pages(live))


def entrance() -> Entrance:
    """The application of one worker process."""
    from npsight.service import entrance as service
    from npsight.service.bento import gateway

    gateway.beside = beside
    return service.entrance()
