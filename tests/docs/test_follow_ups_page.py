"""docs/follow-ups.md says which steps there are, as they are declared."""

from __future__ import annotations

from pathlib import Path

from npsight.worklist.followups import STEPS

PAGE = Path(__file__).parents[2] / "docs" / "follow-ups.md"


def test_the_table_of_steps_is_the_declared_one() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    declared = [
        [
            ", ".join(step.sources),
            step.label,
            step.target or "the same state",
            "a changed field" if step.name == "change" else "a note" if step.needs else "–",
        ]
        for step in STEPS
    ]
    assert sorted(rows) == sorted(declared)
