"""The command line as a user sees it: exit code, what was printed, and no traceback."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

WIDE = {"COLUMNS": "240", "MLFLOW_DISABLE_TELEMETRY": "true", "BENTOML_DO_NOT_TRACK": "true"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
NPSIGHT = Path(sys.executable).with_name("npsight")


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    def succeeded(self) -> Outcome:
        """Itself, after asserting that nothing went wrong."""
        assert self.code == 0, f"exit {self.code}\n{self.err}\n{self.out}"
        assert self.err == ""
        return self

    def failed(self, code: int, *words: str) -> Outcome:
        """Itself, after asserting the exit code, the words of the message, and a remedy."""
        assert self.code == code, f"exit {self.code}, not {code}\n{self.err}\n{self.out}"
        assert "Traceback" not in self.err
        missing = [word for word in words if word not in self.err]
        assert not missing, f"not said: {missing}\n{self.err}"
        assert "→" in self.err, f"no remedy is given\n{self.err}"
        return self


def npsight(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Outcome:
    """Run a command in this process, where the heavy imports are paid for once.

    An exception that the command line does not turn into a message fails the test.
    """
    from npsight.cli.app import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", ["npsight", *map(str, arguments)]))
        stack.enter_context(mock.patch.dict(os.environ, {**WIDE, **(environment or {})}))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Outcome(code, out.getvalue(), err.getvalue())


def started(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start a command in a process of its own, its output lines unbuffered."""
    return subprocess.Popen(
        [str(NPSIGHT), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **WIDE, **ONE_THREAD, **environment},
    )
