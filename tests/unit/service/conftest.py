"""One small project for all tests of the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_client import TestClient
from tiny_project import make_project

from npsight.service.app import build_app
from npsight.service.state import Live, ServingState, load_state
from npsight.store import create_key
from npsight.store.keys import SCOPES


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


@pytest.fixture(scope="session")
def keys(state: ServingState) -> dict[str, str]:
    """A key for each scope, with that scope alone."""
    return {scope: create_key(state.store, state.project, scope, [scope])[0] for scope in SCOPES}


@pytest.fixture(scope="session")
def headers(keys: dict[str, str]) -> dict[str, str]:
    """Headers of a caller who may do everything."""
    return {"Authorization": f"Bearer {keys['admin']}"}


@pytest.fixture
def anonymous(state: ServingState) -> Iterator[TestClient]:
    """The API in process, for a caller without a key."""
    with TestClient(build_app(Live(state)), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def client(state: ServingState, headers: dict[str, str]) -> Iterator[TestClient]:
    """The API in process, for a caller who may do everything."""
    app = build_app(Live(state))
    with TestClient(app, headers=headers, raise_server_exceptions=False) as opened:
        yield opened
