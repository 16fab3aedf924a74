"""`python -m benchmarks.contributions`: explain a batch in every way, print a table and goals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import lightgbm
from rich.console import Console
from rich.table import Table

from benchmarks.contributions.measure import CORES, Measured, compared, ways
from benchmarks.contributions.models import SHAPES, accounts, boosted

HEAD = ("way", "rows", "µs a row", "rows/s", "× LightGBM", "MB", "off by", "Σ off by")
FASTER = 5.0
LARGEST_DIFFERENCE = 1e-4
LARGEST_GAP = 1e-9


@dataclass(frozen=True)
class Verdict:
    """A goal in words with its figure, and whether it is met."""

    text: str
    met: bool


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.contributions",
        description="npsight's contributions of a batch against LightGBM's pred_contrib.",
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5, help="turns; the median counts")
    parser.add_argument("--only", choices=[*SHAPES], nargs="+", default=[*SHAPES])
    return parser.parse_args(given)


def verdicts(name: str, found: Sequence[Measured]) -> Iterator[Verdict]:
    """The goals of one model; `found` is in the order of `ways`."""
    theirs, ours = found[:2], found[2:4]
    for their, our in zip(theirs, ours, strict=True):
        faster = our.rate / their.rate
        text = f"{name}: {our.way.name}: {faster:.1f}× the rate of {their.way.name}"
        yield Verdict(f"{text} (goal: {FASTER:g}×)", faster >= FASTER)
    off = max(measured.difference for measured in found[2:])
    text = f"{name}: largest difference {off:.1g} (goal: {LARGEST_DIFFERENCE:g})"
    yield Verdict(text, off <= LARGEST_DIFFERENCE)
    gap = max(measured.gap for measured in found[2:])
    text = f"{name}: base + Σ misses the raw score by {gap:.1g} (goal: {LARGEST_GAP:g})"
    yield Verdict(text, gap <= LARGEST_GAP)


def table_of(title: str, found: Sequence[Measured]) -> Table:
    """One line a way; rates are compared with LightGBM on all cores."""
    table = Table(*HEAD, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for measured in found:
        table.add_row(
            measured.way.name,
            f"{measured.way.rows:,}",
            f"{1e6 / measured.rate:,.2f}",
            f"{measured.rate:,.0f}",
            f"{measured.rate / found[0].rate:,.1f}",
            f"{measured.grown_bytes / 1e6:,.0f}",
            f"{measured.difference:.1g}",
            f"{measured.gap:.1g}",
        )
    return table


def main() -> int:
    """1 where a goal is missed, 0 where all are met."""
    given, console = arguments(), Console(width=118)
    reached: list[Verdict] = []
    for key in given.only:
        shape = SHAPES[key]
        console.print(f"[dim]{key}: boosting {shape.name}[/]")
        booster = lightgbm.Booster(model_str=boosted(shape).text)
        matrix = accounts(given.rows, shape.features, seed=3)
        everyone = ways(booster, given.rows, shape.lightgbm_rows)
        found = compared(booster, matrix, everyone, given.repeats)
        title = f"{key}: {shape.name}, {shape.features} features, {CORES} cores"
        console.print(table_of(title, found))
        reached += verdicts(key, found)
    for verdict in reached:
        console.print(f"{'PASS ' if verdict.met else 'short'}  {verdict.text}", highlight=False)
    return 0 if all(verdict.met for verdict in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
