"""`python -m benchmarks.impact`: calls with a known effect, and how well it is found."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from benchmarks.impact.companies import EFFECT, NOTHING, WORLDS, Found, measure
from benchmarks.impact.page import Line, line, table, verdicts


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.impact",
        description="How often the interval of the estimated effect of a call holds the true one.",
    )
    parser.add_argument("--seeds", type=_positive, default=400, help="companies of each world")
    parser.add_argument("--first-seed", type=int, default=1000, help="seed of the first")
    parser.add_argument("--accounts", type=_positive, default=1500, help="accounts of each")
    parser.add_argument("--jobs", type=_positive, default=2, help="processes")
    return parser.parse_args(given)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def lines(given: argparse.Namespace) -> Iterator[Line]:
    """World after world."""
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        for world in WORLDS:
            began = time.monotonic()
            of_seeds = pool.map(partial(measure, world, given.accounts), seeds, chunksize=8)
            by_what: dict[str, list[Found]] = {}
            for found in (one for many in of_seeds for one in many):
                by_what.setdefault(found.what, []).append(found)
            took = time.monotonic() - began
            print(f"{world}: {given.seeds} seeds, {took:.0f} s", file=sys.stderr, flush=True)
            for what, of_one in by_what.items():
                yield line(world, what, of_one)


def main() -> int:
    """Measure; the table and the verdicts come last. 1 where a goal is missed."""
    found = list(lines(arguments()))
    print("Effects are points of the share of detractors among those who answered.\n")
    print(table(found), end="\n\n")
    said = verdicts(found, EFFECT, NOTHING)
    for met, sentence in said:
        print(f"{'met' if met else 'MISSED'}: {sentence}")
    return 0 if all(met for met, _ in said) else 1


if __name__ == "__main__":
    sys.exit(main())
