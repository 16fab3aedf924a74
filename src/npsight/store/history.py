"""An account's numbers over the runs, each point at the instant its numbers are for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, select

from npsight.store.changes import score_changes
from npsight.store.originals import originals
from npsight.store.rows import HistoryPoint, JsonObject
from npsight.store.tables import score_runs, scores
from npsight.store.values import utc_text

_NEWEST_FIRST = (score_runs.c.as_of.desc(), score_runs.c.created_at.desc(), score_runs.c.id.desc())
_NUMBERS = ("detractor_risk", "predicted_nps", "churn_risk", "risk_level", "rank")


def points(connection: Connection, project: str, account: str, limit: int) -> list[HistoryPoint]:
    """At most `limit` points, newest as_of first.

    A run whose account was scored again at a later instant gives two: its present numbers, and
    the run's own.
    """
    own = {row.run_id: row for row in _read(connection, originals, project, account, limit)}
    made = _made(connection, project, account)
    found: list[HistoryPoint] = []
    for row in _read(connection, scores, project, account, limit):
        after = made.get(row.run_id, {})
        again = after.get("as_of") == utc_text(row.as_of)
        version = after.get("model_version", row.model_version) if again else row.model_version
        found.append(_point(row, version))
        before = own.get(row.run_id)
        if before is not None and before.as_of != row.as_of:
            found.append(_point(before, before.model_version))
    # Two of one instant stay in the order of their runs.
    return sorted(found, key=lambda point: point.as_of, reverse=True)[:limit]


def _read(
    connection: Connection, table: Table, project: str, account: str, limit: int
) -> list[Row[Any]]:
    query = (
        select(
            score_runs.c.id.label("run_id"),
            score_runs.c.model_version,
            table.c.as_of,
            *(table.c[name] for name in _NUMBERS),
        )
        .join(table, table.c.run_id == score_runs.c.id)
        .where(score_runs.c.project == project, table.c.account == account)
        .order_by(*_NEWEST_FIRST)
        .limit(limit)
    )
    return list(connection.execute(query))


def _made(connection: Connection, project: str, account: str) -> dict[str, JsonObject]:
    """Run to the newest change that was made on top of it."""
    table = score_changes
    query = (
        select(table.c.run_id, table.c.after)
        .where(table.c.project == project, table.c.account == account, table.c.cause != "run")
        .order_by(table.c.seq)
    )
    return {row.run_id: row.after for row in connection.execute(query)}


def _point(row: Row[Any], version: int) -> HistoryPoint:
    numbers = {name: getattr(row, name) for name in _NUMBERS}
    return HistoryPoint(row.run_id, row.as_of, version, **numbers)
