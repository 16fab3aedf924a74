"""`python -m benchmarks.coverage`: simulate, train, forecast and compare; print two tables."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from benchmarks.coverage.companies import Forecast, company
from benchmarks.coverage.page import markdown


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coverage",
        description="How often NPS intervals hold, on companies whose truth is known.",
    )
    parser.add_argument("--seeds", type=_positive, default=40, help="companies to simulate")
    parser.add_argument("--first-seed", type=int, default=1000, help="seed of the first")
    parser.add_argument("--accounts", type=_positive, default=400, help="accounts of each")
    return parser.parse_args(given)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def main() -> None:
    """Measure company after company, saying each; the tables come last."""
    given = arguments()
    found: list[Forecast] = []
    for k, seed in enumerate(range(given.first_seed, given.first_seed + given.seeds), start=1):
        began = time.monotonic()
        found += company(seed, given.accounts)
        took = time.monotonic() - began
        print(f"{k}/{given.seeds}: seed {seed}, {took:.0f} s", file=sys.stderr, flush=True)
    print(markdown(found))


if __name__ == "__main__":
    main()
