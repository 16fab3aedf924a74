"""An environment of its own for Featuretools, made once from pinned versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.features.data import dataset_of
from benchmarks.features.measure import Measured, repeated
from benchmarks.features.workloads import MEASURES, Workload

REQUIREMENTS = Path(__file__).with_name("featuretools-requirements.txt")
SCRIPT = Path(__file__).with_name("infeaturetools.py")


def python_of(folder: Path) -> Path:
    """The environment's Python, made anew when the pinned versions have changed.

    Raises subprocess.CalledProcessError when the packages cannot be installed.
    """
    python, made = folder / "bin" / "python", folder / "made-from.txt"
    wanted = REQUIREMENTS.read_text()
    if not made.exists() or made.read_text() != wanted:
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "-p", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
        subprocess.run([*install, "--requirement", str(REQUIREMENTS)], check=True)
        made.write_text(wanted)
    return python


def measure_featuretools(
    workload: Workload, folder: Path, result: Path, venv: Path, runs: int = 1
) -> Measured:
    """Featuretools as `measure` does the other ways."""
    data = dataset_of(workload, folder)
    files = [str(path) for path in (data.whole, data.spine(workload), result)]
    windows = [str(days) for days in workload.windows]
    command = [str(python_of(venv)), str(SCRIPT), *files, "--measures", *MEASURES]
    return repeated([*command, "--windows", *windows], workload.spine_rows, runs)
