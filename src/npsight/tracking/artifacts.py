"""A run's files, into the registry and out of it.

Those of a registry in the state folder lie beside it, wherever the folder is: MLflow's database
names the place where it was made, so that a copy would write into the original's files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from npsight.tracking.cache import read_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


OWN = "mlartifacts"


def put_files(
    client: MlflowClient, run_id: str, files: Mapping[str, bytes], own: Path | None
) -> None:
    """Keep files with a run, under their relative paths; `own` is the folder of one's own files."""
    if own is not None:
        return _write(_folder(own, run_id), files)
    with tempfile.TemporaryDirectory(prefix="npsight-") as folder:
        _write(Path(folder), files)
        client.log_artifacts(run_id, folder)


def get_files(client: MlflowClient, run: Run, name: str, own: Path | None) -> dict[str, bytes]:
    """The files in a folder of a run by name; none where they are gone."""
    if own is not None:
        folder = _folder(own, run.info.run_id) / name
        if folder.is_dir():
            return read_folder(folder)
    address = urlsplit(f"{run.info.artifact_uri}/{name}")
    if address.scheme in ("", "file"):
        local = Path(url2pathname(address.path))
        return read_folder(local) if local.is_dir() else {}
    with tempfile.TemporaryDirectory(prefix="npsight-") as fetched:
        return read_folder(Path(client.download_artifacts(run.info.run_id, name, fetched)))


def _folder(own: Path, run_id: str) -> Path:
    """Where MLflow keeps a run's files below the place of its experiment."""
    return own / run_id / "artifacts"


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError(f"{name!r} is no path within a run")
        path = Path(folder, *relative.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
