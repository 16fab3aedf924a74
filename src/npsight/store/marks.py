"""What people did with an account between runs, and what the worklist shows of it.

An account steps back from the week's calls while it is snoozed, for a while after it was
contacted, and while it is held out; `why` is `snoozed`, `contacted` or `held out`, of several the
one that lasts longest. Every instant until which it steps back is exclusive.

On PostgreSQL a run that copies marks onto its rows, and people who change marks meanwhile, must
not miss each other: the former calls `hold_all_marks` first, the latter are held by `mark`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Date,
    Index,
    Integer,
    String,
    Table,
    select,
    text,
    update,
)

from npsight.store.tables import metadata, score_runs, scores
from npsight.store.upserts import upsert
from npsight.store.values import UtcInstant
from npsight.store.worklist import worklist

ADVISORY_LOCK = 7_061_787_405
"""PostgreSQL's name of the lock that writers of marks share, and a run holds alone."""

account_marks = Table(
    "account_marks",
    metadata,
    Column("project", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("state", String),
    Column("due_on", Date),
    Column("contacted_at", UtcInstant),
    Column("contacted_days", Integer),
    Column("snoozed_until", UtcInstant),
    Column("held_out_until", UtcInstant),
    Index("ix_account_marks_state", "project", "state"),
)


@dataclass(frozen=True)
class Marks:
    """What is kept of an account; None where there is nothing.

    `state` and `due_on` are those of its open follow-up. `contacted_days` is how long it steps
    back after `contacted_at`.
    """

    state: str | None = None
    due_on: date | None = None
    contacted_at: datetime | None = None
    contacted_days: int | None = None
    snoozed_until: datetime | None = None
    held_out_until: datetime | None = None

    def stands_back(
        self, now: datetime, contact_until: datetime | None = None
    ) -> tuple[datetime | None, str | None]:
        """Until when the account steps back, and why; None for one that does not.

        `contact_until` is until when it does because the tables tell of a contact.
        """
        reasons = (
            ("snoozed", self.snoozed_until),
            ("contacted", _after(self.contacted_at, self.contacted_days)),
            ("contacted", contact_until),
            ("held out", self.held_out_until),
        )
        coming = [(at, why) for why, at in reasons if at is not None and at > now]
        return max(coming, default=(None, None))


def hold_all_marks(connection: Connection) -> None:
    """Until the transaction ends no other one changes marks; those under way are waited for."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))


def hold_marks(connection: Connection, project: str, account: str) -> Marks:
    """Until the transaction ends nobody else changes the account's marks; returns them.

    SQLite's writers wait for each other anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock_shared({ADVISORY_LOCK})"))
        table = account_marks
        upsert(connection, table, {"project": project, "account": account}, {})
        mine = (table.c.project == project) & (table.c.account == account)
        connection.execute(select(table.c.account).where(mine).with_for_update())
    return marks_of(connection, project, account)


def marks_of(connection: Connection, project: str, account: str) -> Marks:
    """What is kept of an account."""
    table = account_marks
    columns = [table.c[name] for name in Marks.__dataclass_fields__]
    mine = (table.c.project == project) & (table.c.account == account)
    found = connection.execute(select(*columns).where(mine)).one_or_none()
    return Marks() if found is None else Marks(**found._mapping)


def contact_until_of(connection: Connection, run_id: str, account: str) -> datetime | None:
    """Until when an account of a run steps back because the tables tell of a contact."""
    mine = (worklist.c.run_id == run_id) & (worklist.c.account == account)
    return connection.execute(select(worklist.c.contact_until).where(mine)).scalar_one_or_none()


def mark(connection: Connection, project: str, account: str, now: datetime, **changes: Any) -> None:
    """Keep changes of an account's marks and show them on the worklist, in one transaction.

    `changes` are fields of `Marks`.
    """
    hold_marks(connection, project, account)
    keys = {"project": project, "account": account}
    upsert(connection, account_marks, keys, changes)
    marks = marks_of(connection, project, account)
    runs = select(score_runs.c.id).where(score_runs.c.project == project)
    mine = worklist.c.run_id.in_(runs) & (worklist.c.account == account)
    known = select(worklist.c.run_id, worklist.c.contact_until).where(mine)
    for run_id, contact_until in connection.execute(known).all():
        shown = shown_marks(marks, now, contact_until)
        row = (worklist.c.run_id == run_id) & (worklist.c.account == account)
        connection.execute(update(worklist).where(row).values(**shown))
    if marks.contacted_at is not None:
        later = worklist.c.last_contact_at.is_(None) | (
            worklist.c.last_contact_at < marks.contacted_at
        )
        contacted = update(worklist).where(mine & later)
        connection.execute(contacted.values(last_contact_at=marks.contacted_at))


def forget_contact(
    connection: Connection, project: str, account: str, now: datetime, **changes: Any
) -> None:
    """`mark` where a contact was none: the worklist shows the newest of those that are left, by
    the tables or by these marks.
    """
    hold_marks(connection, project, account)
    runs = select(score_runs.c.id).where(score_runs.c.project == project)
    mine = worklist.c.run_id.in_(runs) & (worklist.c.account == account)
    told = select(scores.c.last_contact_at).where(
        scores.c.run_id == worklist.c.run_id, scores.c.account == worklist.c.account
    )
    connection.execute(update(worklist).where(mine).values(last_contact_at=told.scalar_subquery()))
    mark(connection, project, account, now, **changes)


def shown_marks(
    marks: Marks, now: datetime, contact_until: datetime | None = None
) -> dict[str, Any]:
    """Columns of `worklist` that follow from marks, but `last_contact_at`."""
    until, why = marks.stands_back(now, contact_until)
    return {
        "state": marks.state,
        "due_on": marks.due_on,
        "stands_back": until is not None,
        "stands_back_until": until,
        "stands_back_why": why,
        "held_out": marks.held_out_until is not None and marks.held_out_until > now,
    }


def _after(start: datetime | None, days: int | None) -> datetime | None:
    return None if start is None or days is None else start + timedelta(days=days)
