"""Start the service of a project, once the model it starts with has been proved elsewhere."""

from __future__ import annotations

import ipaddress
import logging
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from npsight.config.load import load_project
from npsight.config.runtime import registry_uri, serving_environment
from npsight.config.specs import ProjectSpec
from npsight.errors import ModelIntegrityError, NotFoundError, StateError
from npsight.models.bundle import unpack
from npsight.service.entrance import FACTORY, command
from npsight.service.fitting import REHEARSED, missing_names
from npsight.service.listens import check_free, wait_until_listened
from npsight.service.offered import Files, champion_offered, claimed_digest
from npsight.service.standing import Standing
from npsight.service.verify import SECONDS, fingerprint, prove
from npsight.store import keys_of, open_project_store
from npsight.store.watched import some_inputs
from npsight.tracking import read_cached, write_cached
from npsight.tracking.cache import SERVED

log = logging.getLogger(__name__)
Say = Callable[[str], None]
Child = subprocess.Popen[bytes]
Greet = Callable[[ProjectSpec, str], Sequence[str]]


def silent(_: str) -> None:
    """Nobody listens."""


def nothing(_project: ProjectSpec, _address: str) -> Sequence[str]:
    """Nothing more to say."""
    return ()


def serve(
    config: Path,
    host: str = "127.0.0.1",
    port: int = 3000,
    workers: int = 1,
    say: Say = silent,
    factory: str = FACTORY,
    greet: Greet = nothing,
) -> int:
    """Serve until SIGINT or SIGTERM; requests under way are finished. Returns the exit code.

    `say` is called with a line on what is done and how to call the service, the last one once it
    can be called. `factory` makes the
    application of a worker: this API, or it with pages beside it. `greet` is asked, once a model is
    proved, for lines to say beside; what it raises ends the start.

    Raises
    ------
    NotFoundError
        There is no champion.
    ModelIntegrityError
        The champion is damaged, and no earlier one was served here; nothing was started.
    StateError
        The store cannot be opened.
    NpsightError
        The address cannot be listened on.
    """
    project = load_project(config)
    check_free(host, port)
    say("proving the model in a process of its own")
    version = prepare(project)
    warn_of_address(host)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}"
    greeting = greet(project, address)
    for line in greeting:
        say(line)
    if not has_key(project):
        say(f"nobody has a key yet: npsight keys create NAME --scope score -c {project.file}")

    def wait(child: Child) -> None:
        if wait_until_listened(host, port, lambda: child.poll() is not None):
            say(f"{project.name}, model version {version}, is served at {address}; Ctrl-C ends")

    return _run(command(host, port, workers, factory), serving_environment(config, workers), wait)


def prepare(project: ProjectSpec) -> int:
    """Have a proved model in `served` and a store that opens; returns the model's version.

    Tried in this order: the champion that the registry offers, the one that was promoted on this
    machine, the one that was served last. The first that is proved and reads only what the latest
    run has stored is taken, else the first that is proved. The service says by itself, soon after
    its start, what it holds against a champion that was passed over.
    """
    with closing(open_project_store(project)) as store:
        _, inputs = some_inputs(store, project.name, REHEARSED)
    refusals: list[ModelIntegrityError | StateError] = []
    proved: list[tuple[int, Files]] = []
    for version, files in _candidates(project, refusals):
        try:
            prove(files, SECONDS, f"version {version}")
        except ModelIntegrityError as error:
            log.warning("version %s is passed over: %s", version, error)
            refusals.append(error)
            continue
        missing = missing_names(unpack(files), inputs)
        proved.insert(len(proved) if missing else 0, (version, files))
        if not missing:
            break
    if not proved:
        raise refusals[0] if refusals else _no_champion(project)
    _keep(project, *proved[0])
    return proved[0][0]


def has_key(project: ProjectSpec) -> bool:
    """Whether any key of the project is live."""
    now = datetime.now(UTC)
    with closing(open_project_store(project)) as store:
        return any(key.state(now) == "live" for key in keys_of(store, project.name))


def _candidates(
    project: ProjectSpec, refusals: list[ModelIntegrityError | StateError]
) -> Iterator[tuple[int, Files]]:
    """Version and files of what may be served, best first; what cannot be read is a refusal."""
    readers: tuple[Callable[[], tuple[int, Files] | None], ...] = (
        lambda: _offered(project),
        lambda: read_cached(project.state_dir),
        lambda: read_cached(project.state_dir, SERVED),
    )
    seen: set[tuple[int, str]] = set()
    for read in readers:
        try:
            found = read()
        except (ModelIntegrityError, StateError) as error:
            log.warning("%s", error)
            refusals.append(error)
            continue
        if found is not None and (found[0], fingerprint(found[1])) not in seen:
            seen.add((found[0], fingerprint(found[1])))
            yield found


def _offered(project: ProjectSpec) -> tuple[int, Files] | None:
    standing = Standing()
    offered = champion_offered(project, registry_uri(), standing)
    if offered is None:
        if standing.troubles:
            raise StateError(
                "the model registry does not answer, and no champion was kept on this machine\n"
                "  → start the registry, then the service; later it can start without"
            )
        return None
    if offered.from_registry:
        kept = read_cached(project.state_dir, SERVED)
        if kept is not None and (kept[0], claimed_digest(kept[1])) == (
            offered.version,
            offered.digest,
        ):
            return kept
    return offered.version, offered.read()


def _keep(project: ProjectSpec, version: int, files: Files) -> None:
    try:
        kept = read_cached(project.state_dir, SERVED)
    except ModelIntegrityError:
        kept = None
    if kept is None or (kept[0], fingerprint(kept[1])) != (version, fingerprint(files)):
        write_cached(project.state_dir, version, files, SERVED)


def _no_champion(project: ProjectSpec) -> NotFoundError:
    return NotFoundError(
        f"npsight-{project.name} has no champion yet\n  → npsight train -c {project.file}"
    )


def warn_of_address(host: str) -> None:
    """Say what it means to listen on more than this machine."""
    if not is_loopback(host):
        log.warning(
            "listening on %s: other machines reach the service, and without TLS keys and scores "
            "can be read on the way. Put a proxy with TLS before it and listen on 127.0.0.1; see "
            "docs/serving.md",
            host,
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _run(
    command: list[str], environment: dict[str, str], meanwhile: Callable[[Child], None]
) -> int:
    child = subprocess.Popen(command, env=environment, start_new_session=True)

    def drain(_signal: int, _frame: FrameType | None) -> None:
        child.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, drain) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        meanwhile(child)
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    # Ended by our own request is no failure.
    return 0 if code in (-signal.SIGTERM, -signal.SIGINT) else code
