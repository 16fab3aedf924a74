"""What the specs say to people: one entry for each operation, and the words above all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

API_VERSION = "1.0.0"
"""Of the contract, not of the package: a caller of 1.x keeps working with every later 1.y."""
HOST = "npsight.example.com"

API: dict[str, Any] = {
    "title": "npsight",
    "version": API_VERSION,
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    "description": "Next-period NPS, detractor risk and churn risk of accounts, and what drives "
    "them. Send a key in the header X-API-Key. Every answer under /v1 carries request_id; errors "
    "are application/problem+json, carry it too, and name every fault. A batch answers 200 with a "
    "status for each row. Instants are text in ISO 8601 with an offset, such as "
    "2026-06-01T00:00:00Z; null means missing. Answers may get more fields, so ignore those you do "
    "not know.",
}
TAGS = [
    {"name": "Scores", "description": "Scores of accounts, and of what-if rows."},
    {"name": "Accounts", "description": "What the latest run says of the accounts."},
    {"name": "Writing", "description": "New survey answers and facts."},
    {"name": "Follow-ups", "description": "What is done about accounts, and what came of it."},
    {"name": "Service", "description": "The model, and whether the service is well."},
]


@dataclass(frozen=True)
class Words:
    """What one operation is called and does.

    Attributes
    ----------
    tag
        One of `TAGS`.
    summary, description
        At most 80 characters for a list of operations; sentences.
    answered
        What the answer is.
    sent
        What the body is; "" without one.
    body
        A body to try. Tests send it.
    path
        Name of each parameter of the path -> what it is.
    """

    tag: str
    summary: str
    description: str
    answered: str
    sent: str = ""
    body: dict[str, Any] | None = None
    path: dict[str, str] = field(default_factory=dict)


WORDS = {
    "score": Words(
        "Scores",
        "Score accounts",
        "Scores up to 1,000 accounts from their stored inputs. Each row has a status of its own: "
        "ok, not_found or invalid.",
        "A result for each account, in the order they were sent.",
        "Which accounts, and what to tell of them.",
        {"accounts": ["A-1001", "A-1002"], "drivers": True},
    ),
    "scoreFeatures": Words(
        "Scores",
        "Score features given by name",
        "Scores up to 1,000 rows of features: what if a stored account had other values, or an "
        "account that is not stored at all. Nothing is kept.",
        "A result for each row, in the order they were sent.",
        "The rows to score.",
        {
            "rows": [
                {
                    "id": "what-if-1",
                    "account": "A-1001",
                    "features": [{"name": "tickets__open", "number": 0, "text": None}],
                }
            ]
        },
    ),
    "startJob": Words(
        "Scores",
        "Start scoring many accounts",
        "Scores up to 100,000 accounts, or all of them, in the background. Ask for the job by its "
        "id until its status is done or failed.",
        "The job was taken on.",
        "Which accounts, and what to tell of them. An empty object scores all accounts.",
        {"accounts": ["A-1001", "A-1002"]},
    ),
    "job": Words(
        "Scores",
        "Get a job and its results",
        "How far a job is, and its results page by page.",
        "The job, and one page of its results.",
        path={"id": "Id of the job, as it was given when the job was started."},
    ),
    "accounts": Words(
        "Accounts",
        "List accounts",
        "Accounts of the latest run, page by page, filtered and ordered as the worklist is.",
        "One page of accounts.",
    ),
    "account": Words(
        "Accounts",
        "Get one account",
        "The latest score of one account, what drives it, and its history.",
        "The account.",
        path={
            "account": "Key of the account, as in your tables. Encode it as a part of a URL: a "
            "slash within it is %2F."
        },
    ),
    "addResponses": Words(
        "Writing",
        "Send survey answers",
        "Stores up to 100 new survey answers and scores their accounts at once. The same answer "
        "sent again is stored once. Each row has a status of its own.",
        "A result for each answer, with the account's numbers before and after.",
        "The answers.",
        {
            "responses": [
                {
                    "id": "survey-8841",
                    "account": "A-1001",
                    "score": 4,
                    "occurred_at": "2026-06-02T09:30:00Z",
                    "comment": "Support was slow.",
                }
            ],
            "idempotency_key": "survey-8841",
        },
    ),
    "addResponse": Words(
        "Writing",
        "Send one survey answer",
        "Stores one new survey answer, sent as flat names and values, and scores its account at "
        "once. The same answer sent again is stored once. The score may be text, such as 7.",
        "What became of it, with the account's numbers before and after.",
        "The answer.",
        {
            "id": "survey-8842",
            "account": "A-1001",
            "score": 4,
            "occurred_at": "2026-06-02T09:30:00Z",
            "comment": "Support was slow.",
        },
    ),
    "addFacts": Words(
        "Writing",
        "Send usage facts",
        "Stores up to 1,000 new facts of one activity table and scores their accounts at once. "
        "The same fact sent again is stored once. Each row has a status of its own.",
        "A result for each fact, with the account's numbers before and after.",
        "The facts.",
        {
            "table": "tickets",
            "facts": [
                {
                    "id": "ticket-311",
                    "account": "A-1001",
                    "occurred_at": "2026-06-02T08:00:00Z",
                    "values": [{"name": "severity", "number": None, "text": "high"}],
                }
            ],
            "idempotency_key": "ticket-311",
        },
    ),
    "addFact": Words(
        "Writing",
        "Send one usage fact",
        "Stores one new fact of an activity table and scores its account at once. The same fact "
        "sent again is stored once. For workflows that send flat names and values, each measure "
        "and category may be a field of its own name, and a number may be text.",
        "What became of it, with the account's numbers before and after.",
        "The fact.",
        {
            "table": "tickets",
            "id": "ticket-312",
            "account": "A-1001",
            "occurred_at": "2026-06-02T08:00:00Z",
            "values": [{"name": "severity", "number": None, "text": "high"}],
        },
    ),
    "followUps": Words(
        "Follow-ups",
        "List follow-ups",
        "Open follow-ups by due day, page by page: whom to call, whose task it is and why. Also "
        "those that ended, by their state.",
        "One page of follow-ups.",
    ),
    "takeFollowUpStep": Words(
        "Follow-ups",
        "Take a step with a follow-up",
        "Begins the follow-up of an account, logs a contact, or ends it with an outcome, as the "
        "pages of npsight do: the board, the worklist and the history show it at once.",
        "The follow-up after the step.",
        "The account, the step, and what goes with it.",
        {
            "account": "A-1001",
            "step": "call",
            "note": "Promised a fix of the export until Friday.",
            "idempotency_key": "task-00T5g00000QwErT",
        },
    ),
    "model": Words(
        "Service",
        "Describe the model",
        "The served model: version, digest, the features it reads, its card, and how old the "
        "stored inputs are.",
        "The served model.",
    ),
    "index": Words(
        "Service",
        "List the endpoints",
        "What is here.",
        "Name and version of the service, and its endpoints.",
    ),
    "problem": Words(
        "Service",
        "Explain a problem",
        "What a problem's type stands for, why it happens and what to do. The type of an error is "
        "the path of this endpoint.",
        "The problem in words.",
        path={"code": "The code of the problem, such as invalid-body."},
    ),
    "live": Words(
        "Service",
        "Is the process alive",
        "Answers as long as the process does. Needs no key.",
        "It is.",
    ),
    "ready": Words(
        "Service",
        "Is the service ready",
        "Whether the model is loaded and the store answers. Needs no key.",
        "It is.",
    ),
    "metrics": Words(
        "Service",
        "Figures for Prometheus",
        "Requests, durations and results, as Prometheus reads them.",
        "Figures, one a line.",
    ),
    "openapi": Words(
        "Service",
        "This service in OpenAPI 3.0",
        "The document that Salesforce External Services and most tools import.",
        "An OpenAPI 3.0.3 document.",
    ),
    "swagger": Words(
        "Service",
        "This service in OpenAPI 2.0",
        "The document that Power Platform imports.",
        "An OpenAPI 2.0 document.",
    ),
}
"""Operation -> its words."""
