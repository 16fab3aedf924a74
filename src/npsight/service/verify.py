"""Prove a bundle in a process of its own: a damaged LightGBM file kills who loads it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from npsight.errors import ModelIntegrityError, NpsightError
from npsight.models.bundle import check_golden, unpack, verify
from npsight.tracking.cache import read_folder

SECONDS = 60.0
LARGEST_MEMORY = 8 * 2**30
"""Bytes of address space: a damaged file may ask for all there is."""
LARGEST_OUTPUT = 1_000_000


class UnprovenError(ModelIntegrityError):
    """A bundle that could not be proved for a reason that need not be its own: it was too slow,
    or its process was ended from outside.
    """


def verify_in_child(folder: Path, seconds: float = SECONDS) -> None:
    """Prove the bundle in a folder; see `prove`."""
    prove(read_folder(folder), seconds, str(folder))


def prove(
    files: Mapping[str, bytes],
    seconds: float = SECONDS,
    called: str = "the model bundle",
    stop: threading.Event | None = None,
) -> None:
    """Check digests here, then load and score the golden rows in a child process.

    The child reads a copy of these very bytes, so that what is proved is what is served.

    Parameters
    ----------
    seconds
        After them the child is killed.
    stop
        Once set, the child is killed.

    Raises
    ------
    ModelIntegrityError
        The files are altered, the child was killed, or scored differently.
    UnprovenError
        The child took too long, or was ended by somebody else.
    """
    verify(files)
    with tempfile.TemporaryDirectory(prefix="npsight-") as folder:
        for name, content in files.items():
            Path(folder, Path(name).name).write_bytes(content)
        command = [sys.executable, "-m", "npsight.service.verify", folder, f"{seconds:g}"]
        ended = _run(command, seconds, stop)
    if ended.code is None:
        raise _unfit(called, f"loading it took more than {seconds:g} seconds", UnprovenError)
    if ended.code == ModelIntegrityError.exit_code:
        raise ModelIntegrityError(ended.said)
    if ended.code in (-signal.SIGTERM, -getattr(signal, "SIGKILL", signal.SIGTERM)):
        raise _unfit(called, "the process that loaded it was ended from outside", UnprovenError)
    if ended.code < 0:
        raise _unfit(called, f"loading it killed the process (signal {-ended.code})")
    if ended.code != 0:
        lines = ended.said.splitlines() or ["no reason given"]
        raise _unfit(called, f"loading it failed ({lines[-1][:200]})")
    if ended.printed != fingerprint(files):
        raise _unfit(called, "the process that loaded it read other files", UnprovenError)


def fingerprint(files: Mapping[str, bytes]) -> str:
    """SHA-256 of all names and contents, whatever the manifest says."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return total.hexdigest()


@dataclass(frozen=True)
class _Ended:
    """`code` is None for a child that ran out of time."""

    code: int | None
    printed: str = ""
    said: str = ""


def _run(command: list[str], seconds: float, stop: threading.Event | None) -> _Ended:
    deadline = time.monotonic() + seconds
    # Files rather than pipes: a child that never stops talking must not fill our memory.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        try:
            while child.poll() is None:
                if time.monotonic() > deadline or (stop is not None and stop.is_set()):
                    return _Ended(None)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(0.05)
            return _Ended(child.returncode, _tail(out), _tail(err))
        finally:
            child.kill()
            child.wait()


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 4000, 0))
    return file.read().decode(errors="replace").strip()


def main(folder: Path, seconds: float) -> int:
    """What the child does; returns its exit code."""
    _limit(seconds)
    try:
        files = read_folder(folder)
        check_golden(unpack(files), files)
    except NpsightError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(fingerprint(files))
    return 0


def _limit(seconds: float) -> None:
    """Hold the child in bounds, also when its parent is gone, and behind those who answer."""
    if sys.platform == "win32":
        return
    import resource

    os.nice(5)
    signal.alarm(int(seconds) + 5)
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, LARGEST_MEMORY),
        (resource.RLIMIT_FSIZE, LARGEST_OUTPUT),
    ):
        _, hard = resource.getrlimit(what)
        bounded = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bounded, hard))


def _unfit(
    called: str, what: str, kind: type[ModelIntegrityError] = ModelIntegrityError
) -> ModelIntegrityError:
    return kind(
        f"{called}: the model cannot be served: {what}\n"
        "  → promote another version (`npsight promote`), or train again"
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
