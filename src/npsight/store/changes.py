"""What changed in an account's scores: the trail that pages show and events are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.types import JSON

from npsight.store.outbox import enqueue
from npsight.store.rows import JsonObject
from npsight.store.tables import metadata, score_runs
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


def forget_changes(connection: Connection, project: str) -> None:
    """Delete the changes of runs that are gone, but for the newest one of each account.

    That one is what pages show of the account, however long ago it was. And as the newest of all
    stays, no number is given out twice, which readers of "what came after" rest on.
    """
    table = score_changes
    runs = select(score_runs.c.id).where(score_runs.c.project == project)
    shown = (
        select(func.max(table.c.seq)).where(table.c.project == project).group_by(table.c.account)
    )
    connection.execute(
        delete(table).where(
            table.c.project == project, table.c.run_id.not_in(runs), table.c.seq.not_in(shown)
        )
    )
