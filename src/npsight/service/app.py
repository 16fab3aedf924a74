"""The application: every endpoint, its errors and its figures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from npsight import __version__
from npsight.errors import NpsightError
from npsight.service import problems
from npsight.service.access import admit
from npsight.service.api import DEADLINE_SECONDS, Api
from npsight.service.endpoints import ENDPOINTS, Endpoint
from npsight.service.metrics import CountRequests, Metrics
from npsight.service.once import answered_once
from npsight.service.problems import ApiError, Json
from npsight.service.state import Live


def build_app(live: Live, deadline: float = DEADLINE_SECONDS) -> Starlette:
    """The whole API over one model and store; holds no other state than its metrics."""
    api = Api(live, Metrics(), deadline)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        await run_sync(app.state.api.access.close)

    app = Starlette(
        lifespan=life,
        routes=[Route("/", _index()), *(_route(api, endpoint) for endpoint in ENDPOINTS)],
        middleware=[Middleware(CountRequests, metrics=api.metrics)],
        exception_handlers={
            ApiError: problems.on_api_error,
            HTTPException: problems.on_http_error,
            ClientDisconnect: problems.on_broken_body,
            NpsightError: problems.on_npsight_error,
            Exception: problems.on_crash,
        },
    )
    # A redirect would send a caller's key to the host that its request named.
    app.router.redirect_slashes = False
    app.state.api = api
    return app


def _route(api: Api, endpoint: Endpoint) -> Route:
    async def answer(request: Request) -> Response:
        request.state.body_bytes = endpoint.body_bytes
        caller = await admit(api, request, endpoint)
        if endpoint.writes:
            return await answered_once(api, request, endpoint, caller)
        return await endpoint.handler(api, request)

    answer.__name__ = endpoint.operation
    return Route(endpoint.path, answer, methods=[endpoint.method])


def _index() -> Callable[[Request], Awaitable[Response]]:
    async def index(_request: Request) -> Response:
        """`GET /`: what this is, and nothing about the project."""
        return Json(
            {
                "service": "npsight",
                "version": __version__,
            }
        )

    return index
