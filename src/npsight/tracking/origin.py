"""With which npsight a run was made, from which project file: tags that MLflow's pages show.

The login of who ran it is not among them: MLflow holds nothing of persons.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

SECONDS = 5.0


def origin_tags(command: str, project_file: Path) -> dict[str, str]:
    """Tags of a run of `command`; what cannot be told is left out.

    `npsight.project_file` is the SHA-256 of the project file, `mlflow.source.git.commit` the
    commit that is checked out where it lies.
    """
    return dict(_tags(command, project_file))


def _tags(command: str, project_file: Path) -> Iterator[tuple[str, str]]:
    yield "mlflow.source.name", command
    yield "mlflow.source.type", "JOB"
    yield "npsight.version", version("npsight")
    if project_file.is_file():
        yield "npsight.project_file", hashlib.sha256(project_file.read_bytes()).hexdigest()
        if commit := _commit(project_file.parent):
            yield "mlflow.source.git.commit", commit


def _commit(folder: Path) -> str:
    try:
        said = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""
