"""Fetch a registered bundle in a process of its own, under a time limit.

MLflow stays out of the process that asks, and a registry that hangs costs it that limit at most.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from npsight.config.runtime import REGISTRY_VARIABLE
from npsight.errors import ModelIntegrityError, NpsightError, StateError
from npsight.tracking.cache import read_folder

SECONDS = 60.0


def fetch_bundle(
    project: str, state_dir: Path, tracking_uri: str | None, version: int, seconds: float = SECONDS
) -> dict[str, bytes]:
    """The files of a version, unverified.

    Raises
    ------
    ModelIntegrityError
        The version is registered, but its files are gone.
    StateError
        The registry cannot be used, or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="npsight-") as folder:
        command = [sys.executable, "-m", "npsight.tracking.fetch"]
        command += [project, str(state_dir.resolve()), str(version), folder]
        # The address may hold a password: it is told in the environment, which others cannot list.
        environment = {**os.environ, REGISTRY_VARIABLE: tracking_uri or ""}
        try:
            child = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise StateError(
                f"version {version} could not be fetched from the registry within {seconds:g} "
                "seconds\n  → check that its artifact store is reachable"
            ) from None
        if child.returncode == 0:
            return read_folder(Path(folder))
        said = child.stderr.decode(errors="replace").strip() or f"exit code {child.returncode}"
        if child.returncode == ModelIntegrityError.exit_code:
            raise ModelIntegrityError(said)
        raise StateError(said[-1000:])


def main(project: str, state_dir: Path, version: int, folder: Path) -> int:
    """What the child does; returns its exit code."""
    from npsight.config.runtime import registry_uri
    from npsight.tracking.tracking import Tracking

    try:
        files = Tracking(project, state_dir, registry_uri()).load_bundle(version)[1]
    except NpsightError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for name, content in files.items():
        (folder / Path(name).name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
