"""A new run against what was known before it: which accounts changed their risk level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from npsight.store import tables
from npsight.store.changes import ScoreChange, record_changes, score_changes
from npsight.store.rows import JsonObject
from npsight.store.values import utc_text

RUN = "run"
CHUNK = 1000
NUMBERS = ("detractor_risk", "predicted_nps", "churn_risk", "risk_level", "band_now")


def record_run_changes(connection: Connection, project: str, run_id: str) -> None:
    """Record the accounts whose risk level the run changed, where it is the project's newest.

    They are compared with the newest run before, or, where an account was scored anew since,
    with what came of that. A first run, and a run for a day before the newest, change nothing.
    An account that the earlier run did not have had no level.
    """
    run = tables.score_runs
    newest = connection.execute(
        select(run.c.id, run.c.as_of, run.c.model_version)
        .where(run.c.project == project)
        .order_by(run.c.as_of.desc(), run.c.created_at.desc(), run.c.id.desc())
        .limit(2)
    ).all()
    if len(newest) < 2 or newest[0].id != run_id:
        return
    chunk: list[ScoreChange] = []
    for change in _changes(connection, project, newest[0], newest[1]):
        chunk.append(change)
        if len(chunk) == CHUNK:
            record_changes(connection, project, run_id, RUN, chunk)
            chunk = []
    record_changes(connection, project, run_id, RUN, chunk)


def _changes(connection: Connection, project: str, now: Any, before: Any) -> Iterator[ScoreChange]:
    since = _since(connection, project, before.id)
    new, old = tables.scores.alias("new"), tables.scores.alias("old")
    rescored = select(score_changes.c.account).where(
        score_changes.c.project == project,
        score_changes.c.run_id == before.id,
        score_changes.c.cause != RUN,
    )
    query = (
        select(
            new.c.account,
            old.c.account.label("known"),
            *(new.c[name].label(f"new_{name}") for name in NUMBERS),
            *(old.c[name].label(f"old_{name}") for name in NUMBERS),
        )
        .outerjoin_from(new, old, (old.c.run_id == before.id) & (old.c.account == new.c.account))
        .where(
            new.c.run_id == now.id,
            new.c.risk_level.is_distinct_from(old.c.risk_level) | new.c.account.in_(rescored),
        )
        .order_by(new.c.account)
    )
    for row in connection.execute(query).all():
        after = _numbers(row, now, "new_")
        earlier = since.get(row.account)
        if earlier is None:
            earlier = {} if row.known is None else _numbers(row, before, "old_")
        if earlier.get("risk_level") != after["risk_level"]:
            yield ScoreChange(row.account, earlier, after)


def _since(connection: Connection, project: str, run_id: str) -> dict[str, JsonObject]:
    """What came last of scoring single accounts anew on top of a run."""
    found = connection.execute(
        select(score_changes.c.account, score_changes.c.after)
        .where(
            score_changes.c.project == project,
            score_changes.c.run_id == run_id,
            score_changes.c.cause != RUN,
        )
        .order_by(score_changes.c.seq)
    )
    return {row.account: row.after for row in found}


def _numbers(row: Any, run: Any, prefix: str) -> JsonObject:
    numbers = {name: getattr(row, prefix + name) for name in NUMBERS}
    return {"as_of": utc_text(run.as_of), "model_version": run.model_version, **numbers}
