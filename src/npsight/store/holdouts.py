"""Accounts that came within reach of a call: the arm each drew, what was known, what came of it.

An enrolment is written once, with its arm; afterwards only what came of it is added. Nothing here
is written outside the transaction of a scoring run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    String,
    Table,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from npsight.store import tables
from npsight.store.auditlog import note
from npsight.store.followuprows import follow_ups
from npsight.store.marks import Marks, account_marks, hold_all_marks, mark, marks_of
from npsight.store.rows import JsonObject
from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant, clean
from npsight.worklist.followups import OPEN
from npsight.worklist.holdout import Arm, Standing

ACTOR = "npsight score"
IDS = 500

enrolments = Table(
    "enrolments",
    metadata,
    Column("project", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("run_id", String, nullable=False),
    Column("assigned_at", UtcInstant, nullable=False),
    Column("until", UtcInstant, nullable=False),
    Column("arm", String, nullable=False),
    Column("hold_out_prob", Float, nullable=False),
    Column("owner", String),
    Column("segment", String),
    Column("band_now", String),
    Column("driver", String),
    Column("rank", Integer),
    Column("detractor_risk", Float),
    Column("predicted_nps", Float),
    Column("churn_risk", Float),
    Column("answer_prob", Float),
    Column("revenue", Float),
    Column("days_until_renewal", Float),
    Column("days_since_contact", Float),
    Column("contacted_at", UtcInstant),
    Column("answers", Integer),
    Column("detractors", Integer),
    Column("promoters", Integer),
    Column("first_answer_at", UtcInstant),
    Column("churned", Boolean),
    Column("read_at", UtcInstant),
    Index("ix_enrolments_until", "project", "until"),
)


@dataclass(frozen=True)
class Enrolment:
    """One account that came within reach of a call, for the time `[assigned_at, until)`.

    Attributes
    ----------
    number
        Of the account's enrolments, from 0.
    hold_out_prob
        The chance that it had of being held out.
    owner … days_since_contact
        As they stood when it was enrolled; None for what was unknown. `driver` is the key of the
        first driver that raised its risk and that people can act on.
    contacted_at
        Its first contact within the enrolment; None without one.
    answers, detractors, promoters, first_answer_at
        Of its outcome window; None while that has not ended. 0 answers: it was silent.
    churned
        Whether it was lost in its churn window; None while unknown, or already gone before it.
    read_at
        The as_of of the run that last read its outcome; None while its window has not ended.
    """

    account: str
    number: int
    run_id: str
    assigned_at: datetime
    until: datetime
    arm: Arm
    hold_out_prob: float
    owner: str | None = None
    segment: str | None = None
    band_now: str | None = None
    driver: str | None = None
    rank: int | None = None
    detractor_risk: float | None = None
    predicted_nps: float | None = None
    churn_risk: float | None = None
    answer_prob: float | None = None
    revenue: float | None = None
    days_until_renewal: float | None = None
    days_since_contact: float | None = None
    contacted_at: datetime | None = None
    answers: int | None = None
    detractors: int | None = None
    promoters: int | None = None
    first_answer_at: datetime | None = None
    churned: bool | None = None
    read_at: datetime | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Account and number."""
        return self.account, self.number


@dataclass(frozen=True)
class Outcome:
    """What came of an enrolment, as a run reads it; see `Enrolment`."""

    answers: int | None = None
    detractors: int | None = None
    promoters: int | None = None
    first_answer_at: datetime | None = None
    churned: bool | None = None


@dataclass(frozen=True)
class Known:
    """What marks and enrolments say before a run draws."""

    standing: Mapping[str, Standing]
    contacted_at: Mapping[str, datetime]
    newest: datetime | None


_FIELDS = [enrolments.c[name] for name in Enrolment.__dataclass_fields__]


def all_enrolments(store: Store, project: str) -> tuple[Enrolment, ...]:
    """Every enrolment, the oldest first."""
    query = (
        select(*_FIELDS)
        .where(enrolments.c.project == project)
        .order_by(enrolments.c.assigned_at, enrolments.c.account)
    )
    with store.reading() as connection:
        return tuple(Enrolment(**row._mapping) for row in connection.execute(query))


def unsettled(store: Store, project: str, since: datetime) -> list[Enrolment]:
    """Enrolments that run after `since`, and older ones whose outcome was never read."""
    late = (enrolments.c.until > since) | enrolments.c.read_at.is_(None)
    query = select(*_FIELDS).where(enrolments.c.project == project, late)
    with store.reading() as connection:
        found = connection.execute(query.order_by(enrolments.c.account, enrolments.c.number))
        return [Enrolment(**row._mapping) for row in found]


def known_before(connection: Connection, project: str, as_of: datetime, now: datetime) -> Known:
    """What is known of accounts; until the transaction ends nobody else draws, or changes marks.

    An enrolment runs while `as_of < until`; an account stands back by what the pages show at
    `now`.
    """
    hold_all_marks(connection)
    standing: dict[str, Standing] = {}
    columns = (enrolments.c.account, enrolments.c.number, enrolments.c.arm, enrolments.c.until)
    numbered = select(*columns).where(enrolments.c.project == project).order_by(columns[1])
    for row in connection.execute(numbered):
        arm = row.arm if row.until > as_of else None
        standing[row.account] = Standing(arm=arm, drawn=row.number + 1)
    contacted = {}
    marked = select(account_marks).where(account_marks.c.project == project)
    for row in connection.execute(marked):
        before = standing.get(row.account, Standing())
        standing[row.account] = Standing(
            arm=before.arm,
            drawn=before.drawn,
            stands_back=_called_back(row, now),
            followed=row.state in OPEN,
        )
        if row.contacted_at is not None:
            contacted[row.account] = row.contacted_at
    newest = select(func.max(enrolments.c.assigned_at)).where(enrolments.c.project == project)
    return Known(standing, contacted, connection.execute(newest).scalar_one())


def _called_back(row: Any, now: datetime) -> bool:
    """Whether it was snoozed, or contacted lately; being held out is the enrolment's to say."""
    marks = Marks(
        contacted_at=row.contacted_at,
        contacted_days=row.contacted_days,
        snoozed_until=row.snoozed_until,
    )
    return marks.stands_back(now)[0] is not None


def add_enrolments(
    connection: Connection,
    project: str,
    new: Iterable[Enrolment],
    now: datetime,
    shown_until: datetime,
) -> int:
    """Write those that are not there yet; held-out accounts step back until `shown_until`.

    Returns how many were written.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    written: list[Enrolment] = []
    for one in new:
        values = clean(asdict(one))
        adding = dialect.insert(enrolments).values(project=project, **values)
        added = adding.on_conflict_do_nothing().returning(enrolments.c.account)
        if connection.execute(added).scalar_one_or_none() is None:
            continue
        written.append(one)
        _show(connection, project, one, now, shown_until)
    if written:
        held = sum(one.arm == "hold out" for one in written)
        detail: JsonObject = {"call": len(written) - held, "hold out": held}
        note(connection, project, now, ACTOR, "enrolled", f"run {written[0].run_id}", detail)
    return len(written)


def _show(
    connection: Connection, project: str, one: Enrolment, now: datetime, shown_until: datetime
) -> None:
    if one.arm == "hold out":
        mark(connection, project, one.account, now, held_out_until=shown_until)
        detail: JsonObject = {"until": shown_until.isoformat(), "share": one.hold_out_prob}
        note(connection, project, now, ACTOR, "held out", f"account {one.account}", detail)
    elif marks_of(connection, project, one.account).held_out_until is not None:
        mark(connection, project, one.account, now, held_out_until=None)


def note_contacts(
    connection: Connection,
    project: str,
    open_ones: Iterable[Enrolment],
    told: Mapping[str, datetime],
) -> int:
    """Keep the first contact of each enrolment, in `[assigned_at, until)`; returns how many are
    new, or earlier than what was kept.

    Contacts are those of follow-ups, of marks and, in `told`, the newest by the tables.
    """
    contacts = _contacts(connection, project, told)
    changed = 0
    for one in open_ones:
        within = [at for at in contacts.get(one.account, ()) if one.assigned_at <= at < one.until]
        first = min(within, default=None)
        if first is not None and (one.contacted_at is None or first < one.contacted_at):
            connection.execute(_this(project, one.key).values(contacted_at=first))
            changed += 1
    return changed


def forget_contact_at(connection: Connection, project: str, account: str, at: datetime) -> None:
    """Have no enrolment of the account hold this contact: there was none."""
    mine = (enrolments.c.project == project) & (enrolments.c.account == account)
    held = mine & (enrolments.c.contacted_at == at)
    connection.execute(update(enrolments).where(held).values(contacted_at=None))


def note_outcomes(
    connection: Connection,
    project: str,
    read_at: datetime,
    outcomes: Mapping[tuple[str, int], Outcome],
) -> None:
    """Keep what came of enrolments, by account and number, as it is read now."""
    for key, outcome in outcomes.items():
        values = clean(asdict(outcome))
        connection.execute(_this(project, key).values(read_at=read_at, **values))


def drivers_of(
    connection: Connection, run_id: str, accounts: list[str]
) -> dict[str, list[JsonObject]]:
    """Driver notes of accounts of a run, the largest first: of their detractor risk, else churn."""
    found: dict[str, list[JsonObject]] = {}
    table = tables.scores
    for start in range(0, len(accounts), IDS):
        some = table.c.account.in_(accounts[start : start + IDS])
        query = select(table.c.account, table.c.drivers, table.c.churn_drivers)
        for row in connection.execute(query.where(table.c.run_id == run_id, some)):
            found[row.account] = row.drivers or row.churn_drivers
    return found


@dataclass(frozen=True)
class FollowUpCount:
    """Follow-ups in one state, and how many of them had a contact."""

    state: str
    count: int
    contacted: int


def follow_up_counts(store: Store, project: str) -> list[FollowUpCount]:
    """How many follow-ups there are in each state that has any."""
    table = follow_ups
    query = (
        select(table.c.state, func.count().label("count"), func.count(table.c.contacted_at))
        .where(table.c.project == project)
        .group_by(table.c.state)
    )
    with store.reading() as connection:
        return [FollowUpCount(*row) for row in connection.execute(query)]


def _contacts(
    connection: Connection, project: str, told: Mapping[str, datetime]
) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = {account: [at] for account, at in told.items()}
    for table in (follow_ups, account_marks):
        query = select(table.c.account, table.c.contacted_at).where(
            table.c.project == project, table.c.contacted_at.is_not(None)
        )
        for account, at in connection.execute(query):
            found.setdefault(account, []).append(at)
    return found


def _this(project: str, key: tuple[str, int]) -> Any:
    account, number = key
    mine = (enrolments.c.project == project) & (enrolments.c.account == account)
    return update(enrolments).where(mine & (enrolments.c.number == number))
