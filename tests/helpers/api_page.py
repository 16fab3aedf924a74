"""The examples of docs/api.md, answered by a real service over a small project.

`python tests/helpers/api_page.py` writes the answers anew; a test holds the page equal to them.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from api_client import api_client
from tiny_project import AS_OF, make_project

from npsight.service.runner import JobRunner
from npsight.service.state import Live, ServingState, load_state

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
EXAMPLE = re.compile(
    r"```http\n(?P<request>.*?)\n```\n(?P<between>\n?)```json\n.*?\n```", re.DOTALL
)
WIDTH = 96
DIGITS = 4
VOLATILE = {
    "request_id": "4f1d0c9b8a7e4c55b0a1d2e3f4a5b6c7",
    "model_digest": "9a3e…",
    "as_of_age_days": 1.25,
    "next_cursor": "Yk3x…",
    "changed_at": "2026-06-08T06:00:00Z",
    "created_at": "2026-06-09T08:00:00Z",
    "finished_at": "2026-06-09T08:00:02Z",
    "expires_at": "2026-06-10T08:00:02Z",
}
JOB = "0123456789abcdef0123456789abcdef"
ACCOUNTS = 12


@contextmanager
def example_state() -> Iterator[ServingState]:
    """Two runs; the latest has all that a real project has."""
    with tempfile.TemporaryDirectory() as folder:
        state = load_state(make_project(Path(folder), count=ACCOUNTS))
        _write_latest(state)
        yield state
        state.store.close()


def _write_latest(state: ServingState) -> None:
    run, inputs = state.store.latest_run("tiny"), state.store.inputs("run-1")
    later = replace(
        run, id="run-2", as_of=AS_OF + timedelta(days=7), data_digest="5c82f96be2adbfc6"
    )
    rows = [
        replace(
            row,
            as_of=later.as_of,
            name=f"Firm {i}",
            owner=("Ada Park", "Bo Lind")[i % 2],
            segment=inputs[row.account].features["segment_"],
            revenue=12_000.0 * (i + 1),
            renewal_at=AS_OF + timedelta(days=30 + i),
            last_score=7.0,
            last_answer_at=AS_OF - timedelta(days=20 + i),
            nps_low_95=row.nps_low_80 - 9.0,
            nps_high_95=row.nps_high_80 + 9.0,
            risk_level="high" if row.detractor_risk >= 0.5 else "medium",
            priority=6_000.0 / (i + 1),
            priority_reason="risk × revenue",
            within_capacity=True,
            answer_prob=0.5,
            expected_answers=0.75,
        )
        for i, row in enumerate(state.store.scores("run-1"))
    ]
    stored = [(k, v.features, v.past) for k, v in inputs.items()]
    state.store.write_run(later, rows, stored)


def answered(text: str) -> str:
    """The page with every answer as the service gives it now."""
    with example_state() as state, api_client(state) as client:
        job = ""

        def example(match: re.Match[str]) -> str:
            nonlocal job
            line, _, body = match["request"].partition("\n\n")
            method, path = line.split(" ", 1)
            content = json.loads(body) if body else None
            answer = client.request(method, path.replace(JOB, job), json=content)
            told = answer.json()
            if answer.status_code == 202:
                job = told["job"]["id"]
                JobRunner(Live(state)).work()
            shown = pretty(steady(told))
            return f"```http\n{match['request']}\n```\n{match['between']}```json\n{shown}\n```"

        return EXAMPLE.sub(example, text)


def steady(value: Any, name: str = "") -> Any:
    """What differs from call to call or from machine to machine is made the same."""
    if name in VOLATILE and value is not None:
        return VOLATILE[name]
    if isinstance(value, dict):
        return {k: JOB if name == "job" and k == "id" else steady(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [steady(item) for item in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def pretty(value: Any, indent: int = 0) -> str:
    """JSON that breaks lines only where they grow too long."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= WIDTH or not isinstance(value, (dict, list)) or not value:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{json.dumps(k)}: {pretty(v, indent + 2)}" for k, v in value.items()]
        return "{\n" + _filled(parts, pad) + "\n" + " " * indent + "}"
    parts = [pretty(item, indent + 2) for item in value]
    return "[\n" + ",\n".join(pad + part for part in parts) + "\n" + " " * indent + "]"


def _filled(parts: list[str], pad: str) -> str:
    """Short fields share a line."""
    lines = [pad]
    for i, part in enumerate(parts):
        text = part + ("," if i < len(parts) - 1 else "")
        fits = len(lines[-1]) + len(text) + 1 <= WIDTH and "\n" not in text
        if lines[-1] != pad and (not fits or "\n" in lines[-1]):
            lines.append(pad)
        lines[-1] += text if lines[-1] == pad else f" {text}"
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(answered(PAGE.read_text("utf-8")), encoding="utf-8")
