"""Prove a cached champion in a process of its own: a damaged LightGBM file kills who loads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from npsight.errors import ModelIntegrityError, NpsightError
from npsight.models.bundle import check_golden, unpack, verify
from npsight.tracking.cache import read_folder

SECONDS = 120.0


def verify_in_child(folder: Path, seconds: float = SECONDS) -> None:
    """Check digests here, then load and score the golden rows in a child process.

    Raises
    ------
    ModelIntegrityError
        The files are altered, the child was killed, took too long, or scored differently.
    """
    verify(read_folder(folder))
    command = [sys.executable, "-m", "npsight.service.verify", str(folder)]
    try:
        child = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise _unfit(folder, f"loading it took more than {seconds:g} seconds") from None
    if child.returncode == ModelIntegrityError.exit_code:
        raise ModelIntegrityError(child.stderr.decode(errors="replace").strip())
    if child.returncode < 0:
        raise _unfit(folder, f"loading it killed the process (signal {-child.returncode})")
    if child.returncode != 0:
        lines = child.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise _unfit(folder, f"loading it failed ({lines[-1][:200]})")


def main(folder: Path) -> int:
    """What the child does; returns its exit code."""
    try:
        files = read_folder(folder)
        check_golden(unpack(files), files)
    except NpsightError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _unfit(folder: Path, what: str) -> ModelIntegrityError:
    return ModelIntegrityError(
        f"{folder}: the model cannot be served: {what}\n"
        "  → promote another version (`npsight promote`), or train again"
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
