"""`python -m benchmarks.service`: measure, print the table and the goals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as Shown

from benchmarks.service import page
from benchmarks.service.contenders import NPSIGHT, SERVING
from benchmarks.service.load import ROOT
from benchmarks.service.measure import Memory, Table, memory, table
from benchmarks.service.processes import running
from benchmarks.service.workspace import prepare

FOLDER = ROOT / "var" / "bench" / "service"


def main(given: Sequence[str] | None = None) -> int:
    """Exit code 1 where a goal is missed."""
    asked = _arguments(given)
    console = Console(width=max(Console().width, 170))

    def say(text: str) -> None:
        console.print(f"[dim]{text}[/]")

    workspace = prepare(asked.folder, asked.accounts, asked.clones, say)
    say("starting the servers")
    with running(SERVING, workspace) as servers:
        found = table(workspace, servers, asked.rounds, asked.seconds, say)
    flat = None
    if asked.minutes > 0:
        # By itself: the others' memory and timers are no load of ours.
        with running([NPSIGHT], workspace) as servers:
            flat = memory(workspace, servers[NPSIGHT.name], asked.minutes, say)
    _print(console, found, flat)
    if asked.markdown:
        print(page.markdown(found, flat))
    return 1 if any(v.holds is False for v in page.verdicts(found, flat)) else 0


def _print(console: Console, found: Table, flat: Memory | None) -> None:
    shown = Shown(show_edge=False)
    for place, name in enumerate(page.HEAD):
        shown.add_column(name, justify="right" if place else "left")
    for cells in page.lines(found):
        shown.add_row(*cells)
    console.print(shown)
    console.print(f"[dim]{page.NOTES}[/]")
    for verdict in page.verdicts(found, flat):
        sign = {True: "[green]PASS[/]", False: "[red]short[/]", None: "     "}[verdict.holds]
        console.print(f"{sign}  {verdict.goal}: {verdict.measured}")


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service",
        description="Single scores over HTTP: npsight against other ways to serve the same model.",
        epilog="A look: python -m benchmarks.service --rounds 1 --seconds 1 --minutes 1",
    )
    parser.add_argument("--rounds", type=int, default=7, help="medians are taken over them")
    parser.add_argument("--seconds", type=float, default=2.0, help="of load, each time")
    parser.add_argument("--minutes", type=float, default=10.0, help="of full load; 0 for none")
    parser.add_argument("--accounts", type=int, default=300, help="of the simulated company")
    parser.add_argument(
        "--clones", type=int, default=40_000, help="accounts more with the same inputs"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the company is kept")
    parser.add_argument("--markdown", action="store_true", help="print the table for a page, too")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
