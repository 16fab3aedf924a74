"""The chaos benchmark in short: the same scenarios, fewer times."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos.bodies import bad_bodies
from benchmarks.chaos.deliveries import killed_while_delivering
from benchmarks.chaos.load import Load
from benchmarks.chaos.mutations import damaged_offers
from benchmarks.chaos.outcome import Outcome, table
from benchmarks.chaos.registry import away_from_the_start
from benchmarks.chaos.storage import locked_and_full
from benchmarks.chaos.swaps import champion_swaps
from benchmarks.chaos.writes import killed_while_writing

PAUSE_SECONDS = 0.01
"""Callers without any rest take the processors from the services of other tests."""
SHORT = {
    "registry": lambda folder: away_from_the_start(folder, seconds=2),
    "mutations": lambda folder: damaged_offers(folder, count=6),
    "swaps": lambda folder: champion_swaps(folder, swaps=4),
    "writes": lambda folder: killed_while_writing(folder, kills=1, seconds=2),
    "deliveries": lambda folder: killed_while_delivering(folder, messages=60, kills=2),
    "storage": locked_and_full,
    "bodies": lambda folder: bad_bodies(folder, slow=3),
}


@pytest.mark.parametrize("name", SHORT)
def test_callers_notice_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Load, "pause_seconds", PAUSE_SECONDS)
    outcome = SHORT[name](tmp_path / name)
    assert outcome.broken == [], table([outcome])


def test_what_does_not_hold_is_named() -> None:
    outcome = Outcome("a scenario")
    outcome.count("requests", 1234)
    assert table([outcome]).splitlines()[-1] == "| a scenario | requests 1,234 | PASS |"
    outcome.must(False, "it broke")
    assert outcome.verdict == "SHORT: it broke"
