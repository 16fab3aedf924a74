"""Forecasts of many companies -> two tables, with errors that count a company as one draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.coverage.companies import Forecast
from npsight.models.clustered import clustered_mean
from npsight.models.coverage import SIZES
from npsight.models.intervals import LEVELS

WITHIN = {80: (0.75, 0.85), 95: (0.92, 0.98)}
LESS_ERROR = 0.40
Check = tuple[int, bool]
"""Seed, and whether the interval held."""


@dataclass(frozen=True)
class CoverageLine:
    """Share of intervals that held, with its standard error by company; `of` intervals."""

    level: int
    what: str
    size: str
    share: float
    error: float
    of: int
    judged: bool

    @property
    def met(self) -> bool:
        """Whether the share lies within the goal."""
        low, high = WITHIN[self.level]
        return low <= self.share <= high


@dataclass(frozen=True)
class ErrorLine:
    """Mean absolute error against the true NPS of all, in points, with its standard error."""

    what: str
    error: float
    deviation: float
    bias: float


def coverage_lines(found: Sequence[Forecast]) -> list[CoverageLine]:
    """Company, segments, and accounts with several answers; then "if everyone answered"."""
    lines = []
    for level in LEVELS:
        for kind in ("company", "segment", "account"):
            held = [
                (f.seed, c.covered, c.answers)
                for f in found
                for c in f.checks
                if (c.level, c.kind) == (level, kind)
            ]
            lines += _line(level, kind, "all", [(s, c) for s, c, _ in held], kind != "account")
            for low, high in SIZES if kind == "segment" else ():
                inside = [(s, c) for s, c, n in held if low <= n <= (high or n)]
                name = f"{low}-{high} answers" if high else f"{low}+ answers"
                lines += _line(level, kind, name, inside, False)
        everyone = [(f.seed, _holds(f, level)) for f in found]
        lines += _line(level, "company if everyone answered, truth", "all", everyone, False)
    return lines


def _holds(found: Forecast, level: int) -> bool:
    low, high = found.truth.forecast.bounds(level)
    return low <= found.truth.true <= high


def _line(
    level: int, what: str, size: str, held: Sequence[Check], judged: bool
) -> Iterator[CoverageLine]:
    if not held:
        return
    share, error = _mean([float(c) for _, c in held], [s for s, _ in held])
    yield CoverageLine(level, what, size, share, error, len(held), judged)


def _mean(values: Sequence[float], seeds: Sequence[int]) -> tuple[float, float]:
    """Mean and its standard error, companies being the draws."""
    return clustered_mean(np.asarray(values), np.ones(len(values)), np.asarray(seeds))


def error_lines(found: Sequence[Forecast]) -> list[ErrorLine]:
    """Of npsight, then of what a report of responders says."""
    seeds = [f.seed for f in found]
    lines = []
    for what, told in (
        ("npsight, if everyone answered", [f.truth.forecast.nps for f in found]),
        ("responders of that window", [f.truth.responders for f in found]),
        ("responders of the last known window", [f.truth.last_known for f in found]),
    ):
        off = np.asarray(told) - np.asarray([f.truth.true for f in found])
        error, deviation = _mean(np.abs(off).tolist(), seeds)
        lines.append(ErrorLine(what, error, deviation, float(off.mean())))
    return lines


def markdown(found: Sequence[Forecast]) -> str:
    """Both tables, and whether the goals are met."""
    companies = len({f.seed for f in found})
    lines = [
        f"{companies} simulated companies, {len(found)} forecasts.",
        "",
        "| level | NPS of | answers | held | ± | of | goal |",
        "|---:|---|---|---:|---:|---:|---|",
    ]
    for row in coverage_lines(found):
        low, high = WITHIN[row.level]
        goal = f"{low:.0%} to {high:.0%}: {'met' if row.met else 'missed'}" if row.judged else ""
        lines.append(
            f"| {row.level} % | {row.what} | {row.size} | {row.share:.1%} | {row.error:.1%} | "
            f"{row.of:,} | {goal} |"
        )
    lines += [
        "",
        "| error against the true NPS of all accounts | mean | ± | bias | less than responders |",
        "|---|---:|---:|---:|---|",
    ]
    errors = error_lines(found)
    for row in errors:
        less = ""
        if row is errors[0]:
            saved = 1 - row.error / errors[1].error
            less = (
                f"{saved:.0%}, goal {LESS_ERROR:.0%}: {'met' if saved >= LESS_ERROR else 'missed'}"
            )
        lines.append(
            f"| {row.what} | {row.error:.2f} | {row.deviation:.2f} | {row.bias:+.2f} | {less} |"
        )
    return "\n".join(lines) + "\n"
