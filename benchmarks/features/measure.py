"""One way, measured in a process of its own: wall time, peak memory, and what it built."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.features.data import THREADS, Dataset, dataset_of
from benchmarks.features.workloads import KEYS, Workload

ROOT = Path(__file__).resolve().parents[2]
KILLED = (-9, 137)
MOST_SECONDS = 60
"""A way is measured again only while its runs fit in this together."""
THREAD_VARIABLES = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "ARROW_NUM_THREADS")


@dataclass(frozen=True)
class Measured:
    """Seconds from facts to frame (median of the runs), the largest resident memory of a run.

    Both are None where the way was killed for want of memory. `result` is "equal" once compared.
    """

    seconds: float | None
    peak_bytes: int | None
    spine_rows: int
    runs: int = 1
    result: str = ""

    @property
    def rows_a_second(self) -> float | None:
        """Spine rows built a second."""
        return None if self.seconds is None else self.spine_rows / self.seconds


def hundredths(frame: pd.DataFrame, workload: Workload) -> pd.DataFrame:
    """Sums as whole hundredths (int64), which is what the data's two decimals allow to compare."""
    cents = np.rint(frame[workload.columns].to_numpy(dtype=float) * 100).astype("int64")
    sums = pd.DataFrame(cents, columns=workload.columns)
    sums.insert(0, "account", frame["account"].to_numpy(dtype=object))
    sums.insert(1, "as_of", frame["as_of"].to_numpy(dtype="datetime64[us]"))
    return sums


def added_up(frame: pd.DataFrame, workload: Workload) -> pd.DataFrame:
    """The sums over all accounts: a row for each as_of, in the shape of `hundredths`."""
    whole = hundredths(frame, workload).groupby("as_of", as_index=False)[workload.columns].sum()
    whole.insert(0, "account", "")
    return whole


def difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """The first difference between two results in words; empty when they are equal."""
    if list(ours.columns) != list(theirs.columns):
        return f"columns {list(theirs.columns)} instead of {list(ours.columns)}"
    if len(ours) != len(theirs):
        return f"{len(theirs):,} rows instead of {len(ours):,}"
    for column in ours.columns:
        wrong = np.flatnonzero(ours[column].to_numpy() != theirs[column].to_numpy())
        if wrong.size:
            row = ours.loc[wrong[0], KEYS].to_dict()
            values = ours[column].iloc[wrong[0]], theirs[column].iloc[wrong[0]]
            return (
                f"{column} differs in {wrong.size:,} rows; at {row}: {values[1]}, not {values[0]}"
            )
    return ""


def measure(name: str, workload: Workload, folder: Path, result: Path, runs: int = 1) -> Measured:
    """Run a way in up to `runs` fresh processes, as `repeated`; the last leaves its `result`.

    Raises
    ------
    RuntimeError
        A run failed otherwise than for want of memory.
    """
    command = [sys.executable, "-m", "benchmarks.features.measure", name, str(folder), str(result)]
    return repeated([*command, _as_text(workload)], workload.spine_rows, runs)


def repeated(command: list[str], spine_rows: int, runs: int) -> Measured:
    """The command's own report: the median of `runs` fresh processes, or of as many as fit.

    None is begun that would take the way beyond `MOST_SECONDS`, but for the first.
    """
    reports: list[dict[str, Any]] = []
    began = time.monotonic()
    while len(reports) < runs:
        spent = time.monotonic() - began
        if reports and spent + spent / len(reports) > MOST_SECONDS:
            break
        report = _reported(command)
        if report is None:
            return Measured(None, None, spine_rows, len(reports) + 1)
        reports.append(report)
    return Measured(
        statistics.median(r["seconds"] for r in reports),
        max(r["peak_bytes"] for r in reports),
        spine_rows,
        len(reports),
    )


def _reported(command: list[str]) -> dict[str, Any] | None:
    threads = dict.fromkeys(THREAD_VARIABLES, str(THREADS))
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=os.environ | threads, check=False
    )
    if done.returncode in KILLED:
        return None
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[2:4])} failed:\n{done.stdout}\n{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def peak_bytes() -> int:
    """Largest resident memory of this process and of its living children, each at its own peak.

    Not `ru_maxrss`, which a child inherits from the parent that started it.
    """
    return sum(_high_water(pid) for pid in (os.getpid(), *_descendants(os.getpid())))


def _high_water(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _descendants(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in task.read_text().split()]
    return [*children, *(grandchild for child in children for grandchild in _descendants(child))]


def _as_text(workload: Workload) -> str:
    return json.dumps(asdict(workload))


def _as_workload(text: str) -> Workload:
    workload = Workload(**json.loads(text))
    return replace(workload, windows=tuple(workload.windows))


def _run(name: str, data: Dataset, workload: Workload, result: Path) -> dict[str, float]:
    from benchmarks.features.contenders import INFORMATION, contender

    with contender(name)(data, workload) as ready:
        began = time.perf_counter()
        frame = ready()
        report = {"seconds": time.perf_counter() - began, "peak_bytes": peak_bytes()}
    if name not in INFORMATION:
        built = added_up if workload.in_place else hundredths
        built(frame, workload).to_parquet(result)
    return report


def main() -> None:
    """Measure the way that the command line names; print one line of JSON."""
    parser = argparse.ArgumentParser(description="One way to build the features, measured.")
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("workload", type=_as_workload)
    given = parser.parse_args()
    data = dataset_of(given.workload, given.folder)
    print(json.dumps(_run(given.name, data, given.workload, given.result)))


if __name__ == "__main__":
    main()
