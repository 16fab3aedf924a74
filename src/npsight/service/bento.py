"""The BentoML service: our app mounted whole, so that no page or error of BentoML's is seen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from npsight.config.load import load_project
from npsight.config.runtime import registry_uri, serving_config, serving_workers
from npsight.service import writing
from npsight.service.ahead import Ahead
from npsight.service.app import build_app
from npsight.service.runner import JobRunner
from npsight.service.state import Live, load_state
from npsight.service.watch import Watcher

STOP_SECONDS = 5.0


class Gateway:
    """Passes requests to an app that is built when the worker starts, not on import.

    `beside` puts more than the API on its address; None for the API alone.
    """

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.beside: Callable[[Live, ASGIApp], ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self.app is None:
            raise RuntimeError("the service has not started")
        # A defect was answered and logged by the app; its traceback would log the values, too.
        with suppress(Exception):
            await self.app(scope, receive, send)


gateway = Gateway()


class Divert:
    """ASGI middleware that gives us every request, those to BentoML's own `/readyz` included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await (gateway if scope["type"] == "http" else self.app)(scope, receive, send)


# BentoML's own access log and metrics keep every path, and with it every account's key.
@bentoml.service(
    name="npsight",
    workers=serving_workers(),
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
@bentoml.asgi_app(gateway, path="/")
class NpsightService:
    """Scores of one project over HTTP."""

    def __init__(self) -> None:
        logging.getLogger("npsight").setLevel(logging.INFO)
        config = serving_config()
        project = load_project(config)
        self.live = Live(load_state(config))
        self.watcher = Watcher(self.live, project, registry_uri(), project.service.watch_seconds)
        self.app = build_app(self.live)
        gateway.app = gateway.beside(self.live, self.app) if gateway.beside else self.app
        self.jobs = JobRunner(self.live)
        self.ahead = Ahead(self.live)
        self.watcher.start()
        self.jobs.start()
        if project.service.score_ahead:
            self.app.api.notice()
            self.ahead.start()
        writing.sweep(self.live)

    def __is_ready__(self) -> bool:
        """Whether the store answers; BentoML asks on `/readyz`."""
        self.live.state.store.check()
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """End the watch, the jobs and what is under way, and let go of the store."""
        self.watcher.stop()
        self.jobs.stop(STOP_SECONDS)
        self.ahead.stop(STOP_SECONDS)
        self.watcher.join(STOP_SECONDS)
        self.app.api.close()
        writing.close(self.live)
        self.live.state.store.close()


NpsightService.add_asgi_middleware(Divert)  # type: ignore[attr-defined]
