"""The API in process, for a caller with a key."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Sequence
from typing import Any

from contract import hold_to_contract

from npsight.service.app import build_app
from npsight.service.state import Live, ServingState
from npsight.store import create_key

with warnings.catch_warnings():
    # Starlette asks for a successor of httpx, which is not on our list of dependencies.
    warnings.simplefilter("ignore")
    from starlette import testclient


class TestClient(testclient.TestClient):
    """Starlette's, which holds every answer to the spec."""

    __test__ = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        hold_to_contract(self)


def key_headers(state: ServingState, scopes: Sequence[str] = ("admin",)) -> dict[str, str]:
    """Headers with a new key."""
    key, _ = create_key(state.store, state.project, f"test {secrets.token_hex(8)}", scopes)
    return {"Authorization": f"Bearer {key}"}


def api_client(
    state: ServingState, scopes: Sequence[str] = ("admin",), **options: float
) -> TestClient:
    """A client whose key has these scopes; `options` go to the app."""
    app = build_app(Live(state), **options)
    return TestClient(app, headers=key_headers(state, scopes), raise_server_exceptions=False)
