"""A good key is known at once, however many ask at the same time; the store is read seldom."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from api_client import TestClient

import npsight.service.keyring as keyring_module
from npsight.errors import StateError
from npsight.service.app import build_app
from npsight.service.keyring import RELOADS_PER_MINUTE, Keyring
from npsight.service.state import Live, ServingState
from npsight.store import create_key
from npsight.store.keytext import new_key

MANY = RELOADS_PER_MINUTE * 3


class Store:
    """Counts how often the keys are read; may be held up, or fail."""

    def __init__(self) -> None:
        self.real = keyring_module.keys_of
        self.reads, self.fails = 0, False
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()

    def keys_of(self, *asked) -> object:
        self.reads += 1
        self.begun.set()
        assert self.goes_on.wait(20)
        if self.fails:
            raise StateError("the store is locked")
        return self.real(*asked)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()
    monkeypatch.setattr(keyring_module, "keys_of", store.keys_of)
    return store


@pytest.fixture
def keyring(state: ServingState, store: Store) -> Iterator[Keyring]:
    keyring = Keyring(Live(state))
    yield keyring
    keyring.close()


def statuses(client: TestClient, key: str) -> set[int]:
    """What so many requests at once are answered with."""
    with ThreadPoolExecutor(MANY) as pool:
        calls = [
            pool.submit(client.get, "/v1/model", headers={"X-API-Key": key}) for _ in range(MANY)
        ]
    return {call.result().status_code for call in calls}


def test_the_first_requests_of_a_service_may_come_all_at_once(
    state: ServingState, keys: dict[str, str], store: Store
) -> None:
    with TestClient(build_app(Live(state))) as client:
        assert statuses(client, keys["read"]) == {200}
    assert store.reads < RELOADS_PER_MINUTE


def test_a_new_keys_first_requests_may_come_all_at_once(
    state: ServingState, keys: dict[str, str], store: Store
) -> None:
    with TestClient(build_app(Live(state))) as client:
        assert client.get("/v1/model", headers={"X-API-Key": keys["read"]}).status_code == 200
        key, _ = create_key(state.store, state.project, secrets.token_hex(8), ["read"])
        assert statuses(client, key) == {200}
    assert store.reads < RELOADS_PER_MINUTE


def test_who_asks_before_a_read_begins_shares_it(keyring: Keyring, store: Store) -> None:
    store.goes_on.clear()
    first = keyring.reading()
    assert store.begun.wait(20)
    second = keyring.reading_for_unknown()
    assert second is not None
    assert second is not first, "the read under way may have missed a key that was made since"
    assert all(keyring.reading_for_unknown() is second for _ in range(MANY))
    assert keyring.reading() is second
    store.goes_on.set()
    assert second.result(20)
    assert store.reads == 2


def test_guesses_have_the_store_read_so_often_and_whenever_it_is_due(
    keyring: Keyring, store: Store
) -> None:
    for _ in range(MANY):
        reading = keyring.reading_for_unknown()
        assert reading is None or reading.result(20)
    # The first was due, as nobody had asked.
    assert store.reads == RELOADS_PER_MINUTE + 1
    assert keyring.reading_for_unknown() is None
    keyring._asked_at -= keyring._live.state.service.watch_seconds
    assert keyring.reading_for_unknown() is not None


def test_a_read_that_fails_leaves_the_keys_as_they_were(
    keyring: Keyring, keys: dict[str, str], store: Store
) -> None:
    identity = keys["read"][4:16]
    assert keyring.reading().result(20)
    known = keyring.find(identity)
    assert known is not None
    store.fails = True
    assert keyring.reading().result(20) is False
    assert keyring.find(identity) is known
    assert keyring.find(new_key()[4:16]) is None


def test_a_service_that_begins_anew_reads_again(keyring: Keyring, store: Store) -> None:
    assert keyring.reading().result(20)
    keyring.close()
    assert keyring.reading().result(20)
    assert store.reads == 2
