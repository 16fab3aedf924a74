"""The champion's bundle beside the service, so that it starts without a registry.

Two bundles are kept: in `champion` the one that was promoted last, in `served` the one that a
service has proved and served last. Only a service writes the second, so that it can start again
from a model that worked, whatever was promoted since.

`current.json` names the folder that counts. It is replaced in one step, so a reader sees the old
bundle or the new one, whole, whenever a writer dies.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from npsight.errors import ModelIntegrityError, StateError

FOLDER = "champion"
SERVED = "served"
POINTER = "current.json"


def write_cached(
    state_dir: Path, version: int, files: Mapping[str, bytes], kind: str = FOLDER
) -> Path:
    """Make `files` the cached champion, or the one that is served; returns their folder.

    Give only files that were proved: loaded, with their golden rows scored.

    Raises
    ------
    StateError
        The folder cannot be written; the old champion stays.
    """
    cache = state_dir / kind
    target = cache / f"{version}-{uuid.uuid4().hex[:12]}"
    try:
        target.mkdir(parents=True)
        for name, content in files.items():
            _write(target / name, content)
        fresh = cache / f"{POINTER}.{target.name}"
        _write(fresh, json.dumps({"version": version, "folder": target.name}).encode())
        before = _pointer(cache)
        os.replace(fresh, cache / POINTER)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise StateError(
            f"{cache}: the champion cannot be cached ({error.strerror})\n"
            "  → check free space and permissions there"
        ) from None
    # The one before stays for readers that have just looked up its name.
    kept = {target.name, before[1] if before else ""}
    for entry in cache.iterdir():
        if entry.is_dir() and entry.name not in kept:
            shutil.rmtree(entry, ignore_errors=True)
    return target


def cached_folder(state_dir: Path, kind: str = FOLDER) -> tuple[int, Path] | None:
    """Version and folder of the cached champion; None where none was cached."""
    found = _pointer(state_dir / kind)
    return None if found is None else (found[0], state_dir / kind / found[1])


def read_cached(state_dir: Path, kind: str = FOLDER) -> tuple[int, dict[str, bytes]] | None:
    """Version and files of the cached champion, unverified; None where none was cached."""
    found = cached_folder(state_dir, kind)
    if found is None:
        return None
    version, folder = found
    return version, read_folder(folder)


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name."""
    try:
        return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}
    except OSError as error:
        raise ModelIntegrityError(
            f"{folder}: the cached champion cannot be read ({error.strerror})\n"
            "  → cache it again: npsight promote -c FILE"
        ) from None


def _pointer(cache: Path) -> tuple[int, str] | None:
    try:
        content = json.loads((cache / POINTER).read_bytes())
        return int(content["version"]), Path(str(content["folder"])).name
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise ModelIntegrityError(
            f"{cache / POINTER}: does not name a champion\n"
            "  → delete the file, then: npsight promote -c FILE"
        ) from None


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
