"""The hand-made engine, and one line at the end that says how many histories were checked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from handmade import handmade_engine


@pytest.fixture(scope="module")
def engine():
    with handmade_engine() as backend:
        yield backend


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "histories":
                test = report.nodeid.rsplit("::", 1)[-1]
                terminalreporter.write_line(f"{test}: {value} random histories checked")
