"""A request whose body is there at once is answered like one whose body has to be waited for.

The one takes every short way: no timer, no second reader of JSON, a kept result. The other takes
none of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from npsight.service import body as bodies
from npsight.service.app import App, build_app
from npsight.service.state import Live, ServingState
from npsight.service.strictjson import strict_json

KNOWN = "a/1 é"
Told = tuple[int, Any, list[tuple[bytes, bytes]]]


@pytest.fixture(scope="module")
def app(state: ServingState) -> App:
    return build_app(Live(state))


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


async def call(
    app: App, headers: list[tuple[bytes, bytes]], parts: list[bytes], waits: bool = False
) -> Told:
    """Status, body without what differs between any two requests, and headers."""
    rest, sent = list(parts), []

    async def receive() -> Message:
        if waits:
            await asyncio.sleep(0)
        part = rest.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(rest)}

    async def send(message: Message) -> None:
        sent.append(message)

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
        "headers": headers,
    }
    await app(scope, receive, send)
    start, content = sent
    answer = json.loads(content["body"])
    assert len(answer.pop("request_id")) == 32
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(content["body"])
    return start["status"], answer, start["headers"]


async def each_way(app: App, headers: list[tuple[bytes, bytes]], body: bytes) -> list[Told]:
    app.api.live.changed()
    parts = [body[: len(body) // 2], body[len(body) // 2 :], b""]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "parse_json", strict_json)
        slow = await call(app, headers, parts, waits=True)
    # What was made for the first is kept for the others.
    return [slow, await call(app, headers, parts), await call(app, headers, [body])]


accounts = st.sampled_from([KNOWN, "a/2 é", "nobody", "", "crm:1", "\ud800"])
lists = st.lists(accounts | st.integers() | st.none() | st.booleans(), max_size=4)
fields = {
    "accounts": st.lists(accounts, min_size=1, max_size=3) | lists | accounts,
    "account": accounts | st.none() | st.integers(),
    "drivers": st.booleans() | st.none() | st.sampled_from([0, 1, "true"]),
    "targets": st.none() | st.lists(st.sampled_from(["nps", "churn", "no", 7]), max_size=2),
    "as_of": st.sampled_from([None, "2026-06-08T00:00:00Z", "2030-01-01T00:00:00Z", "x", 1]),
    "other": st.none(),
}
asked = st.lists(st.sampled_from(list(fields)), max_size=4).flatmap(
    lambda names: st.tuples(*(st.tuples(st.just(name), fields[name]) for name in names))
)


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """A body, whose fields may stand twice, and which may be cut."""
    ascii_only = draw(st.booleans())
    parts = [
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=ascii_only)}"
        for name, value in draw(asked)
    ]
    whole = f"{{{', '.join(parts)}}}".encode("utf-8", "surrogatepass")
    return whole[: len(whole) - draw(st.sampled_from([0, 0, 0, 0, 1, 9]))]


media = st.sampled_from(
    [
        [(b"content-type", b"application/json")],
        [(b"content-type", b"Application/JSON ; charset=utf-8")],
        [(b"content-type", b"application/problem+json")],
        [(b"content-type", b"text/json")],
        [(b"content-type", b"text/plain"), (b"content-type", b"application/json")],
        [(b"content-type", b"application/json"), (b"content-encoding", b"Identity")],
        [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")],
        [(b"content-type", b"application/json"), (b"content-length", b"1000001")],
        [],
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=texts(), kind=media)
def test_the_short_way_and_the_long_way_answer_alike(
    app: App,
    loop: asyncio.AbstractEventLoop,
    headers: dict[str, str],
    body: bytes,
    kind: list[tuple[bytes, bytes]],
) -> None:
    key = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    slow, *quick = loop.run_until_complete(each_way(app, [*kind, *key], body))
    assert quick == [slow, slow]


@pytest.mark.parametrize(
    "body",
    [{"accounts": [KNOWN]}, {"account": KNOWN}, {"account": KNOWN, "drivers": True}],
    ids=["accounts", "account", "drivers"],
)
def test_what_is_known_is_answered_without_the_strict_reader_or_a_timer(
    app: App,
    loop: asyncio.AbstractEventLoop,
    headers: dict[str, str],
    body: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    sent = [(b"content-type", b"application/json"), *key]
    text = json.dumps(body).encode()
    first = loop.run_until_complete(call(app, sent, [text]))
    monkeypatch.setattr("npsight.service.strictjson.strict_json", None)
    monkeypatch.setattr(bodies.asyncio, "timeout", None)
    again = loop.run_until_complete(call(app, sent, [text]))
    assert again == first
    assert again[0] == 200
    assert [result["status"] for result in again[1]["results"]] == ["ok"]
    assert [name for name, _ in again[2]] == [b"content-length", b"content-type"]
    assert again[2][1][1] == b"application/json"
