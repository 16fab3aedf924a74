"""One small project for all tests of the service."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_project import make_project

from npsight.service.app import build_app
from npsight.service.state import Live, ServingState, load_state

with warnings.catch_warnings():
    # Starlette asks for a successor of httpx, which is not on our list of dependencies.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Project file of a scored project with a cached champion."""
    return make_project(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def state(config: Path) -> Iterator[ServingState]:
    """The loaded project."""
    loaded = load_state(config)
    yield loaded
    loaded.store.close()


@pytest.fixture
def client(state: ServingState) -> Iterator[TestClient]:
    """The API in process."""
    with TestClient(build_app(Live(state)), raise_server_exceptions=False) as opened:
        yield opened
