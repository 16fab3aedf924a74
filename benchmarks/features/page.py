"""The table and the goals, once for the terminal and once as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.features.contenders import NPSIGHT
from benchmarks.features.goals import GOALS, Goal, Results
from benchmarks.features.measure import Measured
from benchmarks.features.workloads import Workload

HEAD = ("way", "seconds", "× npsight", "M facts/s", "peak MB", "× npsight", "result")
GOAL_HEAD = ("goal", "limit", "measured", "")
MEGABYTE = 1_000_000
MARKS = ("<!-- measured -->", "<!-- /measured -->")


@dataclass(frozen=True)
class Section:
    """The rows of one workload, by contender in the order of the table."""

    workload: Workload
    measured: dict[str, Measured]

    @property
    def title(self) -> str:
        """What was read."""
        return f"{self.workload.title}: {self.workload.rows / 1e6:,.1f} M facts"

    @property
    def asked(self) -> str:
        """What was built of it."""
        load = self.workload
        windows = "/".join(map(str, load.windows))
        return f"{load.spine_rows:,} rows of {len(load.columns)} sums, windows {windows}"

    def rows(self) -> Iterator[tuple[str, ...]]:
        """One row of text for each contender."""
        own = self.measured.get(NPSIGHT)
        for name, measured in self.measured.items():
            yield _row(name, measured, own, self.workload)


def _row(name: str, measured: Measured, own: Measured | None, load: Workload) -> tuple[str, ...]:
    if measured.seconds is None or measured.peak_bytes is None:
        return name, "out of memory", "", "", "", "", measured.result
    slower = own.seconds and measured.seconds / own.seconds if own else None
    larger = own.peak_bytes and measured.peak_bytes / own.peak_bytes if own else None
    return (
        name,
        f"{measured.seconds:,.2f}",
        "" if slower is None else f"{slower:,.2f}",
        f"{load.rows / measured.seconds / 1e6:,.3g}",
        f"{measured.peak_bytes / MEGABYTE:,.0f}",
        "" if larger is None else f"{larger:,.2f}",
        measured.result,
    )


def goal_rows(results: Results) -> Iterator[tuple[str, ...]]:
    """One row of text for each goal."""
    for goal in GOALS:
        figure, met = goal.figure(results), goal.met(results)
        verdict = "not run" if met is None else "pass" if met else "FAIL"
        yield (
            goal.text,
            _limit(goal),
            "" if figure is None else f"{figure:,.2f}{goal.unit}",
            verdict,
        )


def _limit(goal: Goal) -> str:
    return f"{'≥' if goal.at_least else '≤'} {goal.limit:g}{goal.unit}"


def print_page(console: Console, sections: Sequence[Section], machine: str) -> None:
    """The one table and the goals."""
    table = Table(*HEAD, title=machine, title_justify="left")
    table.columns[0].no_wrap = True
    for column in table.columns[1:-1]:
        column.justify = "right"
    for section in sections:
        table.add_section()
        table.add_row(f"[bold]{section.title}")
        table.add_row(section.asked)
        for row in section.rows():
            table.add_row(*row)
    console.print(table)
    goals = Table(*GOAL_HEAD)
    for row in goal_rows(_results(sections)):
        goals.add_row(*row)
    console.print(goals)


def markdown(sections: Sequence[Section], machine: str) -> str:
    """The same for `docs/benchmarks.md`."""
    lines = [machine, ""]
    for section in sections:
        lines += [
            f"**{section.title}; {section.asked} days**",
            "",
            *_table(HEAD, list(section.rows())),
            "",
        ]
    lines += _table(GOAL_HEAD, list(goal_rows(_results(sections))))
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    align = ["---", *("---:" for _ in head[1:-1]), "---"]
    return [f"| {' | '.join(cells)} |" for cells in (head, align, *rows)]


def write(folder: Path, stem: str, sections: Sequence[Section], machine: str) -> None:
    """`stem`.json and `stem`.md in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "machine": machine,
        "workloads": [
            {
                "workload": asdict(section.workload),
                "measured": {name: asdict(m) for name, m in section.measured.items()},
            }
            for section in sections
        ],
        "goals": [
            dict(zip(("goal", "limit", "measured", "met"), row, strict=True))
            for row in goal_rows(_results(sections))
        ],
    }
    (folder / f"{stem}.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    (folder / f"{stem}.md").write_text(markdown(sections, machine))


def paste(page: Path, text: str) -> None:
    """Put the text between the marks of a Markdown page; raises ValueError when it has none."""
    before, mark, rest = page.read_text("utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not mark or not end:
        raise ValueError(f"{page.name} has no {MARKS[0]} … {MARKS[1]} to write between")
    page.write_text(f"{before}{mark}\n{text}{end}{after}", "utf-8")


def _results(sections: Sequence[Section]) -> Results:
    return {section.workload.key: section.measured for section in sections}
