"""Messages that wait to be sent, put here in the transaction that makes the change they tell of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    insert,
)

from npsight.store.rows import JsonObject
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant, clean, rounded, to_json, utc_text
from npsight.store.webhooks import TEST_EVENT, WebhookEndpoint, listening

if TYPE_CHECKING:
    from npsight.store.changes import ScoreChange

PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"
CHUNK = 1000
TOLD = ("as_of", "model_version", "risk_level", "detractor_risk", "predicted_nps", "churn_risk")
_HEIGHT = {None: 0, "low": 0, "medium": 1, "high": 2}

outbox = Table(
    "outbox",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("message_id", String, nullable=False),
    Column("project", String, nullable=False),
    Column(
        "endpoint_id",
        String,
        ForeignKey("webhook_endpoints.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("account", String, nullable=False),
    Column("event", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("status", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcInstant, nullable=False),
    Column("lease_owner", String),
    Column("lease_until", UtcInstant),
    Column("outcome", String),
    Column("settled_at", UtcInstant),
    Index("ix_outbox_project_status_seq", "project", "status", "seq"),
    Index("ix_outbox_endpoint_id_account", "endpoint_id", "account", "status", "seq"),
    Index("ix_outbox_message_id", "message_id", unique=True),
)


def enqueue(
    connection: Connection,
    project: str,
    cause: str,
    changes: Sequence[ScoreChange],
    now: datetime,
) -> int:
    """Put a message for each changed risk level and each endpoint that asks for it.

    Returns how many. A message's id stays the same however often it is sent.
    """
    moved = [c for c in changes if c.before.get("risk_level") != c.after.get("risk_level")]
    if not moved:
        return 0
    endpoints = listening(connection, project)
    rows = [
        _row(endpoint, change.account, event, _data(project, cause, change), now)
        for change in moved
        for endpoint in endpoints
        for event in _event(endpoint, change)
    ]
    for start in range(0, len(rows), CHUNK):
        connection.execute(insert(outbox), rows[start : start + CHUNK])
    return len(rows)


def trial_message(endpoint: WebhookEndpoint, now: datetime) -> tuple[str, str]:
    """Id and body of a message that tells of no account, for a receiver to be tried with.

    It has all fields of a change, for tools in which people choose fields of a sample.
    """
    # That module imports this one.
    from npsight.store.changes import ScoreChange

    nothing = _data(endpoint.project, "test", ScoreChange("", {}, {}))
    row = _row(endpoint, "", TEST_EVENT, nothing, now)
    return str(row["message_id"]), str(row["body"])


def _event(endpoint: WebhookEndpoint, change: ScoreChange) -> Iterator[str]:
    """The one event of an endpoint that a change is; none where it asks for others only."""
    rise = _HEIGHT.get(change.after.get("risk_level"), 0) - _HEIGHT.get(
        change.before.get("risk_level"), 0
    )
    if "risk_band_changed" in endpoint.events:
        yield "risk_band_changed"
    elif rise > 0 and "risk_band_worsened" in endpoint.events:
        yield "risk_band_worsened"
    elif rise < 0 and "risk_band_improved" in endpoint.events:
        yield "risk_band_improved"


def _data(project: str, cause: str, change: ScoreChange) -> JsonObject:
    return {
        "project": project,
        "account": change.account,
        "cause": cause,
        "before": {name: rounded(change.before.get(name)) for name in TOLD},
        "after": {name: rounded(change.after.get(name)) for name in TOLD},
        "path": f"/v1/accounts/{quote(change.account, safe='')}",
    }


def _row(
    endpoint: WebhookEndpoint, account: str, event: str, data: JsonObject, now: datetime
) -> dict[str, Any]:
    """The body is kept as text: each attempt sends, and signs, the same bytes."""
    return {
        "message_id": f"msg_{uuid.uuid4().hex}",
        "project": endpoint.project,
        "endpoint_id": endpoint.id,
        "account": account,
        "event": event,
        "body": to_json(clean({"type": event, "timestamp": utc_text(now), "data": data})),
        "created_at": now,
        "status": PENDING,
        "attempts": 0,
        "next_at": now,
    }
