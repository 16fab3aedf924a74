"""One MLflow database for all tests; each test has a project of its own in it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from npsight.tracking import Tracking

_numbers = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def registries() -> None:
    """They are made from nothing here: how that is done is what is tested."""


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracking")


@pytest.fixture
def tracking(state_dir: Path) -> Tracking:
    return Tracking(f"p{next(_numbers)}", state_dir)
