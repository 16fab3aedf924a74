"""Twins of one write in two real processes have one effect; a killed process blocks no retry."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from tiny_project import make_project

from npsight.store import create_key, open_store, store_file

HELPERS = Path(__file__).parents[1] / "helpers"
TWINS = 25
CHILD = """
import sys, threading, time
from pathlib import Path
import npsight.service.app as app_module
from npsight.service.endpoints import Endpoint
from npsight.service.problems import Json, request_id
from npsight.service.state import Live, load_state
from api_client import TestClient

config, key, effects, seconds, deadline, count = sys.argv[1:]

async def handler(api, request):
    def work():
        with open(effects, "a") as file:
            file.write("effect\\n")
        print("working", flush=True)
        time.sleep(float(seconds))
    await api.threaded(work)
    return Json({"request_id": request_id(request)})

app_module.ENDPOINTS = (Endpoint("POST", "/v1/test", "test", "write", handler, writes=True),)
app = app_module.build_app(Live(load_state(Path(config))), deadline=float(deadline))
headers = {"X-API-Key": key, "Idempotency-Key": "one-key"}
told = []
with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
    def twin():
        answer = client.post("/v1/test", json={"a": 1})
        told.append(f"{answer.status_code} {answer.json()['request_id']}")
    print("ready", flush=True)
    sys.stdin.readline()
    twins = [threading.Thread(target=twin) for _ in range(int(count))]
    [one.start() for one in twins]
    [one.join() for one in twins]
print("\\n".join(told))
"""


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, str, Path]:
    """Project file, a key that may write, and the file of effects."""
    config = make_project(tmp_path, count=3)
    store = open_store(store_file(tmp_path / "state"))
    key, _ = create_key(store, "tiny", "crm", ["write"])
    store.close()
    return config, key, tmp_path / "effects"


def child(world, seconds: float, deadline: float = 25, count: int = 1) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, *map(str, (*world, seconds, deadline, count))]
    environment = {**os.environ, "PYTHONPATH": str(HELPERS)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = subprocess.Popen(command, env=environment, **pipes)
    assert started.stdout.readline() == "ready\n"
    return started


def go(process: subprocess.Popen[str]) -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


def told(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return [line for line in out.splitlines() if line[:1].isdigit()]


def test_fifty_twins_in_two_processes_have_one_effect(world) -> None:
    processes = [child(world, 0.5, count=TWINS) for _ in range(2)]
    for process in processes:
        go(process)
    answers = [line.split() for process in processes for line in told(process)]
    assert len(answers) == 2 * TWINS
    assert world[2].read_text() == "effect\n"
    statuses = Counter(status for status, _ in answers)
    assert set(statuses) <= {"200", "503"}
    assert statuses["503"] > 0
    assert len({identity for status, identity in answers if status == "200"}) == 1


def test_a_killed_process_blocks_no_retry(world) -> None:
    killed = child(world, 60, deadline=0.5)
    go(killed)
    assert killed.stdout.readline() == "working\n"
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    statuses = []
    for _ in range(20):
        retry = child(world, 0, deadline=0.5)
        go(retry)
        statuses += [line.split()[0] for line in told(retry)]
        if statuses[-1] == "200":
            break
        time.sleep(0.2)
    assert statuses[-1] == "200"
    assert set(statuses[:-1]) <= {"503"}
    assert world[2].read_text() == "effect\n" * 2
