"""The BentoML service: our app mounted whole, so that no page or error of BentoML's is seen."""

from __future__ import annotations

from contextlib import suppress

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from npsight.config.runtime import serving_config
from npsight.service.app import build_app
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


class Front:
    """Ahead of BentoML's own routes, so that its probes, pages and errors do not show through."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Requests are ours; the start and end of the process are BentoML's."""
        await (gateway if scope["type"] == "http" else self.app)(scope, receive, send)


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
        gateway.app = build_app(Live(self.state))

    def __is_ready__(self) -> bool:
        """Whether the store answers; BentoML asks on `/readyz`."""
        self.state.store.check()
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Let go of the store."""
        self.state.store.close()


NpsightService.add_asgi_middleware(Front)
