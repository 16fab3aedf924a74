"""A load generator: raw sockets that are kept open, one selector, nothing else.

Each client sends its next request when its answer is there (a closed loop), so the clients are
the concurrency. It runs in a process of its own; what it costs by itself is the same for every
contender, some 15 µs a request.
"""

from __future__ import annotations

import gc
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
GIVE_UP_SECONDS = 30.0


@dataclass(frozen=True)
class Load:
    """What to send, to whom, for how long.

    Attributes
    ----------
    requests
        Whole HTTP requests as text, sent in turn.
    once
        Stop where they are used up, rather than start again.
    expected
        What a good answer's body holds.
    """

    port: int
    clients: int
    seconds: float
    requests: list[str]
    expected: str
    once: bool = False


@dataclass(frozen=True)
class Fired:
    """What came of it: seconds of each answer, and the number of wrong ones."""

    seconds: float
    errors: int
    latencies: list[float] = field(repr=False)

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Seconds that this share of the answers took at most; NaN without any."""
        ordered = sorted(self.latencies)
        return (
            ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")
        )


def fire(load: Load) -> Fired:
    """The load from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.service.load"]
    done = subprocess.run(
        command,
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return Fired(**json.loads(done.stdout))


class _Client:
    """One connection, and the answer it waits for."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=GIVE_UP_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.answer = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The whole answer, once it is there; raises ConnectionError where it was cut."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("closed by the server")
        self.answer = self.answer + part if self.answer else part
        return self.answer if _is_whole(self.answer) else None


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    _, _, rest = head.lower().partition(b"content-length:")
    return len(body) >= int(rest.partition(b"\r\n")[0])


def run(load: Load) -> Fired:
    """Send until the time is over, or the requests are used up."""
    requests = [request.encode() for request in load.requests]
    expected = load.expected.encode()
    clients = [_Client(load.port) for _ in range(load.clients)]
    selector = selectors.DefaultSelector()
    latencies: list[float] = []
    errors = used = 0
    started = time.perf_counter()
    first = clients[: len(requests)] if load.once else clients
    for client in first:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(requests[used % len(requests)])
        used += 1
    ends = started + load.seconds
    waiting = len(first)
    while waiting:
        ready = selector.select(GIVE_UP_SECONDS)
        if not ready:
            errors += waiting
            break
        for key, _ in ready:
            client: _Client = key.data
            try:
                answer = client.receive()
            except OSError:
                errors += 1
                waiting -= 1
                selector.unregister(client.socket)
                continue
            if answer is None:
                continue
            now = time.perf_counter()
            latencies.append(now - client.sent_at)
            errors += answer[9:12] != b"200" or expected not in answer
            if now >= ends or (load.once and used >= len(requests)):
                waiting -= 1
                selector.unregister(client.socket)
                continue
            client.send(requests[used % len(requests)])
            used += 1
    seconds = time.perf_counter() - started
    for client in clients:
        client.socket.close()
    return Fired(seconds, errors, latencies)


def post(path: str, body: object, headers: Sequence[tuple[str, str]] = ()) -> str:
    """A whole request as text."""
    text = json.dumps(body)
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(text.encode())}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines) + "\r\n\r\n" + text


def main() -> None:
    """The child: a load on stdin, what came of it on stdout."""
    load = Load(**json.load(sys.stdin))
    gc.disable()
    json.dump(asdict(run(load)), sys.stdout)


if __name__ == "__main__":
    main()
