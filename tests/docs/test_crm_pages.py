"""Every request on the pages for CRMs is sent to the real app, and answers as the page says."""

from __future__ import annotations

import io
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import pytest
from contract import check_answer
from live import listening
from served import serve_crm

from npsight.service.api import DEADLINE_SECONDS
from npsight.service.endpoints import ENDPOINTS
from npsight.service.once import LEASE_MARGIN_SECONDS

FOLDER = Path(__file__).parents[2] / "docs" / "crm"
PAGES = sorted(FOLDER.glob("*.md"))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROUTES = {endpoint.path for endpoint in ENDPOINTS}


@dataclass(frozen=True)
class Block:
    """A fenced block, and the one behind it where that is JSON: the answer."""

    page: str
    place: int
    language: str
    text: str
    answer: str | None


def blocks(page: Path) -> Iterator[Block]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    for i, (language, text) in enumerate(found):
        behind = found[i + 1] if i + 1 < len(found) else ("", "")
        yield Block(page.stem, i, language, text, behind[1] if behind[0] == "json" else None)


BLOCKS = [block for page in PAGES for block in blocks(page)]


def of(*languages: str, having: str = "") -> list[Any]:
    return [
        pytest.param(b, id=f"{b.page}-{b.place}")
        for b in BLOCKS
        if b.language in languages and having in b.text
    ]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and key."""
    served = serve_crm(tmp_path_factory.mktemp("crm"))
    with listening(served.app) as address:
        yield address, served.headers["X-API-Key"]


@pytest.fixture
def environment(service: tuple[str, str]) -> dict[str, str]:
    address, key = service
    return {**os.environ, "NPSIGHT_URL": address, "NPSIGHT_KEY": key}


def test_there_is_a_page_for_each_and_each_shows_requests() -> None:
    names = {"salesforce", "hubspot", "power-automate", "zapier", "curl", "python"}
    assert {page.stem for page in PAGES} == names
    shown = {b.page for b in BLOCKS if b.language in ("http", "python") or "curl" in b.text}
    assert shown == names


@pytest.mark.parametrize("block", of("http"))
def test_a_request_is_answered_well(block: Block, service: tuple[str, str]) -> None:
    head, _, body = block.text.partition("\n\n")
    (method, path, version), *lines = (line.split(" ", 2) for line in head.splitlines())
    assert version == "HTTP/1.1"
    headers = {name.rstrip(":"): " ".join(value) for name, *value in lines}
    assert headers.pop("Host") == "npsight.example.com"
    assert headers.pop("X-API-Key") == "nps_..."
    headers["X-API-Key"] = service[1]
    answer = httpx.request(method, service[0] + path, headers=headers, content=body.encode())
    assert answer.status_code in (200, 202), answer.text
    check_answer(answer)
    assert all(r["status"] in ("ok", "not_found", "rescored", "stored", "unchanged")
               for r in answer.json().get("results", []))  # fmt: skip
    if block.answer is not None:
        assert_alike(json.loads(block.answer), answer.json(), "")


def assert_alike(shown: Any, real: Any, place: str) -> None:
    """The same fields, and values of the same kinds."""
    if isinstance(shown, dict):
        assert shown.keys() == real.keys(), place
        for name in shown:
            assert_alike(shown[name], real[name], f"{place}/{name}")
    elif isinstance(shown, list):
        assert isinstance(real, list), place
        for i, item in enumerate(shown):
            assert_alike(item, real[i], f"{place}/{i}")
    else:
        assert type(shown) is type(real), f"{place}: {shown!r} and {real!r}"


@pytest.mark.parametrize("block", of("sh", having="curl "))
def test_a_curl_command_runs(block: Block, environment: dict[str, str]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl is installed: apt-get install curl")
    command = ["bash", "-euo", "pipefail", "-c", block.text]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["request_id"]


@pytest.mark.parametrize("page", ["python"])
def test_the_blocks_of_a_page_run_one_after_another(
    page: str, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], capsys
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    names: dict[str, Any] = {}
    try:
        for block in BLOCKS:
            if (block.page, block.language) == (page, "python"):
                exec(compile(block.text, f"{page}.md, block {block.place}", "exec"), names)
    finally:
        names["npsight"].close()
    printed = capsys.readouterr().out
    assert re.search(r"^A-1001 (high|medium|low) 0\.\d+$", printed, re.MULTILINE)
    assert "nobody not_found" in printed
    listed = re.findall(r"^(A-\d+) (?:high|medium|low)$", printed, re.MULTILINE)
    assert listed == sorted(f"A-{1001 + i}" for i in range(60))


@pytest.mark.parametrize("block", of("python", having="def main(event)"))
def test_a_custom_code_action_returns_its_outputs(
    block: Block, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    names: dict[str, Any] = {}
    exec(block.text, names)
    found = names["main"]({"inputFields": {"account": "A-1001"}})["outputFields"]
    assert found["status"] == "ok"
    assert 0 < found["detractor_risk"] < 1
    assert found["why"]
    nobody = names["main"]({"inputFields": {"account": "nobody"}})["outputFields"]
    assert nobody["status"] == "not_found"
    environment["NPSIGHT_KEY"] = "wrong"
    refused = names["main"]({"inputFields": {"account": "A-1001"}})["outputFields"]
    assert refused["status"] == "malformed-key"


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("block", of("python", having="def main(event)"))
def test_a_custom_code_action_without_a_key_says_so(
    block: Block, value: str | None, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    names: dict[str, Any] = {}
    exec(block.text, names)
    for fields in ({}, {"account": value}):
        found = names["main"]({"inputFields": fields})["outputFields"]
        assert found == {"status": "invalid", "why": "must not be empty"}
    found = names["main"]({"inputFields": {"account": 1001}})["outputFields"]
    assert found["status"] == "not_found"


@pytest.mark.parametrize("block", of("python", having="def main(event)"))
def test_a_custom_code_action_is_run_again_after_a_proxys_error(
    block: Block, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    names: dict[str, Any] = {}
    exec(block.text, names)

    def refused(*_arguments: Any, **_options: Any) -> None:
        page = io.BytesIO(b"<h1>502 Bad Gateway</h1>")
        raise urllib.error.HTTPError("https://x", 502, "Bad Gateway", Message(), page)

    monkeypatch.setattr("urllib.request.urlopen", refused)
    with pytest.raises(urllib.error.HTTPError, match="502"):
        names["main"]({"inputFields": {"account": "A-1001"}})


@pytest.fixture
def python_client(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> Callable[..., tuple[Callable[..., Any], list[float]]]:
    """The page's `call` before given answers, and the seconds that it waits."""
    waits: list[float] = []
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr("time.sleep", waits.append)

    def made(answers: Iterator[httpx.Response]) -> tuple[Callable[..., Any], list[float]]:
        names: dict[str, Any] = {}
        exec(next(b.text for b in BLOCKS if "def call(" in b.text), names)
        names["npsight"].close()
        names["npsight"] = httpx.Client(
            base_url="https://x", transport=httpx.MockTransport(lambda _request: next(answers))
        )
        return names["call"], waits

    return made


def test_the_python_client_outlives_a_proxys_error(python_client) -> None:
    page = httpx.Response(502, html="<h1>502 Bad Gateway</h1>")
    fine = httpx.Response(200, json={"results": []})
    call, waits = python_client(itertools.chain([page, fine], itertools.repeat(page)))
    assert call("POST", "/v1/score", {"accounts": []}) == {"results": []}
    assert waits == [1.0]
    with pytest.raises(httpx.HTTPStatusError, match="502"):
        call("POST", "/v1/score", {"accounts": []})
    assert 60 <= sum(waits[1:]) < 120


def test_the_python_client_outwaits_the_claim_of_a_write_that_was_cut_off(python_client) -> None:
    lease = math.ceil(DEADLINE_SECONDS + LEASE_MARGIN_SECONDS)
    held = httpx.Response(503, headers={"Retry-After": str(lease)}, json={"code": "in-progress"})
    call, waits = python_client(iter([held, held, httpx.Response(200, json={"results": []})]))
    assert call("POST", "/v1/responses", {"responses": []}) == {"results": []}
    assert waits == [lease, lease]


@pytest.mark.parametrize("block", of("json"))
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


def test_no_page_promises_a_path_that_is_not_there() -> None:
    named = {path for page in PAGES for path in re.findall(r"/v1/[a-z/-]*[a-z]", page.read_text())}
    assert named <= {path.partition("/{")[0] for path in ROUTES} | {"/v1/accounts"}
