"""The table and the goals, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.service.contenders import (
    COLD,
    COLD_DRIVERS,
    DEFAULT,
    DRIVERS,
    LIMIT,
    ROWS,
    UNMADE,
    WARM,
)
from benchmarks.service.measure import CLIENTS, Memory, Table

HEAD = (
    "single scores, one worker each",
    *(
        f"{clients}: {what}"
        for clients in CLIENTS
        for what in ("req/s", "p50 ms", "p99 ms", "CPU µs")
    ),
    "errors",
)
MOST_GROWTH = 0.05
MOST_TAIL = 5.0


@dataclass(frozen=True)
class Verdict:
    """A goal, what was measured, and whether it holds; None where it was not measured."""

    goal: str
    measured: str
    holds: bool | None


def lines(table: Table) -> Iterator[tuple[str, ...]]:
    """One line of text for each contender."""
    for row in ROWS:
        cells = [row.title]
        for clients in CLIENTS:
            figures = table[row.title, clients]
            cells += [
                f"{figures.per_second:,.0f}",
                f"{figures.p50:.2f}",
                f"{figures.p99:.2f}",
                f"{figures.cpu:,.0f}",
            ]
        cells.append(str(sum(table[row.title, clients].errors for clients in CLIENTS)))
        yield tuple(cells)


def verdicts(table: Table, memory: Memory | None) -> Iterator[Verdict]:
    """The goals, one by one."""
    yield from _at_least(table, WARM, DEFAULT, 2.0)
    yield from _at_least(table, COLD, DEFAULT, 2.0)
    yield from _at_least(table, WARM, LIMIT, 0.35)
    yield from _at_least(table, COLD, LIMIT, 0.35)
    yield from _at_least(table, DRIVERS, DEFAULT, 1.5)
    yield from _at_least(table, DRIVERS, LIMIT, 0.3)
    for title in (WARM, COLD):
        yield _above_all(table, title)
    for title in (WARM, COLD, DRIVERS):
        figures = table[title, 8]
        tail = figures.p99 / figures.p50
        yield Verdict(f"{title}, 8 clients: p99 ≤ {MOST_TAIL:g} × p50", f"{tail:.1f} ×", tail <= 5)
    wrong = sum(figures.errors for figures in table.values())
    yield Verdict("no wrong answer", str(wrong), wrong == 0)
    if memory is None:
        yield Verdict("memory flat within 5 % at full load", "not measured", None)
        return
    yield Verdict(
        f"memory flat within 5 % over {memory.minutes:g} minutes at full load",
        f"{memory.growth:+.1%} over {memory.answers:,} answers, {memory.errors} wrong",
        memory.growth <= MOST_GROWTH and memory.errors == 0,
    )


def _at_least(table: Table, title: str, other: str, times: float) -> Iterator[Verdict]:
    ratios = [table[title, n].per_second / table[other, n].per_second for n in CLIENTS]
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    at = "/".join(map(str, CLIENTS))
    yield Verdict(
        f"{title} ≥ {times:g} × {other}",
        f"{shown} × with {at} clients",
        min(ratios) >= times,
    )


def _above_all(table: Table, title: str) -> Verdict:
    others = [row for row in ROWS if row.scores and not row.title.startswith("npsight")]
    ratios = [
        table[title, n].per_second / max(table[row.title, n].per_second for row in others)
        for n in CLIENTS
    ]
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return Verdict(f"{title}: above every other that scores", f"{shown} ×", min(ratios) > 1)


def markdown(table: Table, memory: Memory | None) -> str:
    """Table and goals for a page."""
    text = ["| " + " | ".join(HEAD) + " |", "|---" + "|--:" * (len(HEAD) - 1) + "|"]
    text += ["| " + " | ".join(cells) + " |" for cells in lines(table)]
    text += ["", "| goal | measured | |", "|---|---|---|"]
    text += [f"| {v.goal} | {v.measured} | {SIGNS[v.holds]} |" for v in verdicts(table, memory)]
    return "\n".join(text)


SIGNS = {True: "PASS", False: "short", None: ""}
NOTES = f"""\
Closed loop: a client sends its next request when its answer is there; connections stay open. The
load comes from benchmarks/service/load.py (raw sockets, one selector, a process of its own).
Everybody has one worker, the same machine, loopback, uvloop and httptools. npsight answers three
targets with an interval (and, where asked, drivers) from its store for a caller with a key; the
others are sent the features of one target, its missing ones as 0, and look at no key.
Medians over the rounds; CPU is processor time of the server an answer.
{COLD}: each account once; npsight has made its scores before anybody asked. {UNMADE}: the same
with that switched off, {COLD_DRIVERS}: no goals, for honesty."""
