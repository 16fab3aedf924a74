"""What takes long to make, made once in a run and shared by all its workers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from npsight.tracking.lock import exclusive


def made_once(shared: Path, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first worker to ask makes, and the others wait for; only read it."""
    folder, ready = shared / name, shared / f"{name}.ready"
    with exclusive(shared / f"{name}.lock"):
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            ready.touch()
    return folder
