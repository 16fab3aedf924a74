"""`python -m benchmarks.quality`: train every company, judge it, print one table and verdicts."""

from __future__ import annotations

import argparse
import os
import sys
from itertools import pairwise
from pathlib import Path

from rich.console import Console

from benchmarks.quality import page
from benchmarks.quality.companies import REAL, SIMULATED, Clock, judged
from benchmarks.quality.figures import Level, Row, levels_of, rows_of
from benchmarks.quality.noise import COLUMNS, Cost, costs

FOLDER = Path(__file__).parents[2] / "var" / "bench" / "quality"
NOISY = "demo-300"
EVERY = (*(f"demo-{n}" for n in SIMULATED), *REAL)


def main() -> int:
    """Exit code 1 where a goal is missed, 0 where all hold."""
    arguments = _arguments()
    console = Console(width=max(Console().width, 130))
    rows: list[Row] = []
    levels: list[Level] = []
    clocks: dict[str, Clock] = {}
    noise: list[Cost] = []
    for name in arguments.only:
        if name in REAL and not Path(os.environ.get("NPSIGHT_DATA", "-")).is_dir():
            console.print(f"[dim]{name}: skipped, no folder in NPSIGHT_DATA[/]")
            continue
        console.print(f"[dim]{name}: training[/]")
        found = judged(name, FOLDER, lambda text: console.print(f"[dim]{text}[/]"))
        rows += rows_of(found)
        levels += levels_of(found)
        clocks[name] = found.clock
        if name == NOISY:
            console.print(f"[dim]{name}: training with {COLUMNS:,} columns of noise[/]")
            noise += [cost for seed in range(arguments.draws) for cost in costs(found, seed)]
        if arguments.steps:
            for (began, step), (ended, _) in pairwise(found.clock.steps):
                console.print(f"[dim]{ended - began:7.1f} s  {step}[/]")
    page.print_rows(console, rows)
    missed = 0
    for text, met in page.verdicts(rows, levels, clocks, noise):
        missed += met is False
        sign = {True: "[green]holds[/]", False: "[red]short[/]", None: "     "}[met]
        console.print(f"{sign}  {text}")
    if arguments.markdown:
        print(page.markdown(rows))
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only",
        type=lambda text: [n for n in text.split(",") if n],
        default=list(EVERY),
        help=f"some of {', '.join(EVERY)}, with commas between; demo-N for any N accounts",
    )
    parser.add_argument(
        "--draws", type=int, default=3, help=f"how often {NOISY} is given columns of noise"
    )
    parser.add_argument("--steps", action="store_true", help="also print how long each step took")
    parser.add_argument("--markdown", action="store_true", help="also print the table as Markdown")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
