"""What alerts are made from: changes of risk, answers, follow-ups, and the week's accounts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from npsight.store.changes import score_changes
from npsight.store.marks import account_marks
from npsight.store.rows import JsonObject
from npsight.store.tables import score_runs, scores
from npsight.store.worklist import worklist
from npsight.worklist.followups import OPEN

IDS = 500
LARGE_SHARE = 0.2


@dataclass(frozen=True)
class KnownRun:
    """The latest run: id and as_of (UTC)."""

    id: str
    as_of: datetime


@dataclass(frozen=True)
class AlertAccount:
    """What a message may say of an account; risks in [0, 1], None where there is none."""

    account: str = field(repr=False)
    as_of: datetime
    name: str | None = field(default=None, repr=False)
    owner: str | None = field(default=None, repr=False)
    revenue: float | None = None
    band_now: str | None = None
    last_score: float | None = None
    last_answer_at: datetime | None = None
    detractor_risk: float | None = None
    churn_risk: float | None = None
    risk_level: str | None = None
    rank: int | None = None
    drivers: list[JsonObject] = field(default_factory=list, repr=False)
    churn_drivers: list[JsonObject] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class RiskChange:
    """A change of an account's score; `before` is empty for an account that had none."""

    seq: int
    account: str = field(repr=False)
    changed_at: datetime
    before: JsonObject
    after: JsonObject


@dataclass(frozen=True)
class LargeAnswer:
    """The newest answer of a large account, and the instant that its score is for."""

    account: str = field(repr=False)
    as_of: datetime
    answered_at: datetime


@dataclass(frozen=True)
class DueFollowUp:
    """An open follow-up whose day has come."""

    account: str = field(repr=False)
    state: str
    due_on: date


_ACCOUNT = [scores.c[name] for name in AlertAccount.__dataclass_fields__]
_CHANGE = [score_changes.c[name] for name in RiskChange.__dataclass_fields__]


def latest_known_run(connection: Connection, project: str) -> KnownRun | None:
    """The run that pages show; None for a project that was never scored."""
    run = score_runs
    query = (
        select(run.c.id, run.c.as_of)
        .where(run.c.project == project)
        .order_by(run.c.as_of.desc(), run.c.created_at.desc(), run.c.id.desc())
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else KnownRun(found.id, found.as_of)


def newest_change(connection: Connection) -> int:
    """Number of the newest change of any project; 0 without any."""
    return int(connection.execute(select(func.max(score_changes.c.seq))).scalar() or 0)


def changes_after(connection: Connection, project: str, seq: int) -> list[RiskChange]:
    """Changes numbered above `seq`, in their order."""
    query = (
        select(*_CHANGE)
        .where(score_changes.c.seq > seq, score_changes.c.project == project)
        .order_by(score_changes.c.seq)
    )
    return [RiskChange(**row._mapping) for row in connection.execute(query)]


def accounts_of(
    connection: Connection, run_id: str, accounts: Sequence[str]
) -> dict[str, AlertAccount]:
    """The accounts that the run has, by key."""
    found: dict[str, AlertAccount] = {}
    for start in range(0, len(accounts), IDS):
        some = accounts[start : start + IDS]
        query = select(*_ACCOUNT).where(scores.c.run_id == run_id, scores.c.account.in_(some))
        found.update((row.account, _account(row)) for row in connection.execute(query))
    return found


def large_from(connection: Connection, run_id: str) -> float | None:
    """The revenue from which an account is in the top fifth; None where no revenue is known."""
    known = and_(scores.c.run_id == run_id, scores.c.revenue.is_not(None))
    count = connection.execute(select(func.count()).where(known)).scalar() or 0
    if count == 0:
        return None
    place = math.ceil(LARGE_SHARE * count) - 1
    query = select(scores.c.revenue).where(known).order_by(scores.c.revenue.desc())
    return float(connection.execute(query.offset(place).limit(1)).scalar_one())


def large_detractors(connection: Connection, run_id: str, revenue: float) -> list[LargeAnswer]:
    """Accounts from that revenue on whose newest answer was a detractor's."""
    query = select(scores.c.account, scores.c.as_of, scores.c.last_answer_at).where(
        scores.c.run_id == run_id,
        scores.c.revenue >= revenue,
        scores.c.band_now == "detractor",
        scores.c.last_answer_at.is_not(None),
    )
    rows = connection.execute(query.order_by(scores.c.account))
    return [LargeAnswer(row.account, row.as_of, row.last_answer_at) for row in rows]


def due_follow_ups(connection: Connection, project: str, today: date) -> list[DueFollowUp]:
    """Open follow-ups due on or before the day, the longest due first."""
    marks = account_marks
    query = (
        select(marks.c.account, marks.c.state, marks.c.due_on)
        .where(
            marks.c.project == project,
            marks.c.state.in_(OPEN),
            marks.c.due_on <= today,
        )
        .order_by(marks.c.due_on, marks.c.account)
    )
    return [DueFollowUp(**row._mapping) for row in connection.execute(query)]


def held_out(
    connection: Connection, project: str, accounts: Sequence[str], now: datetime
) -> set[str]:
    """Those of the accounts that are left out of the week's calls, by lot."""
    marks, found = account_marks, set[str]()
    for start in range(0, len(accounts), IDS):
        query = select(marks.c.account).where(
            marks.c.project == project,
            marks.c.held_out_until > now,
            marks.c.account.in_(accounts[start : start + IDS]),
        )
        found.update(connection.execute(query).scalars())
    return found


def high_risk_count(connection: Connection, run_id: str) -> int:
    """How many accounts of a run have a high risk."""
    high = and_(scores.c.run_id == run_id, scores.c.risk_level == "high")
    return int(connection.execute(select(func.count()).where(high)).scalar() or 0)


def owners_of(connection: Connection, run_id: str) -> list[str]:
    """Owners of the run's listed accounts, `""` for none, in order."""
    query = (
        select(scores.c.owner)
        .where(scores.c.run_id == run_id, scores.c.rank.is_not(None))
        .distinct()
    )
    return sorted({owner or "" for owner in connection.execute(query).scalars()})


def week_of(
    connection: Connection, project: str, run_id: str, owner: str, limit: int, now: datetime
) -> tuple[list[AlertAccount], int]:
    """An owner's first accounts on the worklist, and how many are on it.

    Accounts that step back are left out: snoozed, just contacted, or held out.
    """
    marks = account_marks
    back = worklist.c.stands_back & or_(
        worklist.c.stands_back_until.is_(None), worklist.c.stands_back_until > now
    )
    mine = and_(
        scores.c.run_id == run_id,
        scores.c.rank.is_not(None),
        scores.c.owner == owner if owner else func.coalesce(scores.c.owner, "") == "",
        func.coalesce(back, False).is_(False),
        or_(marks.c.held_out_until.is_(None), marks.c.held_out_until <= now),
        or_(marks.c.snoozed_until.is_(None), marks.c.snoozed_until <= now),
    )
    joined = scores.outerjoin(
        worklist,
        and_(worklist.c.run_id == scores.c.run_id, worklist.c.account == scores.c.account),
    ).outerjoin(marks, and_(marks.c.project == project, marks.c.account == scores.c.account))
    total = connection.execute(select(func.count()).select_from(joined).where(mine)).scalar()
    query = select(*_ACCOUNT).select_from(joined).where(mine)
    rows = connection.execute(query.order_by(scores.c.rank, scores.c.account).limit(limit))
    return [_account(row) for row in rows], int(total or 0)


def _account(row: Any) -> AlertAccount:
    return AlertAccount(**row._mapping)
