"""Every request of docs/writing-facts.md is sent, in order, and does what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from api_client import TestClient, key_headers
from written_company import written_once

from npsight.service.app import build_app
from npsight.service.shapes.writing import MAX_FACTS, MAX_RESPONSES
from npsight.service.state import Live, load_state
from npsight.service.writing import close

PAGE = Path(__file__).parents[2] / "docs" / "writing-facts.md"
TEXT = PAGE.read_text(encoding="utf-8")
REQUESTS = re.findall(r"```http\nPOST (\S+)\n(.*?)```", TEXT, re.S)


@pytest.fixture(scope="module")
def sent(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    folder = tmp_path_factory.mktemp("page") / "company"
    company = written_once(shared).copy(folder, state=True)
    live = Live(load_state(company.config))
    headers = key_headers(live.state, ["write"])
    found = []
    with TestClient(build_app(live), headers=headers) as client:
        for path, body in [*REQUESTS, REQUESTS[0]]:
            answer = client.post(path, json=json.loads(body))
            assert answer.status_code == 200, answer.text
            told = answer.json()
            found += told.get("results", [told])
    close(live)
    live.state.store.close()
    return found


def test_every_request_is_scored_at_once_and_the_first_one_again_does_nothing(sent) -> None:
    assert len(REQUESTS) == 6
    statuses = [(result["status"], result["detail"]) for result in sent]
    assert statuses[:6] == [("rescored", None)] * 6
    assert statuses[6][0] == "unchanged"


def test_the_answer_is_the_newest_one_and_is_told_before_and_after(sent) -> None:
    assert sent[0]["after"]["band_now"] == "detractor"
    assert sent[0]["before"]["as_of"] == "2026-06-30T00:00:00Z"
    assert sent[0]["after"]["as_of"] > sent[0]["before"]["as_of"]
    assert sent[0]["after"]["detractor_risk"] != sent[0]["before"]["detractor_risk"]


def test_what_the_page_says_of_limits_and_statuses_is_true(sent) -> None:
    assert f"At most {MAX_RESPONSES} answers or {MAX_FACTS:,} facts" in TEXT
    listed = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.M))
    assert listed == {"rescored", "stored", "unchanged", "conflict", "invalid", "not_found"}
