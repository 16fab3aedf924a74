"""What holds for every test."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from canary import LogTrap
from empty_registry import begun_as_copies
from hypothesis import settings

settings.register_profile("npsight", deadline=None)  # no test asserts a time
settings.load_profile("npsight")


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
