"""Callers that never stop asking, and hold every answer against the model it names."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from benchmarks.chaos.running import Running
from benchmarks.chaos.workspace import Workspace

TOLERANCE = 1e-9


class Load:
    """Threads that score, one request after the other; counts are read when they have stopped."""

    pause_seconds = 0.0
    """How long each thread rests after an answer."""

    def __init__(self, running: Running, workspace: Workspace, threads: int = 2) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.versions: Counter[int] = Counter()
        self._running = running
        self._workspace = workspace
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(threads)]

    @contextmanager
    def on(self) -> Iterator[Load]:
        """Ask while the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    @property
    def failed(self) -> int:
        """Requests that were not answered 200."""
        return sum(self.failures.values())

    def _ask(self, seed: int) -> None:
        chance = random.Random(seed)
        accounts = sorted(next(iter(self._workspace.expected.values())))
        with self._running.client() as client:
            while not self._stop.is_set():
                some = chance.sample(accounts, 3)
                body = {"accounts": some, "drivers": chance.random() < 0.2}
                try:
                    answer = client.post("/v1/score", json=body)
                except httpx.HTTPError as error:
                    self._failed(type(error).__name__)
                    continue
                if answer.status_code != 200:
                    self._failed(str(answer.status_code))
                    continue
                self._judge(some, answer.json())
                self._stop.wait(self.pause_seconds)

    def _failed(self, how: str) -> None:
        with self._lock:
            self.counts["requests"] += 1
            self.failures[how] += 1

    def _judge(self, accounts: list[str], answer: dict) -> None:
        expected = self._workspace.expected.get(answer["model_digest"])
        wrong = 0
        for account, result in zip(accounts, answer["results"], strict=True):
            same = expected is not None and result["account"] == account
            given = result.get("detractor_risk")
            if not same or given is None or abs(given - expected[account]) > TOLERANCE:
                wrong += 1
        with self._lock:
            self.counts["requests"] += 1
            self.counts["scores"] += len(accounts)
            self.counts["wrong"] += wrong
            self.versions[answer["model_version"]] += 1
