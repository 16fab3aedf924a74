"""The service is killed while answers are posted; callers repeat what was not acknowledged."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from benchmarks.chaos.outcome import Outcome
from benchmarks.chaos.running import NO_TLS, Running, start
from benchmarks.chaos.workspace import Workspace, make_workspace


def write_once(client: httpx.Client, name: str, account: str) -> httpx.Response:
    """Post one survey answer under an id of its own and an idempotency key."""
    answer = {"id": name, "account": account, "score": 3, "occurred_at": "2026-06-02T00:00:00Z"}
    body = {"responses": [answer], "idempotency_key": f"key-{name}"}
    return client.post("/v1/responses", json=body)


class Poster(threading.Thread):
    """One caller: every answer is repeated until it is acknowledged."""

    def __init__(self, place: int, address: str, headers: dict[str, str]) -> None:
        super().__init__(name=f"poster-{place}")
        self.acknowledged: list[str] = []
        self.repeats = 0
        self.odd: Counter[int] = Counter()
        self._place = place
        self._address = address
        self._headers = headers
        self._stop_asked = threading.Event()

    def run(self) -> None:
        """Post until told to stop; the last answer is brought to its end."""
        for number in itertools.count():
            if self._stop_asked.is_set():
                return
            name = f"{self._place}-{number}"
            while not self._posted(name):
                self.repeats += 1
                time.sleep(0.1)
            self.acknowledged.append(name)

    def stop(self) -> None:
        """End after the present answer."""
        self._stop_asked.set()

    def _posted(self, name: str) -> bool:
        try:
            with httpx.Client(
                base_url=self._address, headers=self._headers, timeout=60.0, verify=NO_TLS
            ) as client:
                answer = write_once(client, name, f"a/{self._place} é")
        except httpx.HTTPError:
            return False
        if answer.status_code == 200:
            return True
        # The call that the kill cut off still holds its key, or the store is being opened.
        if answer.status_code != 503:
            self.odd[answer.status_code] += 1
        return False


def killed_while_writing(folder: Path, kills: int = 8, seconds: float = 4.0) -> Outcome:
    """Kill −9 of the whole service, started again each time: nothing lost, nothing twice."""
    outcome = Outcome(f"kill −9 during writes, {kills} times")
    workspace = make_workspace(folder)
    running = start(workspace)
    port = urlsplit(running.address).port
    posters = [Poster(place, running.address, running.headers) for place in range(3)]
    try:
        running.wait_ready()
        for poster in posters:
            poster.start()
        for _ in range(kills):
            time.sleep(seconds)
            running.kill()
            running = start(workspace, port=port)
            running.wait_ready()
        time.sleep(seconds)
        for poster in posters:
            poster.stop()
        for poster in posters:
            poster.join()
        _judge(outcome, workspace, posters, running)
    finally:
        for poster in posters:
            poster.stop()
        running.stop()
    return outcome


def _judge(outcome: Outcome, workspace: Workspace, posters: list[Poster], running: Running) -> None:
    acknowledged = {name for poster in posters for name in poster.acknowledged}
    kept = _kept(workspace.store)
    odd = sum((poster.odd for poster in posters), Counter[int]())
    outcome.count("acknowledged", len(acknowledged))
    outcome.count("repeated calls", sum(poster.repeats for poster in posters))
    outcome.count("lost", len(acknowledged - set(kept)))
    outcome.count("double", sum(times > 1 for times in kept.values()))
    outcome.must(bool(acknowledged), "nothing was acknowledged")
    outcome.must(acknowledged <= set(kept), "answers were lost")
    outcome.must(all(times == 1 for times in kept.values()), "answers were kept twice")
    outcome.must(not odd, f"unexpected answers: {dict(odd)}")
    outcome.must(running.ready().get("model_version") is not None, "the service is not ready")


def _kept(store: Path) -> Counter[str]:
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as opened:
        return Counter(name for (name,) in opened.execute("SELECT fact_id FROM posted_facts"))
