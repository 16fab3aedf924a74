"""Follow-ups as the board shows them: by state, with the account's name and numbers of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select

from npsight.store.accountpages import merged_into
from npsight.store.followuprows import FIELDS, STILL_OPEN, follow_up_of, follow_ups
from npsight.store.store import Store
from npsight.store.tables import scores
from npsight.worklist.followups import OPEN, FollowUp, State

SHOWN = (*FIELDS, scores.c.name, scores.c.revenue, scores.c.detractor_risk, scores.c.run_id)


@dataclass(frozen=True)
class BoardFilter:
    """Which follow-ups are asked for.

    Attributes
    ----------
    run_id
        The run whose names and numbers are shown.
    owners
        Names of whose follow-ups; None for everybody's.
    account_owner
        Only of accounts that this owner has in the run; None for all.
    due_from, due_until
        Both inclusive.
    ended_from
        Ended ones only if they were closed at this instant or later.
    account
        Only of this account; None for all.
    """

    run_id: str | None
    owners: tuple[str, ...] | None = None
    account_owner: str | None = None
    due_from: date | None = None
    due_until: date | None = None
    ended_from: datetime | None = None
    account: str | None = None


@dataclass(frozen=True)
class Card:
    """A follow-up and its account as it is scored now; None for an account that is gone.

    `part_of` is the key of the scored account that one which is gone was merged into.
    """

    follow_up: FollowUp
    name: str | None
    revenue: float | None
    risk: float | None
    is_scored: bool
    part_of: str | None = None


@dataclass(frozen=True)
class BoardCounts:
    """How many follow-ups there are: by state, and of the open ones by due day."""

    states: dict[str, int]
    overdue: int
    soon: int


def cards(
    store: Store, project: str, state: State, wanted: BoardFilter, limit: int, offset: int = 0
) -> list[Card]:
    """Follow-ups of a state: open ones by due day, ended ones the newest first."""
    query = _matching(select(*SHOWN), project, wanted).where(follow_ups.c.state == state)
    is_open = state in OPEN
    order = follow_ups.c.due_on.asc() if is_open else follow_ups.c.closed_at.desc()
    query = query.order_by(order, follow_ups.c.id).limit(limit).offset(offset)
    return _cards(store, query, wanted)


def cards_by_due(
    store: Store,
    project: str,
    states: Sequence[State],
    wanted: BoardFilter,
    limit: int,
    after: tuple[date, str] | None = None,
) -> list[Card]:
    """Follow-ups of some states by due day, then id; `after` is the place of the last one seen."""
    due, identity = follow_ups.c.due_on, follow_ups.c.id
    query = _matching(select(*SHOWN), project, wanted).where(follow_ups.c.state.in_(states))
    if after is not None:
        day, last = after
        query = query.where(or_(due > day, and_(due == day, identity > last)))
    return _cards(store, query.order_by(due, identity).limit(limit), wanted)


def _cards(store: Store, query: Select[Any], wanted: BoardFilter) -> list[Card]:
    with store.reading() as connection:
        rows = connection.execute(query).all()
    found = [
        Card(
            follow_up_of(row._mapping),
            row._mapping[scores.c.name],
            row._mapping[scores.c.revenue],
            row._mapping[scores.c.detractor_risk],
            row._mapping[scores.c.run_id] is not None,
        )
        for row in rows
    ]
    gone = [card.follow_up.account for card in found if not card.is_scored]
    if not gone or wanted.run_id is None:
        return found
    merged = merged_into(store, wanted.run_id, gone)
    return [
        card if card.is_scored else replace(card, part_of=merged.get(card.follow_up.account))
        for card in found
    ]


def board_counts(
    store: Store, project: str, wanted: BoardFilter, today: date, soon: date
) -> BoardCounts:
    """How many there are; `soon` is the last day that is near, `today` is near, too."""
    due = follow_ups.c.due_on
    overdue = func.sum(case((and_(STILL_OPEN, due < today), 1), else_=0))
    near = func.sum(case((and_(STILL_OPEN, due >= today, due <= soon), 1), else_=0))
    query = _matching(select(follow_ups.c.state, func.count(), overdue, near), project, wanted)
    with store.reading() as connection:
        rows = connection.execute(query.group_by(follow_ups.c.state)).all()
    return BoardCounts(
        {row[0]: int(row[1]) for row in rows},
        sum(int(row[2]) for row in rows),
        sum(int(row[3]) for row in rows),
    )


def board_owners(store: Store, project: str, account_owner: str | None, run_id: str) -> list[str]:
    """Names that own follow-ups, of those that may be seen."""
    wanted = BoardFilter(run_id, account_owner=account_owner)
    query = _matching(select(follow_ups.c.owner).distinct(), project, wanted)
    with store.reading() as connection:
        return sorted(name for name in connection.execute(query).scalars() if name)


def _matching(query: Select[Any], project: str, wanted: BoardFilter) -> Select[Any]:
    here = and_(scores.c.run_id == wanted.run_id, scores.c.account == follow_ups.c.account)
    found = query.select_from(follow_ups.outerjoin(scores, here))
    found = found.where(follow_ups.c.project == project)
    if wanted.owners is not None:
        found = found.where(follow_ups.c.owner.in_(wanted.owners))
    if wanted.account_owner is not None:
        found = found.where(scores.c.owner == wanted.account_owner)
    if wanted.account is not None:
        found = found.where(follow_ups.c.account == wanted.account)
    if wanted.due_from is not None:
        found = found.where(follow_ups.c.due_on >= wanted.due_from)
    if wanted.due_until is not None:
        found = found.where(follow_ups.c.due_on <= wanted.due_until)
    if wanted.ended_from is not None:
        found = found.where(or_(STILL_OPEN, follow_ups.c.closed_at >= wanted.ended_from))
    return found
