"""Start the service of a project, once its champion has been proved elsewhere."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from npsight.config.load import load_project
from npsight.config.runtime import registry_uri, serving_environment
from npsight.config.specs import ProjectSpec
from npsight.errors import NotFoundError, StateError
from npsight.service.verify import verify_in_child
from npsight.store import open_store, store_file
from npsight.tracking import Tracking
from npsight.tracking.cache import cached_folder

log = logging.getLogger(__name__)


def serve(config: Path, host: str = "127.0.0.1", port: int = 3000) -> int:
    """Serve until SIGINT or SIGTERM; requests under way are finished. Returns the exit code.

    Raises
    ------
    NotFoundError
        There is no champion.
    ModelIntegrityError
        The champion is damaged; nothing was started.
    StateError
        The store cannot be opened.
    """
    project = load_project(config)
    prepare(project)
    command = [sys.executable, "-m", "bentoml", "serve", "npsight.service.bento:NpsightService"]
    command += ["--host", host, "--port", str(port)]
    return _run(command, serving_environment(config))


def prepare(project: ProjectSpec) -> None:
    """Have a proved champion in the cache and a store that opens."""
    folder = _champion(project)
    verify_in_child(folder)
    open_store(store_file(project.state_dir)).close()


def _champion(project: ProjectSpec) -> Path:
    """Folder of the cached champion, fetched anew where a registry of one's own is named."""
    uri = registry_uri()
    found = cached_folder(project.state_dir)
    if uri is not None or found is None:
        try:
            Tracking(project.name, project.state_dir, uri).load_champion()
        except StateError as error:
            if found is None:
                raise
            log.warning("the cached champion is served, for the registry is away: %s", error)
        found = cached_folder(project.state_dir)
    if found is None:
        raise NotFoundError(
            f"npsight-{project.name} has no champion yet\n  → npsight train -c {project.file}"
        )
    return found[1]


def _run(command: list[str], environment: dict[str, str]) -> int:
    child = subprocess.Popen(command, env=environment, start_new_session=True)

    def drain(_signal: int, _frame: FrameType | None) -> None:
        child.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, drain) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    # Ended by our own request is no failure.
    return 0 if code in (-signal.SIGTERM, -signal.SIGINT) else code
