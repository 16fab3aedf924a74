"""`python -m benchmarks.features`: measure every way, compare the results, print one table."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmarks.features import contenders as c
from benchmarks.features import workloads as w
from benchmarks.features.data import MEMORY, THREADS, generate
from benchmarks.features.measure import ROOT, Measured, difference, measure
from benchmarks.features.ownvenv import measure_featuretools
from benchmarks.features.page import Section, markdown, paste, print_page, write

BENCH = ROOT / "var" / "bench"
EVERYONE = (c.NPSIGHT, *c.SQL, c.PANDAS, *c.POLARS)


@dataclass(frozen=True)
class Part:
    """A workload, who runs it, and how often at most."""

    workload: w.Workload
    names: tuple[str, ...]
    runs: int


def parts_of(accounts: int, engine: str) -> dict[str, Part]:
    """Every part of the benchmark by its workload's key; npsight is first, the others' measure."""
    if engine != "duckdb":
        return {"1x": Part(w.standard(accounts), (c.NPSIGHT, c.ENGINES[engine]), 1)}
    parts = (
        Part(w.standard(accounts), (*EVERYONE, c.FEATURETOOLS, c.CATALOGUE), 3),
        Part(w.sample(accounts), (c.NPSIGHT, c.FEATURETOOLS), 1),
        Part(w.tenfold(accounts), EVERYONE, 3),
        Part(w.many_cutoffs(accounts), EVERYONE, 3),
        Part(w.hundredfold(accounts), (c.NPSIGHT, c.TOTALS), 1),
    )
    return {part.workload.key: part for part in parts}


@dataclass(frozen=True)
class Bench:
    """Runs parts, tells of each step, and stops at a result that differs from npsight's."""

    folder: Path
    console: Console

    @property
    def files(self) -> Path:
        """Where the generated facts lie."""
        return self.folder / "data"

    def section(self, part: Part) -> Section:
        """The measurements of one part."""
        load = part.workload
        self._say(f"{load.key}: generating {load.accounts:,} accounts")
        generate(load, self.files)
        os.sync()  # else the first way is measured while the disk is still being written
        return Section(load, dict(self._rows(part)))

    def _rows(self, part: Part) -> Iterator[tuple[str, Measured]]:
        for name in part.names:
            began = time.monotonic()
            runs = 1 if name in (*c.INFORMATION, c.FEATURETOOLS) else part.runs
            measured = self._measured(name, part.workload, runs)
            took = "out of memory" if measured.seconds is None else f"{measured.seconds:,.2f} s"
            self._say(f"{part.workload.key}: {name}: {took} ({time.monotonic() - began:,.0f} s)")
            yield name, measured

    def _measured(self, name: str, load: w.Workload, runs: int) -> Measured:
        result = self.files / ("ours.parquet" if name == c.NPSIGHT else "theirs.parquet")
        if name == c.FEATURETOOLS:
            venv = self.folder / "venv"
            measured = measure_featuretools(load, self.files, result, venv, runs)
        else:
            measured = measure(name, load, self.files, result, runs)
        if name == c.NPSIGHT or name in c.INFORMATION or measured.seconds is None:
            return measured
        return self._compared(name, measured, self.files / "ours.parquet", result)

    def _compared(self, name: str, measured: Measured, ours: Path, theirs: Path) -> Measured:
        wrong = difference(pd.read_parquet(ours), pd.read_parquet(theirs))
        if wrong:
            raise SystemExit(f"{name} and npsight disagree: {wrong}")
        return replace(measured, result="equal")

    def _say(self, text: str) -> None:
        self.console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {text}", highlight=False)


def machine() -> str:
    """What the figures were measured with."""
    packages = ("duckdb", "ibis-framework", "pandas", "polars", "pyarrow")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB; {THREADS} threads for all, DuckDB {MEMORY}; "
        f"Python {platform.python_version()}, {versions}"
    )


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.features", description="npsight's feature building, measured."
    )
    parser.add_argument("--only", help="workloads, with commas: 1x,sample,10x,cutoffs,100x")
    parser.add_argument("--no-huge", action="store_true", help="leave out 100x")
    parser.add_argument("--engine", default="duckdb", choices=["duckdb", *c.ENGINES])
    parser.add_argument("--accounts", type=int, default=w.ACCOUNTS, help="accounts of 1x")
    parser.add_argument("--runs", type=int, help="runs of each way, instead of 3 or 1")
    parser.add_argument("--paste", action="store_true", help="into docs/benchmarks.md too")
    parser.add_argument("--keep", action="store_true", help="keep the generated data")
    return parser.parse_args(given)


def terminal() -> Console:
    """Wide enough for the table where the output is kept in a file."""
    return Console() if sys.stdout.isatty() else Console(width=110)


def main() -> None:
    """Run the parts asked for; exits with 1 when a result differs from npsight's."""
    given, console = arguments(), terminal()
    parts = parts_of(given.accounts, given.engine)
    wanted = given.only.split(",") if given.only else [*parts]
    if given.no_huge:
        wanted = [key for key in wanted if key != "100x"]
    bench = Bench(BENCH, console)
    sections = []
    try:
        for key in wanted:
            part = parts[key]
            sections.append(bench.section(replace(part, runs=given.runs or part.runs)))
    finally:
        if not given.keep:
            shutil.rmtree(bench.files, ignore_errors=True)
    stem = "features" if given.engine == "duckdb" else f"features-{given.engine}"
    write(BENCH, stem, sections, machine())
    if given.paste:
        paste(ROOT / "docs" / "benchmarks.md", markdown(sections, machine()))
    print_page(console, sections, machine())
    console.print(f"Written: var/bench/{stem}.json and .md")


if __name__ == "__main__":
    main()
