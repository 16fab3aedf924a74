"""What changed in an account's scores: the trail that pages show and events are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Column, Connection, Index, Integer, String, Table, insert
from sqlalchemy.types import JSON

from npsight.store.outbox import enqueue
from npsight.store.rows import JsonObject
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant, clean

score_changes = Table(
    "score_changes",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("project", String, nullable=False),
    Column("account", String, nullable=False),
    Column("changed_at", UtcInstant, nullable=False),
    Column("run_id", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Index("ix_score_changes_project_account", "project", "account", "seq"),
)


@dataclass(frozen=True)
class ScoreChange:
    """One account's numbers before and after.

    Both hold `as_of` (ISO 8601), `model_version`, `detractor_risk`, `predicted_nps`,
    `churn_risk`, `risk_level` and `band_now`; `before` is empty for an account that had no score.
    """

    account: str
    before: JsonObject
    after: JsonObject


def record_changes(
    connection: Connection,
    project: str,
    run_id: str,
    cause: str,
    changes: Sequence[ScoreChange],
    now: datetime | None = None,
) -> None:
    """Keep the changes, in the transaction that makes them; `cause` is `run`, `response` or
    `fact`.

    Where the risk level changed, a message for each webhook that asks for it is put in the
    outbox, in the same transaction: change and message are both there, or neither.
    """
    if not changes:
        return
    at = now or datetime.now(UTC)
    enqueue(connection, project, cause, changes, at)
    rows = [
        {
            "project": project,
            "account": change.account,
            "changed_at": at,
            "run_id": run_id,
            "cause": cause,
            "before": clean(change.before),
            "after": clean(change.after),
        }
        for change in changes
    ]
    connection.execute(insert(score_changes), rows)
