"""Offers to change the protocol, sent over a socket to the server as `serve` starts it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from npsight.service.entrance import command
from npsight.service.listens import wait_until_listened

ECHO = """
import json

async def app(scope, receive, send):
    assert scope["type"] == "http", scope["type"]
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    names = [name.decode() for name, _ in scope["headers"]]
    told = [scope["method"], scope["path"], body.decode(), names]
    out = json.dumps(told).encode()
    headers = [(b"content-length", b"%d" % len(out))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": out})

def factory():
    return app
"""
BODY = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder: Path = tmp_path_factory.mktemp("echo")
    (folder / "echo.py").write_text(ECHO)
    number = free_port()
    told = command("127.0.0.1", number, factory="echo:factory")
    told[told.index("--lifespan") + 1] = "off"
    process = subprocess.Popen(told, cwd=folder, stderr=subprocess.PIPE)
    try:
        assert wait_until_listened("127.0.0.1", number, lambda: process.poll() is not None)
        yield number
    finally:
        process.terminate()
        process.communicate(timeout=30)


def post(path: str, headers: bytes = b"", body: bytes = BODY, chunked: bool = False) -> bytes:
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    if chunked:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return b"POST %b HTTP/1.1\r\nHost: x\r\n%b%b\r\n\r\n%b" % (path.encode(), headers, length, body)


def answers(port: int, sent: bytes, *cuts: int) -> tuple[list[Any], bytes]:
    """What each request on one connection was understood as, and what else came."""
    last = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    whole = sent + last
    places = [0, *cuts, len(whole)]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for start, end in pairwise(places):
            connection.sendall(whole[start:end])
            time.sleep(0.02 * bool(cuts))
        got = b""
        while part := connection.recv(65536):
            got += part
    found = []
    while got.startswith(b"HTTP/1.1 200"):
        head, _, rest = got.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append(json.loads(rest[:length]))
        got = rest[length:]
    return found, got


OFFERS = [
    OFFER,
    b"Upgrade: websocket\r\nConnection: upgrade\r\n",
    b"connection: keep-alive , UPGRADE\r\nUPGRADE: TLS/1.0, h2c\r\n",
]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("offer", OFFERS)
def test_a_body_behind_an_offer_is_that_requests_body(port, offer, chunked) -> None:
    found, rest = answers(port, post("/a", offer, chunked=chunked))
    assert [told[:3] for told in found] == [["POST", "/a", BODY.decode()], ["GET", "/last", ""]]
    assert rest == b""
    assert not {"upgrade", "http2-settings"} & set(found[0][3])


def test_wherever_the_bytes_are_cut(port) -> None:
    sent = post("/a", OFFER)
    head = sent.index(BODY)
    for cut in (5, 40, head - 3, head - 1, head, head + 1, head + 10, len(sent)):
        found, rest = answers(port, sent, cut)
        assert [told[1:3] for told in found] == [["/a", BODY.decode()], ["/last", ""]], cut
        assert rest == b""


def test_requests_on_one_connection_stay_in_order(port) -> None:
    sent = post("/a") + post("/b", OFFER) + post("/c", OFFER) + post("/d")
    found, rest = answers(port, sent)
    assert [told[1] for told in found] == ["/a", "/b", "/c", "/d", "/last"]
    assert {told[2] for told in found[:4]} == {BODY.decode()}
    assert rest == b""


@pytest.mark.parametrize(
    "sent", [b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", b"no HTTP\r\n\r\n"]
)
def test_what_is_no_request_closes_the_connection(port, sent) -> None:
    found, rest = answers(port, sent + BODY)
    assert found == []
    assert rest.startswith(b"HTTP/1.1 400")
    assert rest.count(b"HTTP/1.1") == 1
