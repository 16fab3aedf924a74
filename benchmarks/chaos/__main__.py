"""`make bench-chaos`: break things around a running service, and count what callers notice."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.chaos.bodies import bad_bodies
from benchmarks.chaos.deliveries import killed_while_delivering
from benchmarks.chaos.mutations import damaged_offers
from benchmarks.chaos.outcome import Outcome, table
from benchmarks.chaos.registry import away_from_the_start, lost_under_load
from benchmarks.chaos.storage import locked_and_full
from benchmarks.chaos.swaps import champion_swaps
from benchmarks.chaos.writes import killed_while_writing

SCENARIOS: dict[str, Callable[[Path], Outcome]] = {
    "registry-start": away_from_the_start,
    "registry-load": lost_under_load,
    "mutations": damaged_offers,
    "swaps": champion_swaps,
    "writes": killed_while_writing,
    "deliveries": killed_while_delivering,
    "storage": locked_and_full,
    "bodies": bad_bodies,
}


def main() -> int:
    """Run the scenarios one after the other; 1 where one fell short."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    chosen = parser.parse_args().only
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="npsight-chaos-") as folder:
        for name in chosen:
            started = time.monotonic()
            print(f"{name} ...", file=sys.stderr, flush=True)
            try:
                outcome = SCENARIOS[name](Path(folder, name))
            except Exception as error:
                outcome = Outcome(name, broken=[f"{type(error).__name__}: {error}"[:300]])
            outcomes.append(outcome)
            took = time.monotonic() - started
            print(f"{name}: {outcome.verdict} ({took:.0f} s)", file=sys.stderr, flush=True)
    print(table(outcomes))
    return int(any(outcome.broken for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
