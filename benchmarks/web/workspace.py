"""A project whose store holds many scored accounts, and its pages in a process of their own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx

from benchmarks.web.company import RUN, scored
from npsight.store import Store, open_store, store_file
from npsight.store import store as storing
from npsight.store.users import User, add_user
from npsight.web.passwords import hashed

ROOT = Path(__file__).resolve().parents[2]
HELPERS = ROOT / "tests" / "helpers"
if str(HELPERS) not in sys.path:
    sys.path.insert(0, str(HELPERS))

from tiny_project import make_project  # noqa: E402

VARIABLE = "NPSIGHT_BENCH_DATABASE"
PASSWORD = uuid.uuid4().hex
READY_SECONDS = 120
Say = Callable[[str], None]


@dataclass(frozen=True)
class Workspace:
    """A project file, and what its processes find in their environment."""

    config: Path
    environment: dict[str, str]


@dataclass(frozen=True)
class WriteCost:
    """Seconds of processor time to write a run with and without the worklist's rows."""

    accounts: int
    whole: float
    without: float


def prepare(folder: Path, url: str | None, accounts: int, say: Say) -> Workspace:
    """A project with so many accounts in SQLite, or in the database of the address."""
    folder = folder / ("sqlite" if url is None else "postgres")
    config = folder / "tiny.yaml"
    if not config.exists():
        make_project(folder)
        with config.open("a") as lines:
            lines.write("pages: {currency: €}\n")
            if url is not None:
                lines.write(f"database: {VARIABLE}\n")
    address = url or f"sqlite:///{store_file(folder / 'state')}"
    with closing(open_store(address)) as store:
        if all(run.id != RUN.id for run in store.runs("tiny")):
            say(f"writing {accounts:,} accounts")
            store.write_run(_run(folder), scored(accounts), [])
        _add_user(store)
    return Workspace(config, {} if url is None else {VARIABLE: url})


def write_cost(folder: Path, url: str | None, accounts: int) -> WriteCost:
    """What the worklist's rows add to a run whose accounts are known already."""
    folder.mkdir(parents=True, exist_ok=True)
    address = url or f"sqlite:///{folder / 'writes.db'}"
    rows = list(scored(accounts))
    project = uuid.uuid4().hex
    with closing(open_store(address)) as store:
        _timed(store, project, rows, 0)
        whole = _timed(store, project, rows, 1)
        kept = storing.WorklistWriter
        storing.WorklistWriter = _NoRows  # type: ignore[misc,assignment]
        try:
            without = _timed(store, project, rows, 2)
        finally:
            storing.WorklistWriter = kept  # type: ignore[misc]
    return WriteCost(accounts, whole, without)


class _NoRows:
    """Writes no rows of the worklist."""

    def __init__(self, *_: object) -> None: ...

    def add(self, _: object) -> None: ...

    def finish(self) -> None: ...


def _timed(store: Store, project: str, rows: list, number: int) -> float:  # type: ignore[type-arg]
    at = RUN.as_of + timedelta(days=number)
    run = replace(RUN, id=uuid.uuid4().hex, project=project, as_of=at)
    start = time.process_time() if store.is_local else time.perf_counter()
    store.write_run(run, rows, [])
    return (time.process_time() if store.is_local else time.perf_counter()) - start


def _run(folder: Path):  # type: ignore[no-untyped-def]
    with closing(open_store(store_file(folder / "state"))) as store:
        made = store.runs("tiny")[-1]
    return replace(RUN, model_digest=made.model_digest, peers=made.peers)


def _add_user(store: Store) -> None:
    login = f"bench-{uuid.uuid4().hex[:8]}"
    user = User(uuid.uuid4().hex, login, "Bench", "csm", "Owner 0007")
    add_user(store, "tiny", user, hashed(PASSWORD), "benchmark")
    os.environ["NPSIGHT_BENCH_LOGIN"] = login


@contextmanager
def served(workspace: Workspace) -> Iterator[httpx.Client]:
    """A browser that is signed in to the pages of a new process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.web.server", str(workspace.config), str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **workspace.environment})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _sign_in(client, process)
            yield client
    finally:
        process.terminate()
        process.wait()


def _sign_in(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            page = client.get("/sign-in")
            break
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the pages did not start") from None
            time.sleep(0.2)
    form = {"login": os.environ["NPSIGHT_BENCH_LOGIN"], "password": PASSWORD}
    token = re.search(r'name="csrf" value="([^"]+)"', page.text)
    answer = client.post("/sign-in", data=form | ({"csrf": token[1]} if token else {}))
    if answer.status_code != 303:
        raise SystemExit(f"signing in failed ({answer.status_code})")
