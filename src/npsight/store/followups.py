"""Follow-ups and their history: each step is written whole, or refused where somebody was first.

One transaction holds a step, its event, what the worklist shows of it and its entry in the audit
log. An account has one open follow-up at most; the database sees to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from npsight.errors import NotFoundError, NpsightError
from npsight.store.auditlog import note
from npsight.store.followuprows import (
    FIELDS,
    STILL_OPEN,
    Event,
    follow_up_events,
    follow_up_of,
    follow_ups,
    plain,
    row_of,
    shown_fields,
)
from npsight.store.holdouts import forget_contact_at
from npsight.store.marks import Marks, forget_contact, hold_all_marks, hold_marks, mark
from npsight.store.rows import JsonObject
from npsight.store.store import Store
from npsight.worklist.followups import (
    TAKE_BACK,
    Answer,
    BeforeCall,
    Done,
    FollowUp,
    Reading,
    closing,
)

IDS = 500


class EditConflictError(NpsightError):
    """Somebody changed the follow-up first; `current` is what they left."""

    exit_code = 8

    def __init__(self, current: FollowUp) -> None:
        super().__init__(
            "the follow-up was changed meanwhile\n  → look at it, then change it again"
        )
        self.current = current


class SnoozeConflictError(NpsightError):
    """Somebody snoozed or woke the account first; `until` is what they left."""

    exit_code = 8

    def __init__(self, until: datetime | None) -> None:
        super().__init__("the account was snoozed meanwhile\n  → look at it, then snooze it again")
        self.until = until


def record(
    store: Store,
    project: str,
    steps: Sequence[Done],
    actor: str,
    at: datetime,
    contacted_days: int,
) -> FollowUp:
    """Write steps of one follow-up, in this order and one transaction; returns it as it is then.

    Parameters
    ----------
    contacted_days
        How long the account steps back from the worklist after a contact.

    Raises
    ------
    EditConflictError
        It is not what the first step began from any more, or the account has an open one already.
    """
    with store.writing() as connection:
        _write(connection, project, steps, actor, at, contacted_days)
    return steps[-1].after


def close_answered(
    connection: Connection,
    project: str,
    answers: Mapping[str, Sequence[Answer]],
    standing: Mapping[str, Reading],
    actor: str,
    at: datetime,
) -> list[FollowUp]:
    """Close the open follow-ups that the answers of their accounts close; returns those.

    `standing` is how accounts are scored now. Whatever was answered is looked at once more in this
    transaction, beside the follow-up as it is, so nothing is closed twice or by a stale reading.
    """
    closed = []
    hold_all_marks(connection)
    for current in _open_of(connection, project, list(answers)):
        account = current.account
        done = closing(current, answers[account], at, actor, standing.get(account))
        if done is not None:
            _write(connection, project, [done], actor, at, 0)
            closed.append(done.after)
    return closed


def snooze(
    store: Store,
    project: str,
    account: str,
    until: datetime | None,
    seen: datetime | None,
    why: str | None,
    actor: str,
    at: datetime,
) -> None:
    """Have an account step back until an instant; None wakes it. `seen` is what was shown.

    Raises
    ------
    SnoozeConflictError
        Somebody else snoozed or woke it since.
    """
    kind = "woken" if until is None else "snoozed"
    with store.writing() as connection:
        found = hold_marks(connection, project, account).snoozed_until
        if found != seen:
            raise SnoozeConflictError(found)
        mark(connection, project, account, at, snoozed_until=until)
        _add_event(
            connection,
            project=project,
            account=account,
            at=at,
            actor=actor,
            kind=kind,
            before={"snoozed_until": plain(found)},
            after={"snoozed_until": plain(until)},
            note=why,
        )
        detail = {"until": plain(until)}
        note(connection, project, at, actor, f"account {kind}", f"account {account}", detail)


def follow_up(store: Store, project: str, identity: str) -> FollowUp:
    """One follow-up.

    Raises
    ------
    NotFoundError
        There is none of this id.
    """
    with store.reading() as connection:
        return _current(connection, project, identity)


def open_follow_up(store: Store, project: str, account: str) -> FollowUp | None:
    """The account's open follow-up, if there is one."""
    with store.reading() as connection:
        return next(iter(_open_of(connection, project, [account])), None)


def follow_ups_of(store: Store, project: str, account: str, limit: int = 20) -> list[FollowUp]:
    """The account's follow-ups, the newest first."""
    table = follow_ups
    query = (
        select(*FIELDS)
        .where(table.c.project == project, table.c.account == account)
        .order_by(table.c.opened_at.desc(), table.c.id)
        .limit(limit)
    )
    with store.reading() as connection:
        return [follow_up_of(row._mapping) for row in connection.execute(query)]


def waiting(store: Store, project: str) -> dict[str, datetime]:
    """Accounts with an open follow-up, and the instant from which their answers count."""
    query = select(*FIELDS).where(follow_ups.c.project == project, STILL_OPEN)
    with store.reading() as connection:
        found = [follow_up_of(row._mapping) for row in connection.execute(query)]
    return {one.account: one.answers_from for one in found}


def waiting_of(store: Store, project: str, accounts: Sequence[str]) -> set[str]:
    """Those of the accounts that have an open follow-up."""
    with store.reading() as connection:
        return {one.account for one in _open_of(connection, project, accounts)}


def events_of(store: Store, project: str, account: str, limit: int = 200) -> list[Event]:
    """What was done with an account, the newest first."""
    table = follow_up_events
    query = (
        select(*(table.c[name] for name in Event.__dataclass_fields__))
        .where(table.c.project == project, table.c.account == account)
        .order_by(table.c.seq.desc())
        .limit(limit)
    )
    with store.reading() as connection:
        return [Event(**row._mapping) for row in connection.execute(query)]


def event_of(store: Store, project: str, identity: str, version: int) -> Event | None:
    """The event that made a version of a follow-up."""
    with store.reading() as connection:
        return _event(connection, project, identity, version)


def before_call(store: Store, project: str, current: FollowUp) -> BeforeCall | None:
    """What a follow-up was before the call that was its last step; None if that was no call, or
    one that was logged by an npsight that could not take it back.
    """
    last = event_of(store, project, current.id, current.version)
    if last is None or last.call is None:
        return None
    before = last.before or {}
    return BeforeCall(before["state"], _instant(before["contacted_at"]))


def _write(
    connection: Connection,
    project: str,
    steps: Sequence[Done],
    actor: str,
    at: datetime,
    contacted_days: int,
) -> None:
    account = steps[0].after.account
    marks = hold_marks(connection, project, account)
    for done in steps:
        _put(connection, project, done)
        before = None if done.before is None else shown_fields(done.before)
        after = shown_fields(done.after)
        identity, version = done.after.id, done.after.version
        _add_event(
            connection,
            project=project,
            account=account,
            follow_up_id=identity,
            version=version,
            at=at,
            actor=actor,
            kind=done.kind,
            before=before,
            after=after,
            note=done.note,
            call=_call(done, marks),
        )
        detail = {"follow_up": identity, "version": version, "state": done.after.state}
        action = f"follow-up: {done.kind}"
        note(connection, project, at, actor, action, f"account {account}", detail)
    last = steps[-1].after
    changes: dict[str, Any] = {
        "state": last.state if last.is_open else None,
        "due_on": last.due_on if last.is_open else None,
    }
    contacts = [done.contacted_at for done in steps if done.contacted_at is not None]
    if contacts:
        known = [marks.contacted_at] if marks.contacted_at is not None else []
        changes |= {"contacted_at": max(contacts + known), "contacted_days": contacted_days}
    if steps[-1].kind == "answered" and last.state == "not recovered":
        # What was tried did not help: the account comes forward again.
        changes["contacted_days"] = None
    if steps[-1].kind == TAKE_BACK.name:
        taken = _event(connection, project, last.id, last.version - 1)
        assert taken is not None
        assert taken.call is not None
        _forget(connection, project, account, at, taken.call, changes)
        return
    mark(connection, project, account, at, **changes)


def _call(done: Done, marks: Marks) -> JsonObject | None:
    if done.contacted_at is None:
        return None
    contact = {"contacted_at": plain(marks.contacted_at), "contacted_days": marks.contacted_days}
    return {"at": plain(done.contacted_at), **contact}


def _forget(
    connection: Connection,
    project: str,
    account: str,
    at: datetime,
    call: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> None:
    """The marks of the account as they were before a call."""
    contact = {
        "contacted_at": _instant(call["contacted_at"]),
        "contacted_days": call["contacted_days"],
    }
    forget_contact(connection, project, account, at, **changes, **contact)
    forget_contact_at(connection, project, account, datetime.fromisoformat(call["at"]))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _put(connection: Connection, project: str, done: Done) -> None:
    """Insert or change the row, if it is still what the step began from."""
    values = row_of(done.after)
    if done.before is None:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        adding = dialect.insert(follow_ups).values(project=project, **values)
        added = adding.on_conflict_do_nothing().returning(follow_ups.c.id)
        if connection.execute(added).scalar_one_or_none() is None:
            raise EditConflictError(_open_of(connection, project, [done.after.account])[0])
        return
    if not done.before.is_open and done.after.is_open:
        others = _open_of(connection, project, [done.after.account])
        if others:
            raise EditConflictError(others[0])
    mine = (follow_ups.c.project == project) & (follow_ups.c.id == done.after.id)
    seen = follow_ups.c.version == done.before.version
    changed: CursorResult[Any] = connection.execute(
        update(follow_ups).where(mine, seen).values(**values)
    )
    if changed.rowcount != 1:
        raise EditConflictError(_current(connection, project, done.after.id))


def _event(connection: Connection, project: str, identity: str, version: int) -> Event | None:
    table = follow_up_events
    query = select(*(table.c[name] for name in Event.__dataclass_fields__)).where(
        table.c.project == project,
        table.c.follow_up_id == identity,
        table.c.version == version,
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Event(**row._mapping)


def _add_event(connection: Connection, **values: Any) -> None:
    connection.execute(insert(follow_up_events).values(**values))


def _current(connection: Connection, project: str, identity: str) -> FollowUp:
    mine = (follow_ups.c.project == project) & (follow_ups.c.id == identity)
    row = connection.execute(select(*FIELDS).where(mine)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such follow-up.\n  → look for it on the follow-ups page")
    return follow_up_of(row._mapping)


def _open_of(connection: Connection, project: str, accounts: Iterable[str]) -> list[FollowUp]:
    wanted, found = list(accounts), []
    for start in range(0, len(wanted), IDS):
        query = select(*FIELDS).where(
            follow_ups.c.project == project,
            follow_ups.c.account.in_(wanted[start : start + IDS]),
            STILL_OPEN,
        )
        found += [follow_up_of(row._mapping) for row in connection.execute(query)]
    return found
