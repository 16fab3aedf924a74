"""The application: every endpoint, its errors and its figures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from time import perf_counter

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from npsight import __version__
from npsight.service import problems
from npsight.service.access import admit
from npsight.service.api import DEADLINE_SECONDS, Api
from npsight.service.call import begin_call
from npsight.service.endpoints import ENDPOINTS, Endpoint
from npsight.service.metrics import CountRequests, Metrics
from npsight.service.once import answered_once
from npsight.service.problems import Json
from npsight.service.state import Live
from npsight.service.zipped import LEAST_BYTES, packed


class App(Starlette):
    """The whole API over one model and store; holds no other state than its figures and results.

    An endpoint without parameters in its path is found by one look into a table, before
    Starlette's middlewares and routes; the others, and what is no endpoint, by Starlette. Each
    is answered by the same `_answer`.
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        self.plain = {(e.method, e.path): e for e in ENDPOINTS if "{" not in e.path}

        @asynccontextmanager
        async def life(_app: Starlette) -> AsyncIterator[None]:
            yield
            await run_sync(api.close)

        super().__init__(
            lifespan=life,
            routes=[Route("/", _index()), *_routes(api)],
            middleware=[Middleware(CountRequests, metrics=api.metrics)],
            exception_handlers={
                HTTPException: problems.on_http_error,
                Exception: problems.on_crash,
            },
        )
        # A redirect would send a caller's key to the host that its request named.
        self.router.redirect_slashes = False
        self.state.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        endpoint = None
        if scope["type"] == "http":
            endpoint = self.plain.get((scope["method"], scope["path"]))
        if endpoint is None:
            await super().__call__(scope, receive, send)
            return
        started = perf_counter()
        response = await _answer(self.api, Request(scope, receive), endpoint)
        try:
            await response(scope, receive, send)
        finally:
            self.api.metrics.answered(
                endpoint.method, endpoint.operation, response.status_code, started
            )


def build_app(live: Live, deadline: float = DEADLINE_SECONDS) -> App:
    """The API over what is served now."""
    return App(Api(live, Metrics(), deadline))


async def _answer(api: Api, request: Request, endpoint: Endpoint) -> Response:
    """What the endpoint gives the caller, an error included."""
    call = begin_call(request.scope, endpoint.body_bytes)
    try:
        caller = call.caller = await admit(api, request, endpoint)
        if endpoint.writes:
            response = await answered_once(api, request, endpoint, caller)
        else:
            response = await endpoint.handler(api, request)
    except Exception as error:
        response = await problems.answer_of(request, error)
    if len(response.body) < LEAST_BYTES:
        return response
    return await packed(response, call.headers.get(b"accept-encoding", b""))


def _routes(api: Api) -> list[Route]:
    """One for each path, so that a wrong method is told all those that the path takes."""
    of_path: dict[str, list[Endpoint]] = {}
    for endpoint in ENDPOINTS:
        of_path.setdefault(endpoint.path, []).append(endpoint)
    return [_route(api, endpoints) for endpoints in of_path.values()]


def _route(api: Api, endpoints: Sequence[Endpoint]) -> Route:
    by_method = {endpoint.method: endpoint for endpoint in endpoints}

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await _answer(api, request, by_method[method])

    # Figures are told by it; of several, the one without a body is asked by `HEAD`, too.
    answer.__name__ = endpoints[0].operation
    return Route(endpoints[0].path, answer, methods=list(by_method))


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
