"""The way in: HTTP to our app, the process's life to BentoML."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from npsight.service.entrance import Entrance, command


def test_requests_go_to_the_app_and_start_and_stop_to_bentoml() -> None:
    seen: list[tuple[str, str]] = []

    def named(name: str):
        async def app(scope, receive, send) -> None:
            seen.append((name, scope["type"]))

        return app

    way_in = Entrance(named("ours"), named("bento"))

    async def all_kinds() -> None:
        for kind in ("lifespan", "http", "websocket"):
            await way_in({"type": kind}, None, None)

    asyncio.run(all_kinds())
    assert seen == [("bento", "lifespan"), ("ours", "http"), ("bento", "websocket")]


def test_the_command_listens_where_it_is_told_and_drains() -> None:
    told = command("127.0.0.1", 3100, 2)
    assert told[1:5] == ["-m", "uvicorn", "--factory", "npsight.service.entrance:entrance"]
    pairs = dict(pairwise(told))
    assert (pairs["--host"], pairs["--port"], pairs["--workers"]) == ("127.0.0.1", "3100", "2")
    assert (pairs["--http"], pairs["--ws"]) == ("npsight.service.http:Http", "none")
    assert int(pairs["--timeout-graceful-shutdown"]) >= 30
