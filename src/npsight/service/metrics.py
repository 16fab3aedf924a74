"""Prometheus figures by route, never by path: an account's key stands in the path."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Metrics:
    """The figures of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter(
            "npsight_requests", "Requests answered.", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "npsight_request_seconds",
            "Seconds from request to answer.",
            ("route",),
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        self.accounts = Counter(
            "npsight_accounts_scored", "Results given.", ("status",), registry=self.registry
        )

        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._scored: dict[str, Counter] = {}

    def answered(self, method: str, route: str, status: int, started: float) -> None:
        """A request was answered that began at `started`, of `time.perf_counter`."""
        key = (method, route, status)
        found = self._answered.get(key)
        if found is None:
            shown = method if method in METHODS else "other"
            found = (self.requests.labels(shown, route, str(status)), self.seconds.labels(route))
            if shown == method:
                self._answered[key] = found
        found[0].inc()
        found[1].observe(time.perf_counter() - started)

    def scored(self, status: str, count: int) -> None:
        """So many results of that status were given."""
        found = self._scored.get(status)
        if found is None:
            found = self._scored[status] = self.accounts.labels(status)
        found.inc(count)

    async def page(self, _request: Request) -> Response:
        """`GET /metrics`."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class CountRequests:
    """ASGI middleware that counts each request under its route's template."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count what was answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            # The router leaves the endpoint it chose; anything else is no route of ours.
            route = getattr(scope.get("endpoint"), "__name__", "unknown")
            self.metrics.answered(scope["method"], route, status, started)
