"""What holds for every test."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canary import LogTrap
from empty_registry import begun_as_copies
from hypothesis import settings

settings.register_profile("npsight", deadline=None)  # no test asserts a time
settings.load_profile("npsight")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Any:
    """What is loaded stays: no search for cycles goes through it, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000)
        gc.enable()


MAY_LACK = "no real data at"
"""The one reason to skip a test in CI: data that cannot be given away."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """In CI a test that is skipped for want of a server or a program has failed."""
    report = yield
    given = str(report.longrepr)
    skipped = report.outcome == "skipped" and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("CI") == "true" and MAY_LACK not in given:
        report.outcome, report.longrepr = "failed", f"skipped, which CI does not allow: {given}"
    return report


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run that all its workers see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(request.config, "workerinput") else base


@pytest.fixture(scope="module", autouse=True)
def registries(shared: Path) -> Iterator[None]:
    """New registries begin as copies of an empty one; `tests/unit/tracking` makes its own."""
    with begun_as_copies(shared / "empty-registry"):
        yield


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
