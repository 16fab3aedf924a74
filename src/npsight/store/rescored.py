"""Accounts that were scored again within a run, and those that wait for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy import update as update_of

from npsight.store import tables
from npsight.store.changes import ScoreChange, record_changes, score_changes
from npsight.store.factsread import ALL, facts_read, note_read
from npsight.store.originals import keep_originals
from npsight.store.posted import posted_facts
from npsight.store.rows import JsonObject, ScoreRow, ScoreRun
from npsight.store.store import Store
from npsight.store.values import clean, utc_text
from npsight.store.worklistrows import CONTACTED_DAYS, rewrite_row

IDS = 500
STAYS = ("rank", "within_capacity")
"""Places among the other accounts are given by a run of all of them."""


@dataclass(frozen=True)
class Rescored:
    """An account scored once more: its row, and what it was scored from."""

    row: ScoreRow
    features: Mapping[str, Any]
    past: Mapping[str, Any]


def pending(
    store: Store,
    project: str,
    run_id: str,
    *,
    among: Sequence[str] | None = None,
    limit: int | None = None,
) -> list[str]:
    """Accounts of a run with facts that their score does not know, the longest waiting first.

    A fact is not known to a score where it came after the facts were read, where it corrects
    another that came so, or where it was known at or after the score's as_of.
    """
    of_all = _read(run_id, ALL)
    newer, mine = posted_facts.alias("newer"), posted_facts.alias("mine")
    scores = tables.scores
    read = (
        select(func.max(facts_read.c.seq))
        .where(facts_read.c.run_id == run_id, facts_read.c.account.in_([ALL, mine.c.account]))
        .scalar_subquery()
    )
    unread = (
        select(mine.c.account, func.min(newer.c.seq).label("first"))
        .join(
            newer,
            (newer.c.project == mine.c.project)
            & (newer.c.source == mine.c.source)
            & (newer.c.fact_id == mine.c.fact_id),
        )
        .join(scores, (scores.c.run_id == run_id) & (scores.c.account == mine.c.account))
        .where(mine.c.project == project, newer.c.seq > func.coalesce(read, 0))
        .group_by(mine.c.account)
    )
    if among is not None:
        unread = unread.where(mine.c.account.in_(among))
    run_at = select(tables.score_runs.c.as_of).where(tables.score_runs.c.id == run_id)
    unseen = (
        select(mine.c.account, func.min(mine.c.seq).label("first"))
        .join(scores, (scores.c.run_id == run_id) & (scores.c.account == mine.c.account))
        .where(
            mine.c.project == project,
            mine.c.known_at >= run_at.scalar_subquery(),
            mine.c.known_at >= scores.c.as_of,
        )
        .group_by(mine.c.account)
    )
    if among is not None:
        unseen = unseen.where(mine.c.account.in_(among))
    with store.reading() as connection:
        since = connection.execute(of_all).scalar() or 0
        found = connection.execute(unread.where(newer.c.seq > since)).all()
        found = [*found, *connection.execute(unseen).all()]
    waiting: dict[str, int] = {}
    for account, first in found:
        waiting[account] = min(first, waiting.get(account, first))
    return sorted(waiting, key=lambda account: (waiting[account], account))[:limit]


def newest_known(store: Store, project: str, accounts: Sequence[str]) -> dict[str, datetime]:
    """The newest `known_at` among all versions of each account's facts; absent without any."""
    mine, other = posted_facts.alias("mine"), posted_facts.alias("other")
    found: dict[str, datetime] = {}
    with store.reading() as connection:
        for start in range(0, len(accounts), IDS):
            query = (
                select(mine.c.account, func.max(other.c.known_at))
                .join(
                    other,
                    (other.c.project == mine.c.project)
                    & (other.c.source == mine.c.source)
                    & (other.c.fact_id == mine.c.fact_id),
                )
                .where(
                    mine.c.project == project,
                    mine.c.account.in_(accounts[start : start + IDS]),
                )
                .group_by(mine.c.account)
            )
            found.update((account, at) for account, at in connection.execute(query))
    return found


def write_rescored(
    store: Store,
    run: ScoreRun,
    rescored: Sequence[Rescored],
    seq: int,
    model_version: int,
    causes: Mapping[str, str],
    now: datetime,
    contacted_days: int = CONTACTED_DAYS,
) -> dict[str, ScoreChange] | None:
    """Put rows and inputs of a run in place of the old ones, and note each change.

    What the run itself gave an account is kept (see `originals`).
    All of it is seen, or nothing. An account that was meanwhile scored with later facts stays
    as it is. `rank` and `within_capacity` stay.

    Parameters
    ----------
    seq
        Number of the newest fact that was read.
    causes
        Account to what made it be scored again: `response` or `fact`.

    Returns
    -------
    The changes that were made; None where the run is no longer the latest one: read it again.
    """
    changes: dict[str, ScoreChange] = {}
    with store.writing() as connection:
        if _latest(connection, run.project) != run.id:
            return None
        accounts = [item.row.account for item in rescored]
        before = _shown_before(connection, run, accounts)
        later = _read_later(connection, run.id, accounts, seq)
        for item in rescored:
            account = item.row.account
            if account in later or account not in before:
                continue
            after = shown(item.row, model_version)
            changes[account] = ScoreChange(account, before[account], after)
            keep_originals(connection, run.id, [account])
            _replace(connection, run.id, item)
            rewrite_row(connection, run.project, run.id, item.row, now, contacted_days)
            note_read(connection, run.id, seq, account)
        for cause in sorted({causes[account] for account in changes}):
            alike = [change for account, change in changes.items() if causes[account] == cause]
            record_changes(connection, run.project, run.id, cause, alike, now)
    return changes


def shown(row: ScoreRow, model_version: int) -> JsonObject:
    """What a change shows of a row."""
    return {
        "as_of": utc_text(row.as_of),
        "model_version": model_version,
        "detractor_risk": row.detractor_risk,
        "predicted_nps": row.predicted_nps,
        "churn_risk": row.churn_risk,
        "risk_level": row.risk_level,
        "band_now": row.band_now,
    }


def _read(run_id: str, account: str) -> Any:
    mine = (facts_read.c.run_id == run_id) & (facts_read.c.account == account)
    return select(facts_read.c.seq).where(mine)


def read_through(store: Store, run_id: str) -> int:
    """Number of the newest fact that a run of all accounts read; 0 where it read none."""
    with store.reading() as connection:
        return int(connection.execute(_read(run_id, ALL)).scalar() or 0)


def revenues(store: Store, run_id: str, but: Sequence[str] = ()) -> list[float | None]:
    """The revenue of every account of a run, in no order, but for a few of them."""
    table = tables.scores
    query = select(table.c.revenue).where(table.c.run_id == run_id, table.c.account.not_in(but))
    with store.reading() as connection:
        return list(connection.execute(query).scalars())


def _latest(connection: Connection, project: str) -> str | None:
    run = tables.score_runs
    query = (
        select(run.c.id)
        .where(run.c.project == project)
        .order_by(run.c.as_of.desc(), run.c.created_at.desc(), run.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()


def _shown_before(
    connection: Connection, run: ScoreRun, accounts: Sequence[str]
) -> dict[str, JsonObject]:
    """What is shown of the accounts that the run has, with the version that made it."""
    names = [field.name for field in dataclasses.fields(ScoreRow)]
    found: dict[str, JsonObject] = {}
    for start in range(0, len(accounts), IDS):
        some = accounts[start : start + IDS]
        table = tables.scores
        query = select(*(table.c[name] for name in names)).where(
            table.c.run_id == run.id, table.c.account.in_(some)
        )
        for row in connection.execute(query):
            found[row.account] = shown(ScoreRow(**row._mapping), run.model_version)
        made = (
            select(score_changes.c.account, score_changes.c.after)
            .where(
                score_changes.c.project == run.project,
                score_changes.c.run_id == run.id,
                score_changes.c.account.in_(some),
            )
            .order_by(score_changes.c.seq)
        )
        for account, after in connection.execute(made):
            if account in found and after.get("as_of") == found[account]["as_of"]:
                found[account]["model_version"] = after.get("model_version", run.model_version)
    return found


def _read_later(connection: Connection, run_id: str, accounts: Sequence[str], seq: int) -> set[str]:
    """Accounts for which later facts than `seq` were read already."""
    later: set[str] = set()
    for start in range(0, len(accounts), IDS):
        query = select(facts_read.c.account).where(
            facts_read.c.run_id == run_id,
            facts_read.c.account.in_(accounts[start : start + IDS]),
            facts_read.c.seq > seq,
        )
        later.update(connection.execute(query).scalars())
    return later


def _replace(connection: Connection, run_id: str, item: Rescored) -> None:
    row, score, inputs = item.row, tables.scores, tables.inputs
    values = {
        field.name: clean(getattr(row, field.name))
        for field in dataclasses.fields(row)
        if field.name not in ("account", *STAYS)
    }
    mine = (score.c.run_id == run_id) & (score.c.account == row.account)
    connection.execute(update_of(score).where(mine).values(**values))
    own = (inputs.c.run_id == run_id) & (inputs.c.account == row.account)
    told = {"features": clean(dict(item.features)), "past": clean(dict(item.past))}
    connection.execute(update_of(inputs).where(own).values(**told))
