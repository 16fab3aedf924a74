"""The model registry is away: at the start, hanging, and dead while callers ask."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.chaos.load import Load
from benchmarks.chaos.outcome import Outcome
from benchmarks.chaos.running import NO_TLS, START_SECONDS, THREADS, Running, free_port, served
from benchmarks.chaos.workspace import Workspace, make_workspace
from npsight.config.runtime import REGISTRY_VARIABLE
from npsight.tracking import CHAMPION, Tracking


def away_from_the_start(folder: Path, seconds: float = 10.0) -> Outcome:
    """A registry that refuses, then one that accepts and never answers."""
    outcome = Outcome("registry away at start")
    workspace = make_workspace(folder)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        hanging = f"http://127.0.0.1:{silent.getsockname()[1]}"
        dead = f"http://127.0.0.1:{free_port()}"
        for kind, uri in (("dead", dead), ("hanging", hanging)):
            with served(workspace, {REGISTRY_VARIABLE: uri}) as running:
                load = Load(running, workspace)
                with load.on():
                    time.sleep(seconds)
                outcome.must(_says(running), f"readiness does not say that it is {kind}")
            outcome.count(f"scores with it {kind}", load.counts["scores"])
            outcome.count(f"failed with it {kind}", load.failed)
            outcome.must(load.failed == 0, f"requests failed: {dict(load.failures)}")
            outcome.must(load.counts["scores"] > 0, "nothing was scored")
            outcome.must(load.counts["wrong"] == 0, "wrong scores")
    return outcome


def lost_under_load(folder: Path, seconds: float = 10.0) -> Outcome:
    """A real MLflow server gives the champion, gets another, hangs, and is killed."""
    outcome = Outcome("registry lost under load (MLflow server)")
    workspace = make_workspace(folder)
    with _mlflow_server(folder / "registry") as (uri, server):
        tracking = Tracking("tiny", workspace.state_dir, uri)
        first, second = (_register(tracking, workspace, number) for number in (1, 2))
        tracking.set_alias(CHAMPION, first)
        with served(workspace, {REGISTRY_VARIABLE: uri}) as running:
            outcome.must(running.wait_for(first), "the registry's champion is not served")
            load = Load(running, workspace)
            with load.on():
                tracking.set_alias(CHAMPION, second)
                outcome.must(running.wait_for(second), "its new champion was not taken up")
                os.killpg(server.pid, signal.SIGSTOP)
                time.sleep(seconds)
                outcome.must(_says(running), "readiness does not say that it hangs")
                _kill(server)
                time.sleep(seconds)
                outcome.must(_says(running), "readiness does not say that it is gone")
                outcome.must(running.ready().get("model_version") == second, "another is served")
    outcome.count("swaps from it", 2)
    outcome.count("requests", load.counts["requests"])
    outcome.count("failed", load.failed)
    outcome.count("wrong scores", load.counts["wrong"])
    outcome.must(load.failed == 0, f"requests failed: {dict(load.failures)}")
    outcome.must(load.counts["wrong"] == 0, "wrong scores")
    return outcome


def _says(running: Running) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if any(t["part"] == "registry" for t in running.ready().get("degraded", ())):
            return True
        time.sleep(0.2)
    return False


def _register(tracking: Tracking, workspace: Workspace, number: int) -> int:
    run_id = tracking.start_run("train", {})
    version = tracking.register(run_id, workspace.champions[number])
    tracking.finish(run_id)
    return version


@contextmanager
def _mlflow_server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    folder.mkdir(parents=True)
    port = free_port()
    command = [str(Path(sys.executable).with_name("mlflow")), "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            env=_environment(quiet),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    uri = f"http://127.0.0.1:{port}"
    try:
        _wait(uri, server)
        yield uri, server
    finally:
        _kill(server)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **THREADS, **more}


def _wait(uri: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{uri}/health", verify=NO_TLS).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise TimeoutError("the MLflow server did not start")


def _kill(server: subprocess.Popen[bytes]) -> None:
    """End the server's own process group, which was made for it."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
