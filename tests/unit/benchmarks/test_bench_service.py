"""The service benchmark's own arithmetic, and its load generator against a server that it knows."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from benchmarks.service.__main__ import _arguments
from benchmarks.service.contenders import COLD, DEFAULT, DRIVERS, LIMIT, ROWS, WARM
from benchmarks.service.load import Fired, Load, fire, post
from benchmarks.service.measure import CLIENTS, Figures, Memory
from benchmarks.service.page import HEAD, lines, markdown, verdicts

FAST = {LIMIT: 1000.0, DEFAULT: 100.0, WARM: 600.0, COLD: 400.0, DRIVERS: 500.0}


def table(**changed: float):
    speeds = {row.title: FAST.get(row.title, 150.0) for row in ROWS}
    speeds |= {globals()[name]: speed for name, speed in changed.items()}
    return {
        (title, clients): Figures(speed, 1.0, 3.0, 50.0, 0, 1000)
        for title, speed in speeds.items()
        for clients in CLIENTS
    }


def held(found, memory=None) -> dict[str, bool | None]:
    return {v.goal: v.holds for v in verdicts(found, memory)}


def test_goals_hold_where_the_figures_do():
    assert set(held(table(), Memory(10, (100, 104), 5, 0)).values()) == {True}


@pytest.mark.parametrize(
    ("name", "speed", "goal"),
    [
        ("WARM", 199.0, f"{WARM} ≥ 2 × {DEFAULT}"),
        ("WARM", 349.0, f"{WARM} ≥ 0.35 × {LIMIT}"),
        ("WARM", 149.0, f"{WARM}: above every other that scores"),
        ("DRIVERS", 149.0, f"{DRIVERS} ≥ 1.5 × {DEFAULT}"),
        ("DRIVERS", 299.0, f"{DRIVERS} ≥ 0.3 × {LIMIT}"),
    ],
)
def test_a_goal_that_is_missed_is_said_to_be(name, speed, goal):
    assert held(table())[goal] is True
    assert held(table(**{name: speed}))[goal] is False


def test_one_number_of_clients_is_enough_to_miss_a_goal():
    found = table()
    found[WARM, 32] = Figures(199.0, 1.0, 3.0, 50.0, 0, 1000)
    assert held(found)[f"{WARM} ≥ 2 × {DEFAULT}"] is False


def test_tails_errors_and_memory_are_judged():
    found = table()
    found[WARM, 8] = Figures(600.0, 1.0, 5.1, 50.0, 1, 1000)
    judged = held(found, Memory(10, (100, 106, 101), 5, 0))
    assert judged[f"{WARM}, 8 clients: p99 ≤ 5 × p50"] is False
    assert judged["no wrong answer"] is False
    assert judged["memory flat within 5 % over 10 minutes at full load"] is False
    assert held(found)["memory flat within 5 % at full load"] is None


def test_every_row_is_on_the_page():
    found = list(lines(table()))
    assert [cells[0] for cells in found] == [row.title for row in ROWS]
    assert {len(cells) for cells in found} == {len(HEAD)}
    assert markdown(table(), None).count("\n| ") >= len(ROWS)


def test_percentiles_are_of_the_answers():
    fired = Fired(2.0, 0, [i / 1000 for i in range(100, 0, -1)])
    assert (fired.per_second, fired.percentile(0.5), fired.percentile(0.99)) == (50, 0.051, 0.1)


def test_memory_is_measured_for_ten_minutes_unless_less_is_asked_for():
    assert _arguments([]).minutes == 10
    assert _arguments(["--minutes", "1"]).minutes == 1


class Echo:
    """A server that answers each request with its body, and every third with 500."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.bodies: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(65536):
                body = request.partition(b"\r\n\r\n")[2]
                self.bodies.append(body)
                status = b"500 No" if len(self.bodies) % 3 == 0 else b"200 OK"
                head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
                # In two parts, as a network may give them.
                connection.sendall(head + body[:1])
                connection.sendall(body[1:])


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.listener.close()


def test_each_request_is_sent_once_where_asked_and_wrong_answers_are_counted(echo: Echo) -> None:
    requests = [post("/", {"number": i}) for i in range(30)]
    fired = fire(Load(echo.port, 4, 60.0, requests, "number", once=True))
    assert sorted(echo.bodies) == sorted(b'{"number": %d}' % i for i in range(30))
    assert len(fired.latencies) == 30
    assert fired.errors == 10


def test_a_load_ends_with_its_time(echo: Echo) -> None:
    fired = fire(Load(echo.port, 2, 0.2, [post("/", {"a": 1})], "a"))
    assert fired.latencies
    assert fired.seconds >= 0.2
    missing = fire(Load(echo.port, 1, 60.0, [post("/", {"a": 1})], "other", once=True))
    assert missing.errors == 1
