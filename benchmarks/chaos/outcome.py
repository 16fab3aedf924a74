"""What a scenario gives back, and the table of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """Counts of one scenario, and what must hold of them."""

    name: str
    counts: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def count(self, what: str, number: object) -> None:
        """Show a number."""
        self.counts[what] = number

    def must(self, holds: bool, what: str) -> None:
        """Ask for something; what does not hold is named in the table."""
        if not holds:
            self.broken.append(what)

    @property
    def verdict(self) -> str:
        """PASS, or what fell short."""
        return "PASS" if not self.broken else "SHORT: " + "; ".join(self.broken)


def table(outcomes: Iterable[Outcome]) -> str:
    """Markdown, one row a scenario."""
    lines = ["| scenario | counts | verdict |", "|---|---|---|"]
    for outcome in outcomes:
        counts = ", ".join(f"{what} {_plain(number)}" for what, number in outcome.counts.items())
        lines.append(f"| {outcome.name} | {counts} | {outcome.verdict} |")
    return "\n".join(lines)


def _plain(number: object) -> str:
    if isinstance(number, float):
        return f"{number:,.3g}"
    return f"{number:,}" if isinstance(number, int) else str(number)
