"""Estimates of many companies -> one table and the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from benchmarks.impact.companies import Found
from npsight.models.impact import share_interval

WITHIN = (0.93, 0.97)
MOST_FALSE_ALARMS = 0.05
Z = 1.96


@dataclass(frozen=True)
class Line:
    """One world and one estimate, over its seeds; effects and widths in points."""

    world: str
    what: str
    seeds: int
    truth: float
    mean: float
    bias: float
    bias_error: float
    width: float
    held: float
    seen: float

    @property
    def held_interval(self) -> tuple[float, float]:
        """Where the share that holds lies, by so many seeds (95 %)."""
        return share_interval(self.held, self.seeds)

    @property
    def seen_interval(self) -> tuple[float, float]:
        """Where the share that leaves out 0 lies, by so many seeds (95 %)."""
        return share_interval(self.seen, self.seeds)


def line(world: str, what: str, found: Sequence[Found]) -> Line:
    """What the seeds of a world say of one estimate."""
    known = [(f.truth, f.effect) for f in found if f.effect is not None]
    truth = 100 * np.array([truth for truth, _ in known])
    mean = 100 * np.array([effect.estimate for _, effect in known])
    errors = mean - truth
    return Line(
        world=world,
        what=what,
        seeds=len(found),
        truth=float(truth.mean()),
        mean=float(mean.mean()),
        bias=float(errors.mean()),
        bias_error=float(errors.std(ddof=1) / sqrt(len(errors))),
        width=float(np.mean([100 * (effect.high - effect.low) for _, effect in known])),
        held=sum(f.held for f in found) / len(found),
        seen=sum(effect.certain for _, effect in known) / len(found),
    )


def table(lines: Sequence[Line]) -> str:
    """Markdown."""
    head = [
        "| company | effect of | seeds | true | estimated | bias | width | 95 % interval holds |"
        " leaves out 0 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join(head + [_row(one) for one in lines])


def _row(one: Line) -> str:
    low, high = one.held_interval
    cells = [
        one.world,
        one.what,
        str(one.seeds),
        f"{one.truth:+.1f}",
        f"{one.mean:+.1f}",
        f"{one.bias:+.1f} ± {Z * one.bias_error:.1f}",
        f"{one.width:.0f}",
        f"{100 * one.held:.1f} % ({100 * low:.1f} to {100 * high:.1f})",
        f"{100 * one.seen:.0f} %",
    ]
    return "| " + " | ".join(cells) + " |"


def verdicts(lines: Sequence[Line], effect: str, nothing: str) -> list[tuple[bool, str]]:
    """Whether each goal is met, and the sentence that says so."""
    said = []
    for one in lines:
        if "no hold-out" in one.what:
            continue
        if one.world == effect:
            met = WITHIN[0] <= one.held <= WITHIN[1]
            said.append((met, f"{one.what}: {100 * one.held:.1f} % hold, goal 93 to 97 %"))
        if one.world == nothing:
            low, high = one.seen_interval
            alarms = f"{100 * one.seen:.1f} % ({100 * low:.1f} to {100 * high:.1f}) false alarms"
            goal = "goal at most 5 %, as far as so many seeds can tell"
            said.append((low <= MOST_FALSE_ALARMS, f"{one.what}: {alarms}, {goal}"))
    return said
