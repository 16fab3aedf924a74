"""Every row of the table, round by round, so that what disturbs the machine disturbs all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median

from benchmarks.service.contenders import DRIVERS, NPSIGHT, ROWS, WARM, Row
from benchmarks.service.load import Fired, Load, fire
from benchmarks.service.processes import Running
from benchmarks.service.workspace import Account, Workspace

CLIENTS = (1, 8, 32)
WARM_ACCOUNTS = 200
FRESH_PER_SECOND = 800
FRESH_WITH_DRIVERS = 60
"""Enough for medians; with more, the company would have to be larger than the machine likes."""
AHEAD_SECONDS = 300.0
IDLE_SECONDS = 0.2
"""Processor time in a second, of a process with nothing to do."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds of one row with so many clients; milliseconds, and CPU in µs."""

    per_second: float
    p50: float
    p99: float
    cpu: float
    errors: int
    answers: int


Table = dict[tuple[str, int], Figures]


def table(
    workspace: Workspace, servers: Mapping[str, Running], rounds: int, seconds: float, say: Say
) -> Table:
    """Figures by row and clients."""
    found: dict[tuple[str, int], list[tuple[Fired, float]]] = {}
    _warm_up(workspace, servers)
    for place in range(rounds):
        for clients in CLIENTS:
            say(f"round {place + 1} of {rounds}, {clients} clients")
            # Another one begins each round: nobody always follows the same neighbour.
            turned = list(islice(cycle(ROWS), place, place + len(ROWS)))
            for row in turned:
                one = _measured(row, servers[row.server.name], workspace, clients, seconds)
                found.setdefault((row.title, clients), []).append(one)
    return {key: _figures(runs) for key, runs in found.items()}


def _warm_up(workspace: Workspace, servers: Mapping[str, Running]) -> None:
    """Each is asked once for each account that will be asked for again."""
    for row in ROWS:
        if not row.fresh:
            port = servers[row.server.name].port
            asked = [row.ask(workspace, account) for account in _asked(row, workspace, 0)]
            result = fire(Load(port, 4, 120.0, asked, row.expected, once=True))
            if result.errors:
                raise SystemExit(f"{row.title}: {result.errors} wrong answers; see its log")
    _wait_until_idle(servers[NPSIGHT.name])


def _wait_until_idle(server: Running) -> None:
    """Until scores have been made ahead."""
    quiet, deadline = 0, time.monotonic() + AHEAD_SECONDS
    while quiet < 2 and time.monotonic() < deadline:
        before = server.cpu_seconds()
        time.sleep(1.0)
        quiet = quiet + 1 if server.cpu_seconds() - before < IDLE_SECONDS else 0


def _asked(row: Row, workspace: Workspace, seconds: float) -> list[Account]:
    if not row.fresh:
        return workspace.known[:WARM_ACCOUNTS]
    rate = FRESH_WITH_DRIVERS if "drivers" in row.title else FRESH_PER_SECOND
    return workspace.unasked(row.server.name, round(rate * seconds))


def _measured(
    row: Row, server: Running, workspace: Workspace, clients: int, seconds: float
) -> tuple[Fired, float]:
    requests = [row.ask(workspace, account) for account in _asked(row, workspace, seconds)]
    before = server.cpu_seconds()
    result = fire(Load(server.port, clients, seconds, requests, row.expected, once=row.fresh))
    return result, server.cpu_seconds() - before


def _figures(runs: list[tuple[Fired, float]]) -> Figures:
    return Figures(
        per_second=median(fired.per_second for fired, _ in runs),
        p50=median(fired.percentile(0.5) for fired, _ in runs) * 1e3,
        p99=median(fired.percentile(0.99) for fired, _ in runs) * 1e3,
        cpu=median(cpu / max(len(fired.latencies), 1) for fired, cpu in runs) * 1e6,
        errors=sum(fired.errors for fired, _ in runs),
        answers=sum(len(fired.latencies) for fired, _ in runs),
    )


@dataclass(frozen=True)
class Memory:
    """Resident bytes of npsight at full load, from the first tenth of the time on."""

    minutes: float
    bytes: tuple[int, ...]
    answers: int
    errors: int

    @property
    def growth(self) -> float:
        """The most that it held, as a share above what it held at first."""
        first, *later = self.bytes
        return max(later, default=first) / first - 1


STEP_SECONDS = 5.0


def memory(workspace: Workspace, server: Running, minutes: float, say: Say) -> Memory:
    """Npsight at full load: 32 clients, known results with and without drivers, and new ones."""
    rows = {row.title: row for row in ROWS}
    server_name = NPSIGHT.name
    mixed = [
        rows[title].ask(workspace, account)
        for account in workspace.known
        for title in (WARM, WARM, WARM, DRIVERS)
    ]
    samples: list[int] = []
    answers = errors = 0
    began = time.monotonic()
    while (passed := time.monotonic() - began) < minutes * 60:
        fresh = [
            rows[WARM].ask(workspace, a) for a in workspace.unasked(server_name, len(mixed) // 10)
        ]
        step = fire(Load(server.port, 32, STEP_SECONDS, [*mixed, *fresh], '"status":"ok"'))
        answers, errors = answers + len(step.latencies), errors + step.errors
        if passed >= minutes * 6:
            samples.append(server.resident_bytes())
            say(f"{passed / 60:.1f} minutes of full load: {samples[-1] / 1e6:,.0f} MB")
    return Memory(minutes, tuple(samples), answers, errors)


SERVER = NPSIGHT.name
