"""Requests that fail in every way, with planted secrets: none is seen again anywhere."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from api_client import TestClient
from canary import LogTrap, assert_files_keep, assert_no_leak, canary, leaks, shown
from tiny_project import AS_OF, make_project

import npsight.service.app as app_module
from npsight.service.app import build_app
from npsight.service.endpoints import ENDPOINTS, Endpoint
from npsight.service.state import Live, ServingState, load_state
from npsight.store import create_key, open_store, revoke_key, store_file
from npsight.store.keytext import new_key

HUBSPOT_SECRET, ACCOUNT, COMMENT, ONCE = canary(), canary(), canary(), canary()
KINDS = {"content-type": "application/json"}


@dataclass
class World:
    """A project whose every customer's name is planted."""

    state: ServingState
    client: TestClient
    keys: dict[str, str]
    answers: list

    @property
    def planted(self) -> list[str]:
        return [HUBSPOT_SECRET, ACCOUNT, COMMENT, ONCE, *self.secrets]

    @property
    def secrets(self) -> list[str]:
        """The secret part of every key, with its checksum."""
        return [key[-38:] for key in self.keys.values()]

    def ask(self, method: str, path: str, key: str = "admin", **options) -> int:
        headers = {**options.pop("headers", {})}
        if key:
            headers["X-API-Key"] = self.keys[key]
        answer = self.client.request(method, path, headers=headers, **options)
        self.answers.append(answer)
        return answer.status_code


async def defective(_api, _request):
    raise KeyError(f"{ACCOUNT}: {COMMENT}")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("NPSIGHT_HUBSPOT_SECRET", HUBSPOT_SECRET)
    defect = Endpoint("GET", "/v1/test-defect", "test_defect", "read", defective)
    monkeypatch.setattr(app_module, "ENDPOINTS", (*ENDPOINTS, defect))
    state = load_state(make_project(tmp_path, count=5))
    run = state.store.latest_run("tiny")
    later = replace(run, id="run-2", as_of=AS_OF + timedelta(days=1))
    rows = [dataclasses.replace(row, account=f"{ACCOUNT}-{row.account}")
            for row in state.store.scores(run.id)]  # fmt: skip
    inputs = [(f"{ACCOUNT}-{k}", i.features, i.past) for k, i in state.store.inputs(run.id).items()]
    state.store.write_run(later, rows, inputs)
    keys = {"unknown": new_key(), "cut": new_key()[:-2], "planted": canary()}
    past = datetime.now(UTC) - timedelta(days=9)
    for name in ("admin", "score", "revoked"):
        keys[name], row = create_key(state.store, "tiny", name, [name.replace("revoked", "read")])
    revoke_key(state.store, "tiny", row.id)
    keys["expired"], _ = create_key(state.store, "tiny", "e", ["read"], timedelta(days=1), now=past)
    settings = state.service.model_copy(update={"public_url": "https://nps.example.com"})
    app = build_app(Live(replace(state, service=settings)))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield World(state, client, keys, [])
    state.store.close()


def fail_in_every_way(world: World) -> set[int]:
    """Statuses met."""
    account = quote(f"{ACCOUNT}-a/1 é", safe="")
    met = {world.ask("GET", "/v1/model", key) for key in ["", *world.keys]}
    met |= {world.ask("GET", f"/v1/accounts/{account}", key) for key in ("", "score", "admin")}
    met.add(world.ask("GET", f"/v1/accounts/{account}x"))
    met.add(world.ask("GET", f"/{ACCOUNT}"))
    met.add(world.ask("GET", "/v1/test-defect"))
    met.add(world.ask("DELETE", "/v1/score"))
    bodies = [
        b"{" + ACCOUNT.encode(),
        b"\xff" + ACCOUNT.encode(),
        json.dumps({"accounts": {ACCOUNT: COMMENT}}).encode(),
        json.dumps({"accounts": [], "drivers": COMMENT}).encode(),
        json.dumps([ACCOUNT, COMMENT]).encode(),
        json.dumps(ACCOUNT * 60_000).encode(),
    ]
    signed = {
        "X-HubSpot-Signature-v3": canary(),
        "X-HubSpot-Request-Timestamp": str(int(datetime.now(UTC).timestamp() * 1000)),
    }
    for endpoint in ENDPOINTS:
        path = endpoint.path.replace("{account:path}", account).replace("{id}", ACCOUNT)
        met.add(world.ask(endpoint.method, path, headers={"Idempotency-Key": ONCE}))
        if endpoint.method == "POST":
            for body in bodies:
                headers = {**KINDS, "Idempotency-Key": ONCE}
                met.add(world.ask("POST", path, content=body, headers=headers))
            met.add(world.ask("POST", path, "", content=bodies[0], headers={**KINDS, **signed}))
            met.add(world.ask("POST", path, "score", json=[ACCOUNT]))
    return met


def test_nothing_planted_is_seen_again(
    world: World,
    nothing_leaks_into_logs: LogTrap,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG, "npsight")
    assert fail_in_every_way(world) >= {400, 401, 403, 404, 405, 413, 415, 422, 500}
    world.client.app.state.api.access.close()
    for answer in world.answers:
        assert not shown(answer.text, [HUBSPOT_SECRET, ONCE, *world.secrets])
        assert_no_leak("a header", str(answer.headers), world.planted)
        if answer.status_code >= 400:
            assert_no_leak(f"a problem ({answer.request.url.path})", answer.text, world.planted)
    good = [a for a in world.answers if a.status_code == 200]
    assert any(shown(a.text, [ACCOUNT]) for a in good), (
        "the good answers show the account: the check would notice it"
    )
    metrics = world.client.get("/metrics", headers={"X-API-Key": world.keys["admin"]}).text
    assert 'npsight_refused_total{reason="bad-signature"}' in metrics
    assert_no_leak("/metrics", metrics, world.planted)
    assert "KeyError" in caplog.text
    assert_no_leak("the log", caplog.text, world.planted)
    printed = capfd.readouterr()
    assert_no_leak("standard output", printed.out, world.planted)
    assert_no_leak("standard error", printed.err, world.planted)
    assert nothing_leaks_into_logs.seen > 0
    folder = Path(world.state.store._engine.url.database).parent
    assert_files_keep(folder, [HUBSPOT_SECRET, ONCE, *world.secrets])


def test_a_store_that_fails_names_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "npsight")
    file = Path(world.state.store._engine.url.database)
    assert world.ask("GET", "/v1/model") == 200
    for suffix in ("", "-wal", "-shm"):
        Path(f"{file}{suffix}").write_bytes(b"no database " * 1000)
    world.state.store._engine.dispose()
    met = {world.ask("GET", f"/v1/accounts/{quote(ACCOUNT, safe='')}-1"),
           world.ask("POST", "/v1/score", json={"accounts": [f"{ACCOUNT}-a/1 é"]}),
           world.ask("GET", "/v1/model", "unknown")}  # fmt: skip
    assert met == {503}
    for answer in world.answers[1:]:
        assert_no_leak("a problem", answer.text, world.planted)
    assert_no_leak("the log", caplog.text, world.planted)


def test_the_helper_sees_what_it_should() -> None:
    key = new_key()
    assert leaks(f"xx{key}yy") == [key]
    assert leaks(f"x {ACCOUNT}") == [ACCOUNT]
    assert leaks(quote("a b"), ["a b"]) == ["a%20b"]
    assert leaks("all is well") == []
    trap = LogTrap()
    record = logging.LogRecord("npsight.x", logging.INFO, "", 1, "key %s", (key,), None)
    trap.emit(record)
    assert key in trap.caught[0]
    try:
        raise KeyError(key)
    except KeyError as error:
        info = (KeyError, error, error.__traceback__)
    trap.emit(logging.LogRecord("npsight.x", logging.INFO, "", 1, "bad", (), info))
    assert key in trap.caught[1]


def test_keys_made_on_the_command_line_are_nowhere_but_on_it(tmp_path: Path) -> None:
    store = open_store(store_file(tmp_path))
    key, _ = create_key(store, "p", "crm", ["score"])
    store.close()
    assert_files_keep(tmp_path, [key, key[17:]])
