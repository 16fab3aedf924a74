"""The database is locked by another process, and then the disk is full."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.chaos.load import Load
from benchmarks.chaos.outcome import Outcome
from benchmarks.chaos.running import Running, served
from benchmarks.chaos.workspace import Workspace, make_workspace
from benchmarks.chaos.writes import write_once

HOLDER = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("PRAGMA busy_timeout = 60000")
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def locked_and_full(folder: Path) -> Outcome:
    """Scores go on; writes are 503 problems with Retry-After, and succeed afterwards."""
    outcome = Outcome("database locked, then full")
    workspace = make_workspace(folder)
    with served(workspace) as running:
        outcome.must(_write(running, "before")[0] == 200, "a write fails before anything is broken")
        load = Load(running, workspace)
        with load.on():
            _locked(running, workspace, outcome)
            _full(running, outcome)
        outcome.must(running.ready().get("status") == "ready", "the service is degraded")
    outcome.count("scores meanwhile", load.counts["scores"])
    outcome.count("failed", load.failed)
    outcome.must(load.failed == 0, f"scores failed: {dict(load.failures)}")
    outcome.must(load.counts["wrong"] == 0, "wrong scores")
    return outcome


def _locked(running: Running, workspace: Workspace, outcome: Outcome) -> None:
    command = [sys.executable, "-c", HOLDER, str(workspace.store)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        started = time.monotonic()
        _judge(outcome, "locked", _write(running, "locked"))
        outcome.count("seconds until it", round(time.monotonic() - started, 1))
        holder.stdin.close()
    outcome.count("after the lock", _until_written(running, "locked"))
    outcome.must(outcome.counts["after the lock"] == 200, "it does not recover from the lock")


def _full(running: Running, outcome: Outcome) -> None:
    """No file of the worker may grow: what a full disk does to it."""
    worker = running.worker()
    before = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        _judge(outcome, "full", _write(running, "full"))
    finally:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, before)
    outcome.count("after the disk", _until_written(running, "full"))
    outcome.must(outcome.counts["after the disk"] == 200, "it does not recover from a full disk")


def _judge(outcome: Outcome, kind: str, answer: tuple[int, dict[str, Any], str]) -> None:
    status, body, retry_after = answer
    outcome.count(f"{kind} answer", status)
    is_problem = status == 503 and body.get("status") == 503 and bool(body.get("code"))
    outcome.must(is_problem, f"{kind}: no 503 problem but {status} {body.get('code')}")
    outcome.must(retry_after.isdecimal(), f"{kind}: no Retry-After")


def _until_written(running: Running, name: str) -> int:
    status = 0
    for _ in range(20):
        status = _write(running, name)[0]
        if status == 200:
            break
        time.sleep(0.5)
    return status


def _write(running: Running, name: str) -> tuple[int, dict[str, Any], str]:
    with running.client() as client:
        answer = write_once(client, name, "a/1 é")
    return answer.status_code, answer.json(), answer.headers.get("retry-after", "")
