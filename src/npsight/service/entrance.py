"""The way in: our app before BentoML's middlewares, which cost more than a score does.

Run as `uvicorn --factory npsight.service.entrance:entrance`, see `command`. BentoML makes the
service and closes it; HTTP goes straight to the app that the service built.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

FACTORY = "npsight.service.entrance:entrance"
PROTOCOL = "npsight.service.http:Http"
DRAIN_SECONDS = 30
"""Requests under way at the end get so long: more than any deadline that a CRM waits for."""


class Entrance:
    """Requests to the app, start and stop to BentoML."""

    def __init__(self, app: ASGIApp, bento: ASGIApp) -> None:
        self._app = app
        self._bento = bento

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the process's whole life."""
        await (self._app if scope["type"] == "http" else self._bento)(scope, receive, send)


def entrance() -> Entrance:
    """The application of one worker process; its service is made when it starts."""
    from npsight.service.bento import NpsightService, gateway

    # BentoML's decorator makes a service of the class, which type checkers do not see.
    return Entrance(gateway, cast(Any, NpsightService).to_asgi())


def command(host: str, port: int, workers: int = 1, factory: str = FACTORY) -> list[str]:
    """What a process runs to serve; it drains on SIGTERM, and ends workers that it started."""
    return [
        *(sys.executable, "-m", "uvicorn", "--factory", factory),
        *("--host", host, "--port", str(port), "--workers", str(workers), "--lifespan", "on"),
        *("--http", PROTOCOL, "--ws", "none"),
        *("--no-access-log", "--no-server-header", "--log-level", "warning"),
        *("--timeout-graceful-shutdown", str(DRAIN_SECONDS)),
    ]
