"""A tiny scored project as an app in this process, with a key for everything and no limit."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from tiny_project import make_project

from npsight.service.app import build_app
from npsight.service.endpoints import Endpoint
from npsight.service.state import Live, ServingState, load_state
from npsight.store import create_key

NO_LIMIT = 10_000_000
TICKETS = """\
  activity:
    tickets: {path: tickets.csv, account: account, time: at, categories: [severity]}
"""


@dataclass(frozen=True)
class Served:
    """The app, and the headers of a caller who may do everything."""

    app: Starlette
    headers: dict[str, str]


def serve_in_process(folder: Path) -> Served:
    """Make the project in a folder and serve it, with a table for facts."""
    config = make_project(folder)
    text = config.read_text(encoding="utf-8").replace("targets:", f"{TICKETS}targets:")
    config.write_text(text, encoding="utf-8")
    (folder / "tickets.csv").write_text("account,at,severity\n", encoding="utf-8")
    return _served(load_state(config))


def _served(state: ServingState) -> Served:
    name = secrets.token_hex(8)
    key, _ = create_key(state.store, state.project, name, ["admin"], rate_per_minute=NO_LIMIT)
    return Served(build_app(Live(state)), {"X-API-Key": key})


def serve_crm(folder: Path) -> Served:
    """The same with accounts A-1001, A-1002 and so on, as the pages for CRMs call them."""
    config = make_project(folder)
    state = load_state(config)
    run = state.store.latest_run(state.project)
    renamed = {f"a/{i} é": f"A-{1001 + i}" for i in range(run.account_count)}
    scores = [
        replace(row, account=renamed[row.account], risk_level="medium")
        for row in state.store.scores(run.id)
    ]
    inputs = [
        (renamed[account], kept.features, kept.past)
        for account, kept in state.store.inputs(run.id).items()
    ]
    later = replace(run, id="run-crm", as_of=run.as_of + timedelta(days=1))
    state.store.write_run(later, scores, inputs)
    state.store.close()
    return _served(load_state(config))


def good_bodies(endpoint: Endpoint) -> list[Any]:
    """Bodies that the endpoint takes, of the tiny project's accounts and features."""
    return GOOD[endpoint.operation]


LOGINS = "usage__sum_logins__30d"
ANSWER = {"score": 4, "occurred_at": "2026-05-02T09:30:00Z"}
GOOD: dict[str, list[Any]] = {
    "score": [
        {"accounts": ["a/0 é", "a/1 é"]},
        {"accounts": ["a/2 é"], "drivers": True, "targets": ["nps"], "as_of": None},
        {"accounts": ["a/3 é", "nobody"], "as_of": "2026-06-01T00:00:00Z", "targets": None},
    ],
    "scoreFeatures": [
        {"rows": [{"id": "1", "account": "a/0 é"}]},
        {
            "rows": [
                {
                    "id": "1",
                    "account": "a/0 é",
                    "segment": "pro",
                    "features": [
                        {"name": LOGINS, "number": 7.5, "text": None},
                        {"name": "accounts__value_plan", "number": None, "text": "pro"},
                    ],
                    "answers": [ANSWER],
                },
                {"id": "2", "features": [{"name": LOGINS, "number": 1}], "answers": []},
            ],
            "drivers": True,
            "targets": ["churn", "detractor"],
        },
    ],
    "startJob": [
        {"accounts": ["a/0 é", "nobody"], "drivers": False, "targets": ["nps"]},
        {"accounts": None, "idempotency_key": "k1"},
    ],
    "addResponses": [
        {
            "responses": [
                {
                    "id": "r1",
                    "account": "a/0 é",
                    "score": 4,
                    "occurred_at": "2026-06-02T09:30:00Z",
                    "respondent": "p1",
                    "comment": "slow",
                    "touchpoint": None,
                    "role": None,
                    "seniority": None,
                    "known_at": "2026-06-02T09:31:00Z",
                }
            ],
            "idempotency_key": "w1",
        },
    ],
    "addResponse": [
        {
            "id": "r2",
            "account": "a/0 é",
            "score": "4",
            "occurred_at": 1780392600000,
            "comment": "",
            "known_at": None,
            "idempotency_key": "w2",
        },
    ],
    "addFact": [
        {
            "table": "tickets",
            "id": "f2",
            "account": "a/0 é",
            "occurred_at": "2026-06-02T08:00:00Z",
            "ended_at": "",
            "severity": "high",
        },
        {
            "table": "tickets",
            "id": "f3",
            "account": "a/0 é",
            "occurred_at": "2026-06-02T08:00:00Z",
            "values": [{"name": "severity", "number": None, "text": "high"}],
        },
    ],
    "takeFollowUpStep": [
        {"account": "a/5 é", "step": "call"},
        {"account": "a/6 é", "step": "call", "note": "x", "due_on": None, "notes": "y"},
        {
            "account": "a/4 é",
            "step": "call",
            "note": "Promised a fix.",
            "contacted_at": None,
            "owner": "",
            "reason": "Support",
            "driver": None,
            "due_on": None,
            "notes": "Asks for Ada.",
            "id": None,
            "version": None,
            "idempotency_key": "w3",
        },
    ],
    "addFacts": [
        {
            "table": "tickets",
            "facts": [
                {
                    "id": "f1",
                    "account": "a/0 é",
                    "occurred_at": "2026-06-02T08:00:00Z",
                    "ended_at": None,
                    "values": [{"name": "severity", "number": None, "text": "high"}],
                }
            ],
        },
    ],
}
"""Operation -> bodies that are taken."""
