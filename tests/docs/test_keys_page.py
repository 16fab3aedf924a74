"""docs/keys.md: its commands run, its requests get the answers it shows, its tables are complete."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from api_client import TestClient
from command_line import npsight
from tiny_project import make_project

from npsight.config.load import load_project
from npsight.service.app import build_app
from npsight.service.endpoints import ENDPOINTS
from npsight.service.state import Live, ServingState, load_state
from npsight.store import create_key, keys_of
from npsight.store.keytext import PATTERN, key_fault

PAGE = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(kind, text.replace("\\\n", " ")) for kind, text in FENCE.findall(PAGE)]
LINES = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line]
PROBLEMS = [json.loads(text) for kind, text in BLOCKS if kind == "json"]
ROWS = [
    [c.strip() for c in row.strip("|").split("|")] for row in PAGE.splitlines() if row[:1] == "|"
]
EXAMPLE_ID = "4k2m9x0qtz7a"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("keys"), count=5)


@pytest.fixture(scope="module")
def state(config: Path) -> Iterator[ServingState]:
    loaded = load_state(config)
    yield loaded
    loaded.store.close()


def test_the_page_has_what_these_tests_look_for() -> None:
    assert [line.split()[0] for line in LINES].count("npsight") == 4
    assert [line.split()[0] for line in LINES].count("curl") == 3
    assert [problem["status"] for problem in PROBLEMS] == [403, 429]
    assert f"`{PATTERN}`" in PAGE


def test_the_commands_run_one_after_the_other(config: Path, state: ServingState) -> None:
    for line in LINES:
        words = shlex.split(line)
        if words[0] != "npsight":
            continue
        first = keys_of(state.store, state.project)[:1]
        words = [first[0].id if word == EXAMPLE_ID else word for word in words]
        done = npsight(*words[1:], "-c", config)
        assert done.code == 0, f"{line}\n{done.err}"
        if words[2] == "create":
            assert key_fault(done.out.strip()) == ""
    states = {row.revoked_at is None for row in keys_of(state.store, state.project)}
    assert states == {True, False}


def sent(client: TestClient, line: str, key: str):
    """The request that a line of curl sends."""
    words = iter(shlex.split(line.replace("$KEY", key))[1:])
    headers, url, body = {}, "", None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word != "-s":
            url = word.removeprefix("localhost:3000")
    return client.request("GET" if body is None else "POST", url, content=body, headers=headers)


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("curl ")])
def test_the_requests_are_let_in(state: ServingState, line: str) -> None:
    with TestClient(build_app(Live(state)), raise_server_exceptions=False) as client:
        key, row = create_key(state.store, state.project, line[:80], ["score", "read", "write"])
        answer = sent(client, line, key)
        path = answer.request.url.path
        if path in {endpoint.path for endpoint in ENDPOINTS}:
            assert answer.status_code == 200
        assert answer.status_code not in (401, 403, 415, 422)
    assert row.scopes == ("score", "read", "write")


def test_the_problems_are_those_that_are_answered(state: ServingState) -> None:
    key, _ = create_key(state.store, state.project, "limited", ["score"], rate_per_minute=60)
    with TestClient(build_app(Live(state)), headers={"X-API-Key": key}) as client:
        refused = client.get("/v1/model").json()
        limited = [client.get("/v1/model").json() for _ in range(61)][-1]
    for shown, answered in zip(PROBLEMS, (refused, limited), strict=True):
        assert shown.items() <= answered.items()


def test_every_endpoint_stands_with_its_scope() -> None:
    rows = {row[0].strip("`"): row[1] for row in ROWS}
    names = {None: "no key", "any": "any key"}
    for endpoint in ENDPOINTS:
        shown = f"`{endpoint.method} {endpoint.path.replace(':path', '')}`"
        assert shown in rows[names.get(endpoint.scope, endpoint.scope)], shown


def test_every_reason_to_refuse_is_listed() -> None:
    from npsight.service import access, once

    listed = {code for row in ROWS if row[0].isdecimal() for code in re.findall(r"`(.*?)`", row[1])}
    told = " ".join(row[1] for row in ROWS if len(row) == 2)
    for module in (access, once):
        source = Path(module.__file__).read_text(encoding="utf-8")
        for code in re.findall(r'^\s+"([a-z]+(?:-[a-z]+)+)",$', source, re.MULTILINE):
            assert code in listed or f"`{code}`" in told, code


def test_the_setting_is_one_that_a_project_file_takes(config: Path, tmp_path: Path) -> None:
    (piece,) = [yaml.safe_load(text) for kind, text in BLOCKS if kind == "yaml"]
    whole = {**yaml.safe_load(config.read_text()), **piece}
    file = config.with_name("with-service.yaml")
    file.write_text(yaml.safe_dump(whole))
    service = load_project(file).service
    assert service.public_url == "https://nps.example.com"
    assert f"({service.rate_per_minute:,})" in PAGE
    assert f"({service.watch_seconds:g} seconds)" in PAGE
    assert f"({service.replay_hours} hours)" in PAGE
