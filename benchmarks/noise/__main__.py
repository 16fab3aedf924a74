"""`python -m benchmarks.noise`: how often noise gives a champion, and how often a signal does."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.noise.trials import ROOT, Trial, company, leaking, shuffled, twin

FOLDER = ROOT / "var" / "bench" / "noise"
FEWEST_SILENT = 0.95
"""Share of shuffled companies that must end without a champion."""


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.noise",
        description="Trains on outcomes that nothing foretells, on their true twins, and on leaks.",
    )
    parser.add_argument("--seeds", type=int, default=20, help="companies, each of its own")
    parser.add_argument("--first", type=int, default=1, help="seed of the first company")
    parser.add_argument("--twins", type=int, help="how many of them are trained unshuffled, too")
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--no-leaks", action="store_true")
    return parser.parse_args(given)


def trials(folder: Path, given: argparse.Namespace) -> Iterator[Trial]:
    """Every shuffled company, then its twins, then the leaks; each when it has ended."""
    twins = given.seeds if given.twins is None else given.twins
    for place in range(given.seeds):
        seed = given.first + place
        data = company(folder, given.accounts, seed)
        yield shuffled(folder, data, seed)
        if place < twins:
            yield twin(folder, data, seed)
        if place == 0 and not given.no_leaks:
            yield from leaking(folder, data, seed)
        shutil.rmtree(data)


def summary(found: Sequence[Trial]) -> list[str]:
    """The figures, one line each."""
    noise = [t for t in found if t.company == "shuffled"]
    twins = [t for t in found if t.company == "true"]
    leaks = [t for t in found if t.company not in ("shuffled", "true")]
    lines = [
        f"shuffled outcomes: {_count(noise, 'champion')} of {len(noise)} gave a champion, "
        f"{len(noise) - _count(noise, 'no skill')} were registered at all"
    ]
    if twins:
        lines.append(
            f"the same companies as they are: {_count(twins, 'champion')} of {len(twins)} gave a "
            f"champion, {len(twins) - _count(twins, 'no skill')} were found to have skill"
        )
    if leaks:
        lines.append(f"planted leaks: {_count(leaks, 'leak')} of {len(leaks)} stopped training")
    return lines


def kept(found: Sequence[Trial]) -> bool:
    """Whether noise stayed silent often enough and no leak passed."""
    noise = [t for t in found if t.company == "shuffled"]
    leaks = [t for t in found if t.company not in ("shuffled", "true")]
    silent = len(noise) - _count(noise, "champion")
    return silent >= FEWEST_SILENT * len(noise) and _count(leaks, "leak") == len(leaks)


def _count(found: Sequence[Trial], ended: str) -> int:
    return sum(trial.ended == ended for trial in found)


def main() -> int:
    """Run the trials; 1 when noise gave champions too often, or a leak passed."""
    given, found = arguments(), []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for trial in trials(FOLDER, given):
        found.append(trial)
        said = ", ".join(trial.said) if trial.ended != "no skill" else ""
        print(
            f"{time.strftime('%H:%M:%S')}  {trial.company:<24} company {trial.seed:>3}  "
            f"{trial.seconds:5.0f} s  {trial.ended:<10} {said}",
            flush=True,
        )
    print("\n".join(["", *summary(found)]))
    return 0 if kept(found) else 1


if __name__ == "__main__":
    sys.exit(main())
