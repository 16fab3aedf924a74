"""Who may call what: every scope against every endpoint, and each way a key can be wrong."""

from __future__ import annotations

import asyncio
import secrets
import string
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from api_client import TestClient, api_client

import npsight.service.access as access_module
import npsight.service.app as app_module
from npsight.errors import StateError
from npsight.service.access import Access
from npsight.service.app import build_app
from npsight.service.endpoints import ENDPOINTS, Endpoint
from npsight.service.metrics import Metrics
from npsight.service.problems import Json
from npsight.service.state import Live, ServingState
from npsight.store import create_key, keys_of, revoke_key
from npsight.store.keys import SCOPES
from npsight.store.keytext import new_key

EXPECTED = {
    "/v1/score": "score",
    "/v1/score/features": "score",
    "/v1/jobs/score": "score",
    "/v1/jobs/{id}": "score",
}
"""What does not follow from the method alone: reading is `read`, all else `write`. Who starts a job
may see what came of it."""


def expected_scope(endpoint: Endpoint) -> str | None:
    """By the rule that users are told, not by what the endpoint says of itself."""
    if endpoint.path in ("/healthz", "/readyz"):
        return None
    if endpoint.path == "/metrics":
        return "admin"
    if not endpoint.path.startswith("/v1/"):
        return "any"
    return EXPECTED.get(endpoint.path, "read" if endpoint.method == "GET" else "write")


def url(endpoint: Endpoint) -> str:
    return endpoint.path.replace("{account:path}", "nobody").replace("{id}", "nothing")


def call(client: TestClient, endpoint: Endpoint, **options):
    return client.request(endpoint.method, url(endpoint), **options)


by_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")


@by_endpoint
def test_each_scope_against_each_endpoint(
    endpoint: Endpoint, anonymous: TestClient, keys: dict[str, str]
) -> None:
    needed = expected_scope(endpoint)
    assert endpoint.scope == needed
    allowed = {None: {"", *SCOPES}, "any": set(SCOPES)}.get(needed, {needed, "admin"})
    for scope in ("", *SCOPES):
        headers = {"X-API-Key": keys[scope]} if scope else {}
        answer = call(anonymous, endpoint, headers=headers)
        if scope in allowed:
            assert answer.status_code not in (401, 403), scope
        elif scope:
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient-scope")
            assert f"`{needed}`" in answer.json()["detail"]
            assert f"this one has `{scope}`" in answer.json()["detail"]
            assert f'scope="{needed}"' in answer.headers["WWW-Authenticate"]
        else:
            assert (answer.status_code, answer.json()["code"]) == (401, "missing-key")
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="npsight"'


@by_endpoint
def test_what_changes_something_is_answered_once(endpoint: Endpoint) -> None:
    assert endpoint.writes == (endpoint.scope == "write" or endpoint.path == "/v1/jobs/score")
    if endpoint.writes:
        assert "idempotency_key" in endpoint.body.model_fields


def test_every_route_of_the_application_is_a_declared_endpoint(state: ServingState) -> None:
    declared = [("GET", "/"), *((e.method, e.path) for e in ENDPOINTS)]
    routes = [(m, r.path) for r in build_app(Live(state)).routes for m in r.methods - {"HEAD"}]
    assert sorted(routes) == sorted(declared)


def test_the_scopes_of_keys_are_those_of_endpoints(state: ServingState) -> None:
    from typing import get_args

    from npsight.service.endpoints import Scope

    assert {*SCOPES, "any"} == set(get_args(Scope))


def test_the_index_tells_a_stranger_nothing_of_the_project(anonymous: TestClient) -> None:
    assert set(anonymous.get("/").json()) == {"service", "version"}


def test_both_headers_work_and_a_gateways_own_is_passed_over(
    anonymous: TestClient, keys: dict[str, str]
) -> None:
    key = keys["read"]
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key} "},
        {"X-API-Key": key},
        {"X-API-Key": key, "Authorization": "Basic dXNlcjpwYXNz"},
        {"X-API-Key": key, "Authorization": "Bearer a-gateways-own"},
        {"X-API-Key": "a-gateways-own", "Authorization": f"Bearer {key}"},
    ):
        assert anonymous.get("/v1/model", headers=headers).status_code == 200, headers


def typo(key: str) -> str:
    return key[:-1] + next(c for c in string.ascii_letters if c != key[-1])


def wrong_secret(key: str) -> str:
    """Another key's secret under this one's id, its checksum right."""
    from npsight.store import keytext

    body = key[:17] + new_key()[17:-6]
    return body + keytext._checksum(body)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda k: "", "malformed-key", "the key is empty"),
        (lambda k: f'"{k}"', "malformed-key", "something stands before nps_"),
        (lambda k: f"Bearer {k}", "malformed-key", "something stands before nps_"),
        (lambda k: "secret", "malformed-key", "begin with nps_"),
        (lambda k: k[:-3], "malformed-key", "was it cut?"),
        (lambda k: k + "x", "malformed-key", "56 characters"),
        (typo, "malformed-key", "was it mistyped?"),
        (lambda k: k[:17] + k[17:].swapcase(), "malformed-key", "was it mistyped?"),
        (wrong_secret, "unknown-key", "npsight keys create"),
        (lambda k: new_key(), "unknown-key", "npsight keys create"),
        (lambda k: "nps_" + "é" * 51, "malformed-key", "was it"),
    ],
)
def test_wrong_keys_are_told_apart(anonymous, keys, change, code: str, words: str) -> None:
    key = change(keys["read"])
    answer = anonymous.get("/v1/model", headers={"X-API-Key": key.encode("latin-1")})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (401, code)
    assert words in problem["detail"]
    assert len(key) < 8 or key[17:] not in answer.text
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    metrics = anonymous.get("/metrics", headers={"X-API-Key": keys["admin"]}).text
    assert f'npsight_refused_total{{reason="{code}"}} 1.0' in metrics


@pytest.mark.parametrize("scheme", ["Basic ", "Token ", ""])
def test_a_key_in_authorization_needs_the_word_bearer(anonymous, keys, scheme: str) -> None:
    answer = anonymous.get("/v1/model", headers={"Authorization": scheme + keys["read"]})
    assert (answer.status_code, answer.json()["code"]) == (401, "missing-key")
    assert answer.json()["detail"].startswith("Authorization holds no `Bearer KEY`: send ")
    assert keys["read"] not in answer.text


def test_a_wrong_secret_is_compared_in_constant_time(anonymous, keys, monkeypatch) -> None:
    compared = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return False

    monkeypatch.setattr(access_module.hmac, "compare_digest", compare)
    headers = {"X-API-Key": keys["read"]}
    assert anonymous.get("/v1/model", headers=headers).status_code == 401
    assert compared == [(32, 32)]


@pytest.fixture
def own(state: ServingState) -> tuple[str, str]:
    """Text and id of a key for one test."""
    key, row = create_key(state.store, state.project, secrets.token_hex(8), ["read"])
    return key, row.id


def watched(state: ServingState, seconds: float = 5.0, **settings) -> ServingState:
    """The state with other settings of the service."""
    update = {"watch_seconds": seconds, **settings}
    return replace(state, service=state.service.model_copy(update=update))


def aged(app, seconds: float) -> None:
    """Have the keys been read so many seconds earlier."""
    access_of(app).keyring._asked_at -= seconds


def access_of(app) -> Access:
    return app.state.api.access


def test_a_revoked_key_is_refused_once_the_keys_are_read_anew(state, own) -> None:
    key, identity = own
    app = build_app(Live(watched(state)))
    with TestClient(app, headers={"X-API-Key": key}) as client:
        assert client.get("/v1/model").status_code == 200
        revoke_key(state.store, state.project, identity)
        assert client.get("/v1/model").status_code == 200
        aged(app, 5.0)
        answer = client.get("/v1/model")
    assert (answer.status_code, answer.json()["code"]) == (401, "revoked-key")
    assert identity in answer.json()["detail"]


def test_an_expired_key_is_refused_at_once(state: ServingState) -> None:
    past = datetime.now(UTC) - timedelta(days=2)
    key, _ = create_key(state.store, state.project, secrets.token_hex(8), ["read"],
                        timedelta(days=1), now=past)  # fmt: skip
    with TestClient(build_app(Live(state)), headers={"X-API-Key": key}) as client:
        answer = client.get("/v1/model")
    assert (answer.status_code, answer.json()["code"]) == (401, "expired-key")


def test_another_projects_key_is_unknown(state: ServingState, anonymous: TestClient) -> None:
    key, _ = create_key(state.store, "another", "crm", ["admin"])
    answer = anonymous.get("/v1/model", headers={"X-API-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown-key")


class Counting:
    """A store of which only the keys are asked; it counts, and may fail."""

    def __init__(self, store) -> None:
        self.store, self.asked, self.failing = store, 0, False

    def __getattr__(self, name: str):
        return getattr(self.store, name)

    def reading(self):
        self.asked += 1
        if self.failing:
            raise StateError("the store is locked")
        return self.store.reading()


@pytest.fixture
def counting(state: ServingState) -> Counting:
    return Counting(state.store)


@pytest.fixture
def counted(state: ServingState, counting: Counting, monkeypatch) -> Iterator[TestClient]:
    """A client of an app with one endpoint that asks the store for nothing."""

    async def handler(_api, _request) -> Json:
        return Json({})

    monkeypatch.setattr(
        app_module, "ENDPOINTS", (Endpoint("GET", "/v1/nothing", "nothing", "read", handler),)
    )
    app = build_app(Live(watched(replace(state, store=counting))))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_a_known_key_asks_the_store_for_nothing(counted, counting, keys) -> None:
    for _ in range(50):
        assert counted.get("/v1/nothing", headers={"X-API-Key": keys["read"]}).status_code == 200
    assert counting.asked == 1


def test_a_new_key_works_at_once(counted, counting, keys, state) -> None:
    counted.get("/v1/nothing", headers={"X-API-Key": keys["read"]})
    key, _ = create_key(state.store, state.project, secrets.token_hex(8), ["read"])
    assert counted.get("/v1/nothing", headers={"X-API-Key": key}).status_code == 200
    assert counting.asked == 2


def test_guessing_cannot_keep_the_store_busy(counted, counting, keys, monkeypatch) -> None:
    async def no_sleep(_seconds: float) -> None:
        pass

    monkeypatch.setattr(access_module.anyio, "sleep", no_sleep)
    for _ in range(200):
        assert counted.get("/v1/nothing", headers={"X-API-Key": new_key()}).status_code == 401
    assert counting.asked <= 31
    assert counted.get("/v1/nothing", headers={"X-API-Key": keys["read"]}).status_code == 200


def test_a_mistyped_key_asks_the_store_for_nothing(counted, counting, keys) -> None:
    assert counted.get("/v1/nothing", headers={"X-API-Key": typo(new_key())}).status_code == 401
    assert counting.asked == 0


def test_known_keys_work_while_the_store_is_away(counted, counting, keys) -> None:
    headers = {"X-API-Key": keys["read"]}
    assert counted.get("/v1/nothing", headers=headers).status_code == 200
    counting.failing = True
    aged(counted.app, 60)
    for _ in range(5):
        assert counted.get("/v1/nothing", headers=headers).status_code == 200
    assert counting.asked == 2, "only one request asks while the store is away"
    answer = counted.get("/v1/nothing", headers={"X-API-Key": new_key()})
    assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable")
    assert answer.json()["retry_after"] == 5
    counting.failing = False
    aged(counted.app, 60)
    assert counted.get("/v1/nothing", headers=headers).status_code == 200
    assert counting.asked == 4


def test_a_store_that_hangs_holds_up_one_request_a_little(
    counted, counting, keys, monkeypatch
) -> None:
    headers = {"X-API-Key": keys["read"]}
    assert counted.get("/v1/nothing", headers=headers).status_code == 200
    gate = threading.Event()
    real = counting.store.reading
    monkeypatch.setattr(counting, "reading", lambda: (gate.wait(20), real())[1], raising=False)
    aged(counted.app, 60)
    assert counted.get("/v1/nothing", headers=headers).status_code == 200
    assert not gate.is_set()
    gate.set()


@pytest.mark.parametrize("rate", [None, 3])
def test_too_many_requests_are_told_how_long_to_wait(state: ServingState, rate) -> None:
    name = secrets.token_hex(8)
    key, _ = create_key(state.store, state.project, name, ["read"], rate_per_minute=rate)
    limited = watched(state, rate_per_minute=5)
    with TestClient(build_app(Live(limited)), headers={"X-API-Key": key}) as client:
        answers = [client.get("/v1/model") for _ in range((rate or 5) + 1)]
        other, _ = create_key(state.store, state.project, name, ["read"])
        assert client.get("/v1/model", headers={"X-API-Key": other}).status_code == 200
    assert [a.status_code for a in answers[:-1]] == [200] * (rate or 5)
    problem = answers[-1].json()
    assert (answers[-1].status_code, problem["code"]) == (429, "too-many-requests")
    assert problem["retry_after"] == int(answers[-1].headers["Retry-After"]) == 60 // (rate or 5)
    assert f"{rate or 5} requests a minute" in problem["detail"]


def test_wrong_keys_wait_and_good_ones_do_not(state, keys, monkeypatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(access_module.anyio, "sleep", sleep)
    with TestClient(build_app(Live(state))) as client:
        for _ in range(25):
            client.get("/v1/model", headers={"X-API-Key": "guess"})
        assert waited == [1.0] * 5
        assert client.get("/v1/model", headers={"X-API-Key": keys["read"]}).status_code == 200
        assert client.get("/v1/model").status_code == 401
    assert len(waited) == 5


@pytest.mark.parametrize(
    ("told", "stranger", "reader", "admin"),
    [("key", 401, 403, 200), ("open", 200, 200, 200), ("off", 404, 404, 404)],
)
def test_metrics_are_as_the_project_says(state, keys, told, stranger, reader, admin) -> None:
    with TestClient(build_app(Live(watched(state, metrics=told)))) as client:
        assert client.get("/metrics").status_code == stranger
        assert client.get("/metrics", headers={"X-API-Key": keys["read"]}).status_code == reader
        answer = client.get("/metrics", headers={"X-API-Key": keys["admin"]})
        assert answer.status_code == admin
        if told == "off":
            assert answer.json()["code"] == "not-found"


@pytest.mark.parametrize(
    ("told", "stranger", "reader"), [("key", 401, 200), ("open", 200, 200), ("off", 404, 404)]
)
def test_docs_are_as_the_project_says(state, keys, monkeypatch, told, stranger, reader) -> None:
    async def handler(_api, _request) -> Json:
        return Json({})

    docs = Endpoint("GET", "/test.json", "test_docs", "any", handler, setting="docs")
    monkeypatch.setattr(app_module, "ENDPOINTS", (docs,))
    with TestClient(build_app(Live(watched(state, docs=told)))) as client:
        assert client.get("/test.json").status_code == stranger
        answer = client.get("/test.json", headers={"X-API-Key": keys["score"]})
        assert answer.status_code == reader


def test_the_last_use_is_written_at_most_once_a_minute(state, own, monkeypatch) -> None:
    key, identity = own
    writes: list[int] = []
    written = threading.Event()
    monkeypatch.setattr(access_module, "FIRST_USE_SECONDS", 0.0)
    with TestClient(build_app(Live(state)), headers={"X-API-Key": key}) as client:
        keyring = access_of(client.app).keyring
        real = keyring.write_uses

        def write() -> None:
            real()
            writes.append(1)
            written.set()

        keyring.write_uses = write  # type: ignore[method-assign]
        assert client.get("/v1/model").status_code == 200
        assert written.wait(30)
        first = last_use(state, identity)
        for _ in range(50):
            assert client.get("/v1/model").status_code == 200
        assert writes == [1]
        assert last_use(state, identity) == first
    assert writes == [1, 1]
    assert last_use(state, identity) > first


def test_a_loop_that_ended_leaves_its_uses_to_the_next(state, own, monkeypatch) -> None:
    access = Access(Live(state), Metrics())
    written = threading.Event()
    monkeypatch.setattr(access.keyring, "write_uses", written.set)

    async def use(wait: float) -> bool:
        access._note_use(own[1])
        return await asyncio.to_thread(written.wait, wait)

    monkeypatch.setattr(access_module, "FIRST_USE_SECONDS", 60.0)
    assert not asyncio.run(use(0))
    monkeypatch.setattr(access_module, "FIRST_USE_SECONDS", 0.0)
    assert asyncio.run(use(30))


def last_use(state: ServingState, identity: str) -> datetime:
    (row,) = [row for row in keys_of(state.store, state.project) if row.id == identity]
    assert row.last_used_at is not None
    return row.last_used_at


def test_uses_that_cannot_be_written_wait(state, own, monkeypatch, caplog) -> None:
    import npsight.service.keyring as keyring_module

    keyring = keyring_module.Keyring(Live(state))
    keyring.note_use(own[1])
    real = keyring_module.record_uses
    monkeypatch.setattr(
        keyring_module, "record_uses", lambda *_: (_ for _ in ()).throw(StateError("locked"))
    )
    keyring.write_uses()
    assert "could not be noted" in caplog.text
    monkeypatch.setattr(keyring_module, "record_uses", real)
    keyring.write_uses()
    used = {row.id: row.last_used_at for row in keys_of(state.store, state.project)}
    assert used[own[1]] is not None


def test_an_api_client_may_have_several_scopes(state: ServingState) -> None:
    with api_client(state, ["read", "score"]) as client:
        assert client.get("/v1/model").status_code == 200
        detail = client.get("/metrics").json()["detail"]
    assert "this one has `read`, `score`" in detail
