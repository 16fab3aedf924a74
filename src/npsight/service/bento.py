"""The BentoML service: our app mounted whole, so that no page or error of BentoML's is seen."""

from __future__ import annotations

from contextlib import suppress

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from npsight.config.runtime import serving_config
from npsight.service.app import build_app
from npsight.service.runner import JobRunner
from npsight.service.state import Live, ServingState, load_state


class Gateway:
    """Passes requests to an app that is built when the worker starts, not on import."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self.app is None:
            raise RuntimeError("the service has not started")
        # A defect was answered and logged by the app; its traceback would log the values, too.
        with suppress(Exception):
            await self.app(scope, receive, send)


gateway = Gateway()


# BentoML's own access log and metrics keep every path, and with it every account's key.
@bentoml.service(
    name="npsight",
    workers=1,
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
@bentoml.asgi_app(gateway, path="/")
class NpsightService:
    """Scores of one project over HTTP."""

    def __init__(self) -> None:
        self.state: ServingState = load_state(serving_config())
        live = Live(self.state)
        gateway.app = build_app(live)
        self.jobs = JobRunner(live)
        self.jobs.start()

    def __is_ready__(self) -> bool:
        """Whether the store answers; BentoML asks on `/readyz`."""
        self.state.store.check()
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Stop working on jobs, and let go of the store."""
        self.jobs.stop()
        self.state.store.close()
