"""Short ways to follow-ups for tests."""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from npsight.store.auditlog import audit_log
from npsight.store.followuprows import follow_up_events, follow_up_of, follow_ups, shown_fields
from npsight.store.followups import record
from npsight.store.marks import account_marks
from npsight.store.store import Store
from npsight.store.worklist import worklist
from npsight.worklist.followups import Done, FollowUp, Reading, Rules, opened, step

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
RULES = Rules(ZoneInfo("UTC"), 90, 14, 3, ("Product", "Support"))
BEFORE = Reading(NOW, "passive", 7.0, 0.4, 12.0, 0.1)


def new_one(account: str = "a1", **fields: Any) -> FollowUp:
    """An open follow-up of a passive account, not contacted yet."""
    made = FollowUp(
        id=uuid.uuid4().hex, account=account, state="to contact", owner=None, reason=None,
        driver=None, play=None, due_on=date(2026, 6, 24), notes=None, opened_at=NOW,
        opened_by="ada", before=BEFORE,
    )  # fmt: skip
    return dataclasses.replace(made, **fields)


def begin(store: Store, project: str, account: str = "a1", **fields: Any) -> FollowUp:
    """A follow-up that is written down."""
    one = new_one(account, **fields)
    return record(store, project, [opened(one, RULES)], one.opened_by, one.opened_at, 21)


def take(store: Store, project: str, one: FollowUp, name: str, **options: Any) -> FollowUp:
    """The follow-up after a step that is written down."""
    done = stepped(one, name, **options)
    return record(store, project, [done], "ada", options.get("now", NOW), 21)


def stepped(one: FollowUp, name: str, **options: Any) -> Done:
    """A step as ada takes it."""
    given = {"changes": {}, "rules": RULES, "now": NOW, "actor": "ada", **options}
    return step(one, name, **given)


def assert_whole(store: Store, project: str) -> int:
    """Follow-ups, events, marks, worklist and audit log tell the same; returns how many there are.

    Versions have no gap, an account has one open follow-up at most, and nothing is half-done.
    """
    with store.reading() as connection:
        mine = follow_ups.c.project == project
        rows = connection.execute(select(follow_ups).where(mine)).all()
        ones = [follow_up_of(row._mapping) for row in rows]
        events = connection.execute(
            select(follow_up_events)
            .where(follow_up_events.c.project == project)
            .order_by(follow_up_events.c.seq)
        ).all()
        log = connection.execute(select(audit_log).order_by(audit_log.c.seq)).all()
        marks = {row.account: row for row in connection.execute(select(account_marks))}
        shown = connection.execute(select(worklist)).all()
    noted: dict[str, list[int]] = {}
    snoozes: dict[str, int] = {}
    for entry in log:
        if "follow_up" in entry.detail:
            noted.setdefault(entry.detail["follow_up"], []).append(entry.detail["version"])
        elif entry.action in ("account snoozed", "account woken"):
            account = entry.subject.removeprefix("account ")
            snoozes[account] = snoozes.get(account, 0) + 1
    for one in ones:
        own = [event for event in events if event.follow_up_id == one.id]
        assert [event.version for event in own] == list(range(1, one.version + 1)), one
        assert noted.pop(one.id) == [event.version for event in own], one
        assert own[-1].after == shown_fields(one), one
        for before, after in itertools.pairwise(own):
            assert after.before == before.after, one
    assert noted == {}
    open_ones = {one.account: one for one in ones if one.is_open}
    assert len(open_ones) == sum(one.is_open for one in ones)
    for account, row in marks.items():
        held = open_ones.get(account)
        told = (held.state, held.due_on) if held else (None, None)
        assert (row.state, row.due_on) == told, account
        rest = [event for event in events if event.account == account and not event.follow_up_id]
        assert len(rest) == snoozes.get(account, 0), account
        until = row.snoozed_until.isoformat() if row.snoozed_until else None
        assert until == (rest[-1].after["snoozed_until"] if rest else None), account
    assert set(open_ones) <= set(marks)
    for row in shown:
        held = marks.get(row.account)
        assert row.state == (held.state if held else None), row.account
        if held is not None and held.contacted_at is not None:
            assert row.last_contact_at >= held.contacted_at, row.account
    return len(ones)
