"""What holds for every test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from canary import LogTrap


@pytest.fixture(scope="session", autouse=True)
def nothing_leaks_into_logs() -> Iterator[LogTrap]:
    """No test may have a caller's key, a planted secret or an account's name logged."""
    trap, ours = LogTrap(), logging.getLogger("npsight")
    level = ours.level
    logging.getLogger().addHandler(trap)
    ours.setLevel(logging.DEBUG)
    yield trap
    logging.getLogger().removeHandler(trap)
    ours.setLevel(level)
    assert not trap.caught
