"""Servers as processes on free ports, and what they cost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.service.contenders import HOST, Server
from benchmarks.service.load import ROOT
from benchmarks.service.servers.model import MODEL
from benchmarks.service.workspace import Workspace
from npsight.config.runtime import serving_environment

START_SECONDS = 180.0
STOP_SECONDS = 40.0


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def family(self) -> list[psutil.Process]:
        """The process and all it started."""
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Processor time that the family has used so far."""
        return sum(sum(member.cpu_times()[:2]) for member in self.family)

    def resident_bytes(self) -> int:
        """Memory that the family occupies."""
        return sum(member.memory_info().rss for member in self.family)


@contextmanager
def running(servers: Sequence[Server], workspace: Workspace) -> Iterator[dict[str, Running]]:
    """The servers by name, once all answer; ended afterwards."""
    with ExitStack() as ends:
        started = {server.name: _start(server, workspace, ends) for server in servers}
        for server in servers:
            _wait(server, started[server.name])
        yield started


def _start(server: Server, workspace: Workspace, ends: ExitStack) -> Running:
    port = _free_port()
    environment = {
        **serving_environment(workspace.folder / server.config),
        MODEL: str(workspace.model),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # The servers run the same npsight as this process, also where another one is installed.
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(
            os.pathsep
        ),
        # MLflow starts `uvicorn` by its name.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    log = ends.enter_context((workspace.folder / f"{server.name}.log").open("wb"))
    process = subprocess.Popen(
        server.command(workspace, port),
        env=environment,
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    ends.callback(_end, process)
    return Running(process, port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait(server: Server, started: Running) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and started.process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{started.port}{server.ready}", timeout=5):
                return
        except urllib.error.HTTPError as error:
            # A path of another method or a key that is missing: it answers.
            if error.code < 500:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{server.name} did not start; see its log in the benchmark's folder")


def _end(process: subprocess.Popen[bytes]) -> None:
    """The server and its children: they are a session of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None or number == signal.SIGKILL:
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                return
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
