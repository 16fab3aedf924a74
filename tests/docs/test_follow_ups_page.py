"""docs/follow-ups.md says which steps there are, as they are declared, and how a CRM takes them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from api_client import TestClient
from served import serve_in_process

from npsight.service.followups import PARAMETERS
from npsight.service.shapes.followups import STEP_NAMES
from npsight.worklist.followups import STEPS

PAGE = Path(__file__).parents[2] / "docs" / "follow-ups.md"


def test_the_table_of_steps_is_the_declared_one() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    rows = rows[: len(STEPS)]
    declared = [
        [
            ", ".join(step.sources),
            step.label,
            step.target or "the same state",
            "a changed field" if step.name == "change" else "a note" if step.needs else "–",
        ]
        for step in STEPS
    ]
    assert sorted(rows) == sorted(declared)


def test_the_requests_of_the_page_are_answered_as_it_says(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    posted = re.findall(r"```http\nPOST (\S+)\n\n(.*?)```", text, re.S)
    asked = re.findall(r"```http\nGET (\S+)\n```", text)
    assert (len(posted), len(asked)) == (2, 1)
    served, states = serve_in_process(tmp_path), []
    with TestClient(served.app, headers=served.headers) as client:
        for path, body in posted:
            sent = json.loads(body.replace("NOW", datetime.now(UTC).isoformat()))
            answer = client.post(path, json=sent)
            assert answer.status_code == 200, answer.text
            states.append(answer.json()["follow_up"]["state"])
        listed = client.get(asked[0])
    assert states == ["contacted", "recovered"]
    assert listed.status_code == 200
    assert set(listed.json()) == {"request_id", "follow_ups", "next_cursor"}


def test_every_step_and_filter_is_on_the_page() -> None:
    part = PAGE.read_text(encoding="utf-8").partition("## From a CRM")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z_ ]+)`", part))
    assert set(STEP_NAMES) <= named
    assert set(PARAMETERS) <= named
