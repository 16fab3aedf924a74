"""Accounts that came in front of a page of the worklist while somebody turned its pages.

A page begins behind the last row of the one before, so that no row is shown twice or left out
while nothing changes. In an order by risk an account that is scored again meanwhile may come in
front of that row: the pages ahead have it no more, and those that were read did not have it yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select

from npsight.store.changes import score_changes
from npsight.store.rows import ScoreRun
from npsight.store.store import Store
from npsight.store.worklist import worklist
from npsight.store.worklistquery import Place, Wanted, Way, conditions

SCORED = ("detractor_risk", "predicted_nps", "churn_risk")
"""Orders that a new score moves an account in; ranks are given by a run of all accounts."""
BY_RUN = "run"
"""The cause of changes from one run to the next, which are noted once the next is there."""
MOST = 500
"""Changes that are looked at, the oldest first."""


def newest_change(store: Store) -> int:
    """Number of the newest change of a score; 0 where there is none."""
    with store.reading() as connection:
        return int(connection.execute(select(func.max(score_changes.c.seq))).scalar() or 0)


def came_ahead(
    store: Store, run: ScoreRun, wanted: Wanted, place: Place, since: int
) -> list[tuple[str, str | None]]:
    """Keys and names of wanted accounts that were behind `place` at change `since`, and no more."""
    if wanted.order not in SCORED:
        return []
    then = _scored_again(store, run, wanted.order, since)
    behind = [key for key, value in then.items() if _is_behind(value, key, place, wanted)]
    now = _wanted_rows(store, run, wanted, behind)
    return [(key, name) for key, name, value in now if not _is_behind(value, key, place, wanted)]


def _scored_again(store: Store, run: ScoreRun, column: str, since: int) -> dict[str, Any]:
    """The value that each account had before it was first scored again within the run."""
    table = score_changes
    mine = [table.c.project == run.project, table.c.run_id == run.id, table.c.cause != BY_RUN]
    query = select(table.c.account, table.c.before).where(table.c.seq > since, *mine)
    query = query.order_by(table.c.seq).limit(MOST)
    values: dict[str, Any] = {}
    with store.reading() as connection:
        for account, before in connection.execute(query):
            values.setdefault(account, before.get(column))
    return values


def _wanted_rows(
    store: Store, run: ScoreRun, wanted: Wanted, accounts: Iterable[str]
) -> list[tuple[str, str | None, Any]]:
    keys = list(accounts)
    if not keys:
        return []
    columns = (worklist.c.account, worklist.c.name, worklist.c[wanted.order])
    found: list[tuple[str, str | None, Any]] = []
    with store.reading() as connection:
        for side in wanted.sides:
            mine = conditions(run.id, run.project, wanted, Way(), side)
            query = select(*columns).where(worklist.c.account.in_(keys), *mine)
            found += [(row[0], row[1], row[2]) for row in connection.execute(query)]
    return sorted(found, key=lambda row: row[0])


def _is_behind(value: Any, account: str, place: Place, wanted: Wanted) -> bool:
    """As pages order rows: by value, then by account, in one direction; those without come last."""
    if (value is None) != (place.value is None):
        return value is None
    if value == place.value:
        return account < place.account if wanted.descending else account > place.account
    return bool(value < place.value if wanted.descending else value > place.value)
