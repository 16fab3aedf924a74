"""A hint at ends that are booked ahead and that no feature reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from npsight.config.load import load_project
from npsight.jobs.check import check

PROJECT = """\
project: ends
timezone: UTC
state: state
tables:
  subscriptions:
    {path: s.csv, account: account, started_at: start, ended_at: end, ended_known_at: known}
targets: {churn: {event: subscription_end}}
"""
READ = "features:\n  - {source: subscriptions, aggregate: days_until_end}\n"


def warned(folder: Path, ends: int, known: str, more: str = "") -> str:
    rows = "".join(f"a{n},2023-01-01,2024-03-31,{known}\n" for n in range(ends))
    running = "".join(f"b{n},2023-01-01,,\n" for n in range(30))
    (folder / "s.csv").write_text("account,start,end,known\n" + rows + running)
    (folder / "project.yaml").write_text(PROJECT + more)
    return "\n".join(map(str, check(load_project(folder / "project.yaml")).warnings))


@pytest.mark.parametrize(
    ("ends", "known", "more", "said"),
    [
        (20, "2024-03-24", "", True),
        (19, "2024-03-24", "", False),
        (20, "2024-03-25", "", False),
        (20, "2024-03-24", READ, False),
    ],
)
def test_ends_booked_ahead_are_to_be_read(tmp_path, ends, known, more, said):
    found = warned(tmp_path, ends, known, more)
    assert ("20 of 20 ends were known a week ahead and more" in found) == said
    assert ("add {source: subscriptions, aggregate: days_until_end}" in found) == said
