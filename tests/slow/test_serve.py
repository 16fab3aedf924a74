"""The real BentoML process: starts, scores, is measured, drains; and refuses a damaged champion."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tiny_project import make_project

from npsight.store import create_key, open_store, store_file

START_SECONDS = 180.0
SERVE = (
    "import sys; from pathlib import Path;"
    "from npsight.errors import NpsightError; from npsight.service.serve import serve\n"
    "try:\n    sys.exit(serve(Path(sys.argv[1]), port=int(sys.argv[2])))\n"
    "except NpsightError as error:\n    print(error, file=sys.stderr)\n"
    "    sys.exit(error.exit_code)"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("served"), count=1000)


@pytest.fixture
def served(config: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(config), str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, env=dict(os.environ), **pipes)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            # Without TLS: reading all certificates takes 20 ms of work each time.
            if httpx.get(f"{address}/readyz", verify=False).status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.2)
    yield process, address
    if process.poll() is None:
        process.terminate()
        process.communicate(timeout=60)


def test_the_process_scores_is_measured_and_drains(config: Path, served) -> None:
    process, address = served
    store = open_store(store_file(config.parent / "state"))
    rows = {row.account: row for row in store.scores("run-1")}
    key, _ = create_key(store, "tiny", "tests", ["admin"])
    store.close()
    headers = {"X-API-Key": key}
    url = f"{address}/v1/score"
    answer = httpx.post(url, json={"accounts": list(rows)[:50]}, headers=headers).json()
    for result in answer["results"]:
        risk = rows[result["account"]].detractor_risk
        assert result["detractor_risk"] == pytest.approx(risk, abs=1e-9)
    assert len(answer["results"]) == 50
    assert httpx.get(f"{address}/healthz").status_code == 200
    assert "tagmanager" not in httpx.get(f"{address}/").text
    assert httpx.get(f"{address}/nope").headers["content-type"] == "application/problem+json"
    assert httpx.get(f"{address}/metrics").status_code == 401
    metrics = httpx.get(f"{address}/metrics", headers=headers).text
    assert 'npsight_accounts_scored_total{status="ok"} 50.0' in metrics

    answers: list[httpx.Response] = []

    def ask() -> None:
        body = {"accounts": list(rows), "drivers": True}
        answers.append(httpx.post(url, json=body, headers=headers, timeout=60))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.15)
    assert not answers, "the request was over before the signal: ask for more"
    process.send_signal(signal.SIGTERM)
    asking.join()
    assert [a.status_code for a in answers] == [200]
    assert len(answers[0].json()["results"]) == 1000
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Secret Name" not in output
    assert "a/1 " not in output
    assert key not in output


def test_a_damaged_champion_is_refused_with_exit_code_6(tmp_path: Path) -> None:
    config = make_project(tmp_path, count=3)
    (file,) = tmp_path.glob("state/champion/*/detractor.lgb.txt")
    file.write_bytes(file.read_bytes()[:-100])
    command = [sys.executable, "-c", SERVE, str(config), str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 6
    assert "not as written: detractor.lgb.txt" in done.stderr
    assert "Traceback" not in done.stderr
