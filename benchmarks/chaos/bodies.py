"""Callers that send too much or too slowly are refused early, and harm nobody."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.chaos.load import Load
from benchmarks.chaos.outcome import Outcome
from benchmarks.chaos.running import Running, served
from benchmarks.chaos.workspace import make_workspace
from npsight.service.body import BODY_SECONDS

PIECE = b" " * 65_536


def bad_bodies(folder: Path, slow: int = 20) -> Outcome:
    """60 MB with and without a length, 10,000 rows, and bodies that come in drops."""
    outcome = Outcome("slow clients, 60 MB, 10,000 rows")
    workspace = make_workspace(folder)
    with served(workspace) as running:
        load = Load(running, workspace)
        with load.on():
            status, sent = _sized(running, 60_000_000)
            outcome.count("60 MB answer", status)
            outcome.count("bytes sent before it", sent)
            outcome.must((status, sent) == (413, 0), "60 MB were read before they were refused")
            status, sent = _chunked(running, 60_000_000)
            outcome.count("60 MB chunked answer", status)
            outcome.count("bytes sent by then", sent)
            outcome.must(status == 413 and sent < 10_000_000, "a chunked body was read too far")
            rows = {"accounts": ["a"] * 10_000}
            with running.client() as client:
                started = time.monotonic()
                status = client.post("/v1/score", json=rows).status_code
            outcome.count("10,000 rows answer", status)
            outcome.must(status == 422, "10,000 rows were not refused")
            statuses, longest = _drops(running, slow)
            outcome.count("slow clients", slow)
            outcome.count("408 answers", statuses.count(408))
            outcome.count("longest s", round(longest, 1))
            outcome.must(statuses == [408] * slow, f"slow clients got {set(statuses)}")
            outcome.must(longest < BODY_SECONDS + 10, "a slow client held on")
            del started
    outcome.count("requests meanwhile", load.counts["requests"])
    outcome.count("failed", load.failed)
    outcome.must(load.failed == 0, f"requests failed: {dict(load.failures)}")
    return outcome


def _connect(running: Running, headers: str) -> socket.socket:
    parts = urlsplit(running.address)
    opened = socket.create_connection((parts.hostname, parts.port), timeout=60)
    key = running.headers["Authorization"]
    head = (
        f"POST /v1/score HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: {key}\r\n"
        f"Content-Type: application/json\r\n{headers}\r\n\r\n"
    )
    opened.sendall(head.encode())
    return opened


def _status(opened: socket.socket) -> int:
    answer = opened.recv(65_536)
    return int(answer.split(b" ", 2)[1]) if answer else 0


def _sized(running: Running, length: int) -> tuple[int, int]:
    """The status, and how many bytes of the body were sent by then."""
    with _connect(running, f"Content-Length: {length}") as opened:
        return _status(opened), 0


def _chunked(running: Running, length: int) -> tuple[int, int]:
    with _connect(running, "Transfer-Encoding: chunked") as opened:
        opened.settimeout(0.0)
        sent, pending = 0, b""
        deadline = time.monotonic() + 60
        while sent < length and time.monotonic() < deadline:
            try:
                return _status(opened), sent
            except BlockingIOError:
                pass
            pending = pending or b"%x\r\n%s\r\n" % (len(PIECE), PIECE)
            try:
                written = opened.send(pending)
                sent += written
                pending = pending[written:]
            except BlockingIOError:
                time.sleep(0.01)
        opened.settimeout(30)
        return _status(opened), sent


def _drops(running: Running, count: int) -> tuple[list[int], float]:
    """Statuses of clients that send a byte a second, and how long the last one held on."""
    body = json.dumps({"accounts": ["a"] * 50}).encode()
    started = time.monotonic()
    waiting = [_connect(running, f"Content-Length: {len(body)}") for _ in range(count)]
    statuses: list[int] = []
    for place in range(len(body)):
        for opened in list(waiting):
            opened.settimeout(0.0)
            try:
                statuses.append(_status(opened))
            except BlockingIOError:
                opened.send(body[place : place + 1])
                continue
            except OSError:
                statuses.append(0)
            waiting.remove(opened)
            opened.close()
        if not waiting:
            break
        time.sleep(1.0)
    return statuses, time.monotonic() - started
