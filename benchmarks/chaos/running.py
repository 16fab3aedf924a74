"""The service as a process of its own: started, asked, looked at, stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.chaos.workspace import Workspace

START_SECONDS = 180.0
HELPING = ("npsight.service.verify", "npsight.tracking.fetch")
"""Child processes that come and go while a champion is looked at."""
NO_TLS = False
"""For httpx's `verify`: on loopback nothing is encrypted, and reading all certificates takes 20 ms
of work for each client."""
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


class Running:
    """A started service."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, key: str, log: Path) -> None:
        self.process = process
        self.address = address
        self.headers = {"Authorization": f"Bearer {key}"}
        self.log = log

    def client(self, timeout: float = 60.0) -> httpx.Client:
        """A caller that may do everything."""
        return httpx.Client(
            base_url=self.address, headers=self.headers, timeout=timeout, verify=NO_TLS
        )

    def ready(self) -> dict[str, Any]:
        """What `/readyz` says; {} while nobody answers."""
        try:
            return dict(httpx.get(f"{self.address}/readyz", timeout=30, verify=NO_TLS).json())
        except (httpx.TransportError, ValueError):
            return {}

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until it answers; raises TimeoutError with the end of its log."""
        deadline = time.monotonic() + seconds
        while "model_version" not in self.ready():
            if time.monotonic() > deadline or self.process.poll() is not None:
                end = self.log.read_text(errors="replace")[-2000:]
                raise TimeoutError(f"the service did not start:\n{end}")
            time.sleep(0.1)

    def wait_for(self, version: int, seconds: float = 120.0) -> bool:
        """Wait until a version is served."""
        return self._wait(lambda said: said.get("model_version") == version, seconds)

    def wait_refused(self, version: int, seconds: float = 120.0) -> bool:
        """Wait until a version is refused, or served after all; returns whether it is refused."""

        def decided(said: Mapping[str, Any]) -> bool:
            offered = [t["offered_version"] for t in said.get("degraded", ())]
            return version in offered or said.get("model_version") == version

        self._wait(decided, seconds)
        return self.ready().get("model_version") != version

    def _wait(self, done: Any, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not done(self.ready()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def processes(self) -> set[int]:
        """The lasting processes of the service."""
        found = set()
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if not any(helper in line for helper in HELPING):
                found.add(process.pid)
        return found

    def worker(self) -> int:
        """The process that answers: the one that listens and has no children that last."""
        lasting = self.processes()
        leaves = [
            pid
            for pid in lasting
            if not {c.pid for c in psutil.Process(pid).children()} & lasting
            and ".entrance:entrance" in " ".join(psutil.Process(pid).cmdline())
        ]
        return max(leaves)

    def kill(self) -> None:
        """Kill −9 of the whole service at once."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        for process in (psutil.Process(self.process.pid), *children):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        psutil.wait_procs(children, timeout=10)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    workspace: Workspace, environment: Mapping[str, str] | None = None, port: int | None = None
) -> Running:
    """Start `npsight serve`; wait with `wait_ready`."""
    port = port or free_port()
    log = workspace.config.parent / f"serve-{port}.log"
    command = [str(Path(sys.executable).with_name("npsight")), "serve"]
    command += ["-c", str(workspace.config), "--port", str(port)]
    with log.open("ab") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **THREADS, **(environment or {})},
        )
    return Running(process, f"http://127.0.0.1:{port}", workspace.key, log)


@contextmanager
def served(workspace: Workspace, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A service that answers, stopped at the end."""
    running = start(workspace, environment)
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()
