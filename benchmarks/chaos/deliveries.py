"""`npsight deliver` is killed while it tells a webhook of changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.chaos.outcome import Outcome
from benchmarks.chaos.running import THREADS
from benchmarks.chaos.workspace import Workspace, make_workspace
from npsight.config.outside import ALLOW_VARIABLE, MASTER_VARIABLE
from npsight.store import ScoreChange, open_store, record_changes

MASTER = "chaos-master-secret-of-thirty-two-characters-or-more"
KILL_AFTER_SECONDS = 1.0


class Inbox:
    """A receiver that drops ids it knows: `arrivals` counts ids, `effects` what was acted on."""

    def __init__(self) -> None:
        self.arrivals: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, message_id: str, body: bytes) -> None:
        """Act on a message, once for each id, as Standard Webhooks asks of receivers."""
        with self._lock:
            self.arrivals[message_id] += 1
            if self.arrivals[message_id] == 1:
                self.effects[json.loads(body)["data"]["account"]] += 1


def killed_while_delivering(folder: Path, messages: int = 300, kills: int = 6) -> Outcome:
    """Every change has its effect at the receiver once, however often the sender died."""
    outcome = Outcome(f"kill −9 during outbox delivery, {kills} times")
    workspace = make_workspace(folder)
    inbox = Inbox()
    with _receiver(inbox) as url:
        _webhook(workspace, url)
        _change(workspace, messages)
        died = 0
        for _ in range(kills):
            before = len(inbox.arrivals)
            with _deliverer(workspace, url) as sender:
                _until(lambda n=before: len(inbox.arrivals) >= min(n + 20, messages), 60)
                died += sender.poll() is None
                sender.kill()
        with _deliverer(workspace, url) as sender:
            done = _until(lambda: sum(inbox.effects.values()) == messages, 180)
            settled = _until(lambda: _waiting(workspace) == 0, 120)
            sender.kill()
    doubled = sum(times > 1 for times in inbox.effects.values())
    outcome.count("messages", messages)
    outcome.count("killed", died)
    outcome.count("lost", messages - len(inbox.effects))
    outcome.count("double effects", doubled)
    outcome.count("sent again under the same id", sum(inbox.arrivals.values()) - messages)
    outcome.must(done and settled, "not every message was delivered and settled")
    outcome.must(doubled == 0, "a message had its effect twice")
    outcome.must(len(inbox.arrivals) == messages, "ids were made anew")
    outcome.must(died == kills, "the sender had ended before it was killed")
    return outcome


def _change(workspace: Workspace, messages: int) -> None:
    changes = [
        ScoreChange(f"account-{n}", {"risk_level": "low"}, {"risk_level": "high"})
        for n in range(messages)
    ]
    with closing(open_store(workspace.store)) as store, store.writing() as connection:
        record_changes(connection, "tiny", "run-1", "run", changes)


def _waiting(workspace: Workspace) -> int:
    from npsight.store.deliveries import counts

    with closing(open_store(workspace.store)) as store:
        return sum(c.get("pending", 0) for c in counts(store, "tiny").values())


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, **THREADS, ALLOW_VARIABLE: url.rstrip("/"), MASTER_VARIABLE: MASTER}


def _npsight(workspace: Workspace, *words: str) -> list[str]:
    command = [str(Path(sys.executable).with_name("npsight")), *words]
    return [*command, "-c", str(workspace.config)]


def _webhook(workspace: Workspace, url: str) -> None:
    command = _npsight(workspace, "webhooks", "add", url, "--name", "chaos")
    subprocess.run(command, env=_environment(url), check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _deliverer(workspace: Workspace, url: str) -> Iterator[subprocess.Popen[bytes]]:
    command = _npsight(workspace, "deliver", "--follow")
    with subprocess.Popen(command, env=_environment(url), stdout=subprocess.DEVNULL) as sender:
        yield sender


@contextmanager
def _receiver(inbox: Inbox) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            promised = int(self.headers["Content-Length"])
            body = self.rfile.read(promised)
            if len(body) < promised:  # the sender died in the middle of its request
                self.close_connection = True
                return
            inbox.take(self.headers["webhook-id"], body)
            time.sleep(0.02)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _until(done: object, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
