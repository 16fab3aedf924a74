"""What changed in the store since one looked last: cheap enough to ask every few seconds."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from npsight.store import tables
from npsight.store.changes import score_changes
from npsight.store.rows import ScoreRun, StoredInput
from npsight.store.store import Store

LOOKED_BACK = 1000
"""Changes looked at anew each time: on PostgreSQL a transaction that began earlier may be seen
after one that began later."""


@dataclass(frozen=True)
class Looked:
    """What was there at one look: the latest run, and the newest changes by number.

    `run_id` is None for a project that was never scored.
    """

    run_id: str | None
    changes: frozenset[int]


@dataclass(frozen=True)
class Changed:
    """What differs between two looks.

    `all` is true where nobody can tell which accounts: another run is the latest, or more
    changes came than are looked at.
    """

    all: bool
    accounts: tuple[str, ...] = ()


def look(store: Store, project: str, before: Looked | None) -> tuple[Looked, Changed]:
    """The store as it is now, and what changed since `before` (None: the first look).

    Raises StateError where the database does not answer.
    """
    newest_first = (
        tables.score_runs.c.as_of.desc(),
        tables.score_runs.c.created_at.desc(),
        tables.score_runs.c.id.desc(),
    )
    latest = (
        select(tables.score_runs.c.id)
        .where(tables.score_runs.c.project == project)
        .order_by(*newest_first)
        .limit(1)
    )
    changes = (
        select(score_changes.c.seq, score_changes.c.account)
        .order_by(score_changes.c.seq.desc())
        .limit(LOOKED_BACK)
        .where(score_changes.c.project == project)
    )
    with store.reading() as connection:
        run_id = connection.execute(latest).scalar()
        accounts = {row.seq: row.account for row in connection.execute(changes)}
    now = Looked(run_id, frozenset(accounts))
    if before is None:
        return now, Changed(all=False)
    fresh = now.changes - before.changes
    # Had a known one been among the newest, no unknown one was missed.
    missed = len(accounts) == LOOKED_BACK and not (now.changes & before.changes)
    if now.run_id != before.run_id or missed:
        return now, Changed(all=True)
    return now, Changed(False, tuple(sorted({accounts[seq] for seq in fresh})))


def some_inputs(
    store: Store, project: str, count: int
) -> tuple[ScoreRun | None, list[StoredInput]]:
    """The latest run and the stored inputs of its first `count` accounts; None and none for a
    project that was never scored.
    """
    runs = store.runs(project, limit=1)
    if not runs:
        return None, []
    table = tables.inputs
    query = (
        select(table.c.account, table.c.features, table.c.past)
        .where(table.c.run_id == runs[0].id)
        .order_by(table.c.account)
        .limit(count)
    )
    with store.reading() as connection:
        return runs[0], [StoredInput(**row._mapping) for row in connection.execute(query)]
