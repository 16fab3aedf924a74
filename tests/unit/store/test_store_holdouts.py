"""Enrolments in both databases: written once, shown on the worklist, followed by what came."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from npsight.store import Store
from npsight.store.auditlog import entries
from npsight.store.followups import record
from npsight.store.holdouts import (
    Enrolment,
    FollowUpCount,
    Outcome,
    add_enrolments,
    all_enrolments,
    follow_up_counts,
    known_before,
    note_contacts,
    note_outcomes,
    unsettled,
)
from npsight.store.marks import mark, marks_of
from npsight.worklist.followups import Done, FollowUp, Reading
from npsight.worklist.holdout import Standing

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
AT = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = AT + 90 * DAY
CALL = Enrolment("called", 0, "r1", AT, UNTIL, "call", 0.2, detractor_risk=0.4, owner="Ada")
HELD = Enrolment("held", 0, "r1", AT, UNTIL, "hold out", 0.2)


def add(store: Store, *new: Enrolment, now: datetime = AT) -> int:
    with store.writing() as connection:
        return add_enrolments(connection, "p", new, now, now + 90 * DAY)


def marks(store: Store, account: str):
    with store.reading() as connection:
        return marks_of(connection, "p", account)


def known(store: Store, as_of: datetime, now: datetime | None = None):
    with store.writing() as connection:
        return known_before(connection, "p", as_of, now or as_of)


def contacts(store: Store, told=None) -> dict[str, datetime | None]:
    with store.writing() as connection:
        note_contacts(connection, "p", all_enrolments(store, "p"), told or {})
    return {one.account: one.contacted_at for one in all_enrolments(store, "p")}


def test_an_enrolment_comes_back_as_it_was_written(any_store):
    assert add(any_store, CALL, HELD) == 2
    assert all_enrolments(any_store, "p") == (CALL, HELD)
    assert all_enrolments(any_store, "q") == ()


def test_held_out_accounts_step_back_and_the_called_do_not(any_store):
    add(any_store, CALL, HELD)
    assert marks(any_store, "held").held_out_until == AT + 90 * DAY
    assert marks(any_store, "called").held_out_until is None
    assert marks(any_store, "held").stands_back(AT + 90 * DAY - TICK)[1] == "held out"
    assert marks(any_store, "held").stands_back(AT + 90 * DAY) == (None, None)


def test_what_was_drawn_is_never_drawn_again(any_store):
    add(any_store, CALL, HELD)
    turned = [replace(CALL, arm="hold out"), replace(HELD, arm="call", hold_out_prob=0.5)]
    assert add(any_store, *turned, now=AT + DAY) == 0
    assert all_enrolments(any_store, "p") == (CALL, HELD)
    assert marks(any_store, "called").held_out_until is None


def test_who_is_drawn_to_be_called_afterwards_comes_forward(any_store):
    add(any_store, HELD)
    later = replace(HELD, number=1, arm="call", assigned_at=UNTIL, until=UNTIL + 90 * DAY)
    add(any_store, later, now=UNTIL - DAY)
    assert marks(any_store, "held").held_out_until is None


def test_the_audit_log_tells_of_every_account_that_is_held_out(any_store):
    add(any_store, CALL, HELD)
    found = {(e.action, e.subject): e.detail for e in entries(any_store, "p")}
    assert found["held out", "account held"] == {"until": UNTIL.isoformat(), "share": 0.2}
    assert found["enrolled", "run r1"] == {"call": 1, "hold out": 1}
    assert len(found) == 2


def test_a_failure_in_the_middle_leaves_nothing(any_store):
    def fails():
        yield HELD
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"), any_store.writing() as connection:
        add_enrolments(connection, "p", fails(), AT, UNTIL)
    assert all_enrolments(any_store, "p") == ()
    assert marks(any_store, "held").held_out_until is None
    assert entries(any_store, "p") == []


@pytest.mark.parametrize(
    ("as_of", "arm"),
    [(AT, "hold out"), (UNTIL - TICK, "hold out"), (UNTIL, None)],
    ids=["at-assignment", "1us-before-until", "at-until"],
)
def test_an_enrolment_runs_until_its_end_exclusive(any_store, as_of, arm):
    add(any_store, HELD)
    assert known(any_store, as_of).standing == {"held": Standing(arm=arm, drawn=1)}


def test_the_newest_enrolment_counts(any_store):
    later = replace(HELD, number=1, arm="call", assigned_at=UNTIL, until=UNTIL + 90 * DAY)
    add(any_store, later, HELD)
    found = known(any_store, UNTIL + DAY)
    assert found.standing == {"held": Standing(arm="call", drawn=2)}
    assert found.newest == UNTIL


def test_marks_say_who_stands_back_and_who_is_followed(any_store):
    with any_store.writing() as connection:
        mark(connection, "p", "snoozed", AT, snoozed_until=AT + DAY)
        mark(connection, "p", "woken", AT, snoozed_until=AT)
        mark(connection, "p", "contacted", AT, contacted_at=AT - DAY, contacted_days=2)
        mark(connection, "p", "planned", AT, state="plan in place")
        mark(connection, "q", "elsewhere", AT, state="plan in place")
    found = known(any_store, AT)
    assert found.standing == {
        "snoozed": Standing(stands_back=True),
        "woken": Standing(),
        "contacted": Standing(stands_back=True),
        "planned": Standing(followed=True),
    }
    assert found.contacted_at == {"contacted": AT - DAY}


@pytest.mark.parametrize(
    ("at", "counts"),
    [(AT - TICK, False), (AT, True), (UNTIL - TICK, True), (UNTIL, False)],
    ids=["1us-before", "at-assignment", "1us-before-until", "at-until"],
)
def test_a_contact_counts_within_the_enrolment(any_store, at, counts):
    add(any_store, CALL)
    with any_store.writing() as connection:
        mark(connection, "p", "called", at, contacted_at=at, contacted_days=1)
    assert contacts(any_store) == {"called": at if counts else None}


def test_the_first_of_all_contacts_is_kept(any_store):
    add(any_store, CALL, HELD)
    before = Reading(AT)
    first, last = AT + 3 * DAY, AT + 9 * DAY
    opened = FollowUp(
        "f1", "called", "contacted", "Ada", None, None, None, date(2026, 3, 15), None,
        AT, "ada", before, contacted_at=first,
    )  # fmt: skip
    record(any_store, "p", [Done("call", None, opened, None, first)], "ada", AT, 21)
    with any_store.writing() as connection:
        mark(connection, "p", "called", last, contacted_at=last, contacted_days=21)
    assert contacts(any_store) == {"called": first, "held": None}
    assert contacts(any_store, {"called": AT + DAY, "held": last}) == {
        "called": AT + DAY,
        "held": last,
    }
    assert contacts(any_store)["called"] == AT + DAY
    assert follow_up_counts(any_store, "p") == [FollowUpCount("contacted", 1, 1)]


def test_outcomes_are_kept_and_may_be_read_again(any_store):
    add(any_store, CALL, HELD)
    read_at = UNTIL + DAY
    for answers in (1, 2):
        told = Outcome(answers, 1, 0, AT + 20 * DAY, churned=False)
        with any_store.writing() as connection:
            note_outcomes(connection, "p", read_at, {("called", 0): told})
    called, held = all_enrolments(any_store, "p")
    assert called == replace(
        CALL,
        answers=2,
        detractors=1,
        promoters=0,
        first_answer_at=AT + 20 * DAY,
        churned=False,
        read_at=read_at,
    )
    assert held == HELD


def test_settled_outcomes_are_left_alone(any_store):
    add(any_store, CALL, HELD)
    with any_store.writing() as connection:
        note_outcomes(connection, "p", UNTIL, {("called", 0): Outcome(answers=0)})
    assert [one.account for one in unsettled(any_store, "p", UNTIL - TICK)] == ["called", "held"]
    assert [one.account for one in unsettled(any_store, "p", UNTIL)] == ["held"]
