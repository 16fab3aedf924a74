"""A client that sends its body in drops is cut off; one that sends too much is not read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message

from npsight.service import body
from npsight.service.app import build_app
from npsight.service.state import Live, ServingState


class Caller:
    """One raw ASGI request whose body comes as told; `asked` counts what was read of it."""

    def __init__(self, parts: Iterator[tuple[float, bytes]], headers: dict[str, str]) -> None:
        self.parts = parts
        self.headers = {"content-type": "application/json"} | headers
        self.asked = 0
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        self.asked += 1
        wait, part = next(self.parts)
        await asyncio.sleep(wait)
        return {"type": "http.request", "body": part, "more_body": True}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def call(self, state: ServingState) -> tuple[int, dict[str, Any], dict[bytes, bytes]]:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/score",
            "raw_path": b"/v1/score",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 9),
            "headers": [(k.lower().encode(), v.encode()) for k, v in self.headers.items()],
        }
        asyncio.run(build_app(Live(state))(scope, self.receive, self.send))
        start, content = self.sent[0], self.sent[1]
        return start["status"], json.loads(content["body"]), dict(start["headers"])


def drops(seconds: float) -> Iterator[tuple[float, bytes]]:
    while True:
        yield seconds, b" "


def test_a_body_in_drops_is_408_and_the_connection_is_closed(
    state: ServingState, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.2)
    caller = Caller(drops(0.02), headers)
    status, answer, sent = caller.call(state)
    assert (status, answer["code"]) == (408, "body-too-slow")
    assert sent[b"content-type"] == b"application/problem+json"
    assert sent[b"connection"] == b"close"


def test_sixty_megabytes_are_refused_before_a_byte_is_read(
    state: ServingState, headers: dict[str, str]
) -> None:
    caller = Caller(drops(0), headers | {"content-length": "60000000"})
    status, answer, _ = caller.call(state)
    assert (status, answer["code"], caller.asked) == (413, "body-too-large", 0)


def test_a_body_without_length_is_read_to_the_cap_and_no_further(
    state: ServingState, headers: dict[str, str]
) -> None:
    caller = Caller(((0, b" " * 100_000) for _ in range(600)), headers)
    status, answer, _ = caller.call(state)
    assert (status, answer["code"], caller.asked) == (413, "body-too-large", 11)
