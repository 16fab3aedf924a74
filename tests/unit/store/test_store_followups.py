"""Follow-ups on both databases: written whole, once, and by whoever saw the newest version."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from followed import NOW, RULES, assert_whole, begin, new_one, stepped, take
from sqlalchemy import select

from npsight.errors import NotFoundError
from npsight.store import ScoreRow, ScoreRun, Store
from npsight.store.auditlog import entries
from npsight.store.followupboard import BoardFilter, board_counts, board_owners, cards
from npsight.store.followuprows import follow_up_events
from npsight.store.followups import (
    EditConflictError,
    SnoozeConflictError,
    before_call,
    close_answered,
    event_of,
    events_of,
    follow_up,
    follow_ups_of,
    open_follow_up,
    record,
    snooze,
    waiting,
    waiting_of,
)
from npsight.store.holdouts import enrolments
from npsight.store.marks import account_marks, hold_all_marks, marks_of
from npsight.store.worklist import worklist
from npsight.worklist.followups import (
    Answer,
    FollowUp,
    NotNowError,
    Reading,
    opened,
    taken_back,
)

DAY = timedelta(days=1)
GOOD = Answer(NOW + 2 * DAY, NOW + 2 * DAY, 9.0, "promoter")
BAD = Answer(NOW + 2 * DAY, NOW + 2 * DAY, 2.0, "detractor")


@pytest.fixture
def store(any_store: Store) -> Store:
    """A store with a run of three accounts on the worklist."""
    run = ScoreRun("r1", "p", NOW, NOW, 1, "digest")
    rows = [
        ScoreRow(f"a{i}", NOW, name=f"Name {i}", owner="Ada" if i < 3 else "Bo", revenue=10.0 * i)
        for i in (1, 2, 3)
    ]

    def listed(connection) -> None:
        for row in rows:
            has = select(worklist.c.account).where(worklist.c.account == row.account)
            if connection.execute(has).first() is None:
                values = {"run_id": "r1", "account": row.account, "stands_back": False}
                connection.execute(worklist.insert().values(held_out=False, **values))

    any_store.write_run(run, rows, [], beside=[listed])
    return any_store


def shown(store: Store, account: str = "a1"):
    """What the worklist shows of an account, and its marks."""
    with store.reading() as connection:
        row = connection.execute(select(worklist).where(worklist.c.account == account)).one()
        return row, marks_of(connection, "p", account)


def test_what_was_written_is_read_back(store: Store) -> None:
    one = begin(store, "p", owner=None, notes="line\nline", due_on=date(2026, 7, 1))
    assert follow_up(store, "p", one.id) == one
    assert open_follow_up(store, "p", "a1") == one
    assert follow_ups_of(store, "p", "a1") == [one]
    with pytest.raises(NotFoundError):
        follow_up(store, "other project", one.id)
    row, marks = shown(store)
    assert (row.state, row.due_on) == (marks.state, marks.due_on) == ("to contact", one.due_on)
    assert not row.stands_back


def test_a_contact_has_the_account_step_back(store: Store) -> None:
    one = take(store, "p", begin(store, "p"), "call", contacted_at=NOW - DAY)
    row, marks = shown(store)
    assert row.state == "contacted"
    assert row.last_contact_at == marks.contacted_at == NOW - DAY
    assert (row.stands_back, row.stands_back_until) == (True, NOW + 20 * DAY)
    assert row.stands_back_why == "contacted"
    # An earlier call that is logged later does not take the newest one back.
    take(store, "p", one, "call", contacted_at=NOW - 5 * DAY)
    assert shown(store)[1].contacted_at == NOW - DAY


def take_back(store: Store, one: FollowUp, **options: Any) -> FollowUp:
    done = taken_back(one, before_call(store, "p", one), **options)
    return record(store, "p", [done], "ada", NOW, 21)


def test_a_call_that_was_none_is_taken_back_whole(store: Store) -> None:
    begun = begin(store, "p")
    untouched = shown(store)
    called = take(store, "p", begun, "call", note="oops")
    back = take_back(store, called, note="wrong account")
    assert dataclasses.replace(back, version=begun.version) == begun
    assert shown(store) == untouched
    assert_whole(store, "p")
    kinds = [(e.version, e.kind, e.note) for e in events_of(store, "p", "a1")]
    assert kinds == [(3, "take back", "wrong account"), (2, "call", "oops"), (1, "open", None)]
    assert entries(store, "p", subject="account a1")[0].action == "follow-up: take back"


def test_of_two_calls_the_first_is_left_and_then_it_can_go_too(store: Store) -> None:
    first = take(store, "p", begin(store, "p"), "call", contacted_at=NOW - 5 * DAY)
    after_first = shown(store)
    second = take(store, "p", take(store, "p", first, "plan", note="n"), "call")
    one = take_back(store, second)
    assert (one.state, one.contacted_at) == ("plan in place", NOW - 5 * DAY)
    assert shown(store)[1].contacted_at == NOW - 5 * DAY
    assert shown(store)[0].stands_back_until == after_first[0].stands_back_until
    # What was done last is no call any more.
    assert before_call(store, "p", one) is None
    with pytest.raises(NotNowError, match="while it is the last"):
        take_back(store, one)
    with pytest.raises(EditConflictError):
        record(store, "p", [taken_back(second, before_call(store, "p", second))], "bo", NOW, 21)


def test_a_contact_that_the_tables_tell_of_is_left(store: Store) -> None:
    run = ScoreRun("r2", "p", NOW, NOW, 1, "digest")
    told = NOW - 3 * DAY
    store.write_run(run, [ScoreRow("a1", NOW, last_contact_at=told)], [])
    with store.writing() as connection:
        values = {"run_id": "r2", "account": "a1", "stands_back": False, "held_out": False}
        has = select(worklist.c.account).where(worklist.c.run_id == "r2")
        if connection.execute(has).first() is None:
            connection.execute(worklist.insert().values(last_contact_at=told, **values))
    take_back(store, take(store, "p", begin(store, "p"), "call"))
    with store.reading() as connection:
        query = select(worklist.c.last_contact_at).where(worklist.c.run_id == "r2")
        assert connection.execute(query).scalar_one() == told


def test_no_enrolment_holds_a_contact_that_was_none(store: Store) -> None:
    called = take(store, "p", begin(store, "p"), "call", contacted_at=NOW - DAY)
    kept = {"project": "p", "account": "a1", "run_id": "r1", "assigned_at": NOW - 9 * DAY}
    with store.writing() as connection:
        for number, at in ((1, NOW - DAY), (2, NOW - 2 * DAY)):
            values = {c.name: None for c in enrolments.c} | kept
            values |= {"number": number, "contacted_at": at}
            values |= {c.name: filler(c) for c in enrolments.c if values[c.name] is None
                       and not c.nullable}  # fmt: skip
            connection.execute(enrolments.insert().values(**values))
    take_back(store, called)
    with store.reading() as connection:
        query = select(enrolments.c.contacted_at).order_by(enrolments.c.number)
        assert list(connection.execute(query).scalars()) == [None, NOW - 2 * DAY]


def filler(column: Any) -> Any:
    """Some value of a column that must have one."""
    kind = column.type.python_type if column.name != "until" else datetime
    return {str: "x", int: 0, float: 0.5, bool: False}.get(kind, NOW)


def test_a_call_of_an_older_npsight_stays(store: Store) -> None:
    called = take(store, "p", begin(store, "p"), "call")
    with store.writing() as connection:
        connection.execute(follow_up_events.update().values(call=None))
    assert before_call(store, "p", called) is None


def test_when_it_ends_the_worklist_forgets_its_state(store: Store) -> None:
    take(store, "p", begin(store, "p"), "close", note="left")
    row, marks = shown(store)
    assert (row.state, row.due_on, marks.state, marks.due_on) == (None,) * 4
    assert open_follow_up(store, "p", "a1") is None


def test_every_step_is_in_history_and_audit_log_with_its_version(store: Store) -> None:
    one = take(store, "p", begin(store, "p"), "call", note="hello")
    take(store, "p", one, "plan", note="n", changes={"notes": "weekly"})
    events = events_of(store, "p", "a1")
    assert [(e.version, e.kind, e.note) for e in events] == [
        (3, "plan", "n"), (2, "call", "hello"), (1, "open", None),
    ]  # fmt: skip
    assert [e.before for e in events] == [events[1].after, events[2].after, None]
    assert events[0].after["notes"] == "weekly"
    assert event_of(store, "p", one.id, 2) == events[1]
    log = entries(store, "p", subject="account a1")
    assert [entry.detail["version"] for entry in log] == [3, 2, 1]
    assert {entry.actor for entry in log} == {"ada"}


def test_who_saw_an_older_version_is_refused_and_nothing_is_written(store: Store) -> None:
    one = begin(store, "p")
    take(store, "p", one, "call")
    before = shown(store)
    with pytest.raises(EditConflictError) as error:
        take(store, "p", one, "close", note="stale")
    assert (error.value.current.version, error.value.current.state) == (2, "contacted")
    assert shown(store) == before
    assert len(events_of(store, "p", "a1")) == 2


def test_an_account_has_one_open_follow_up_at_most(store: Store) -> None:
    one = begin(store, "p")
    with pytest.raises(EditConflictError) as error:
        begin(store, "p")
    assert error.value.current == one
    ended = take(store, "p", one, "close", note="n")
    two = begin(store, "p")
    with pytest.raises(EditConflictError) as error:
        take(store, "p", ended, "reopen", note="n")
    assert error.value.current == two
    assert begin(store, "p", "a2").is_open
    assert begin(store, "another project").is_open


def test_a_chain_of_steps_is_written_whole_or_not_at_all(store: Store) -> None:
    first = opened(new_one("a1"), RULES)
    call = stepped(first.after, "call")
    broken = dataclasses.replace(call, after=dataclasses.replace(call.after, opened_by=None))
    with pytest.raises(Exception, match="store failed"):
        record(store, "p", [first, broken], "ada", NOW, 21)
    assert open_follow_up(store, "p", "a1") is None
    assert events_of(store, "p", "a1") == entries(store, "p") == []
    with store.reading() as connection:
        assert connection.execute(select(account_marks)).all() == []
    assert record(store, "p", [first, call], "ada", NOW, 21).version == 2


def close(store: Store, *answers: Answer, account: str = "a1", actor: str = "npsight score"):
    standing = {account: Reading(NOW, risk=0.1, nps=40.0)}
    with store.writing() as connection:
        given = {account: list(answers)} if answers else {}
        return close_answered(connection, "p", given, standing, actor, NOW + 3 * DAY)


def test_an_answer_closes_once_and_shows_before_and_after(store: Store) -> None:
    one = take(store, "p", begin(store, "p"), "call")
    assert waiting(store, "p") == {"a1": NOW}
    assert waiting_of(store, "p", ["a1", "a2"]) == {"a1"}
    (ended,) = close(store, GOOD)
    assert close(store, GOOD) == close(store, BAD) == []
    kept = follow_up(store, "p", one.id)
    assert kept == ended
    assert (kept.state, kept.closed_by, kept.version) == ("recovered", "npsight score", 3)
    assert (kept.before.band, kept.after.band, kept.after.score) == ("passive", "promoter", 9.0)
    assert (kept.after.risk, kept.after.at) == (0.1, GOOD.occurred_at)
    assert waiting(store, "p") == {}
    assert events_of(store, "p", "a1")[0].kind == "answered"
    assert entries(store, "p")[0].actor == "npsight score"


def test_an_account_that_did_not_recover_comes_forward_again(store: Store) -> None:
    take(store, "p", begin(store, "p"), "call")
    assert shown(store)[0].stands_back
    (ended,) = close(store, BAD)
    assert ended.state == "not recovered"
    row, marks = shown(store)
    assert not row.stands_back
    assert row.last_contact_at == marks.contacted_at == NOW


def test_an_answer_from_before_the_reopening_does_not_close_again(store: Store) -> None:
    take(store, "p", begin(store, "p"), "call")
    (ended,) = close(store, GOOD)
    again = take(store, "p", ended, "reopen", note="no", now=GOOD.occurred_at + DAY)
    assert close(store, GOOD) == []
    assert follow_up(store, "p", again.id).is_open


def test_a_snooze_needs_to_know_what_it_changes(store: Store) -> None:
    until = NOW + 7 * DAY
    snooze(store, "p", "a1", until, None, "holiday", "ada", NOW)
    row, marks = shown(store)
    assert (row.stands_back_until, row.stands_back_why) == (until, "snoozed")
    assert marks.snoozed_until == until
    with pytest.raises(SnoozeConflictError) as error:
        snooze(store, "p", "a1", NOW + DAY, None, "x", "bo", NOW)
    assert error.value.until == until
    snooze(store, "p", "a1", None, until, None, "bo", NOW)
    assert not shown(store)[0].stands_back
    told = [(e.kind, e.note, e.follow_up_id) for e in events_of(store, "p", "a1")]
    assert told == [("woken", None, None), ("snoozed", "holiday", None)]
    assert [e.action for e in entries(store, "p")] == ["account woken", "account snoozed"]


def test_a_run_may_hold_all_marks_and_still_change_some(store: Store) -> None:
    with store.writing() as connection:
        hold_all_marks(connection)
        close_answered(connection, "p", {}, {}, "x", NOW)
    begin(store, "p")


def board(store: Store, state: str = "to contact", **options):
    wanted = BoardFilter("r1", **options)
    return [card.follow_up.account for card in cards(store, "p", state, wanted, 10)]


def test_the_board_by_state_owner_and_due_day(store: Store) -> None:
    day = NOW.date()
    begin(store, "p", "a1", due_on=day + 9 * DAY)
    begin(store, "p", "a3", due_on=day)
    begin(store, "p", "gone", due_on=day + DAY)
    ended = take(store, "p", begin(store, "p", "a2"), "close", note="n", now=NOW)
    assert board(store) == ["a3", "gone", "a1"]
    assert board(store, account_owner="Ada") == ["a1"]
    assert board(store, owners=()) == board(store, owners=("Bo",)) == []
    assert board(store, due_from=day, due_until=day + DAY) == ["a3", "gone"]
    assert board(store, "closed", ended_from=ended.closed_at) == ["a2"]
    assert board(store, "closed", ended_from=ended.closed_at + timedelta(microseconds=1)) == []
    found = cards(store, "p", "to contact", BoardFilter("r1"), 1, offset=2)
    assert [(c.name, c.revenue, c.risk) for c in found] == [("Name 1", 10.0, None)]
    counts = board_counts(store, "p", BoardFilter("r1"), day + DAY, day + 4 * DAY)
    assert counts.states == {"to contact": 3, "closed": 1}
    assert (counts.overdue, counts.soon) == (1, 1)
    assert board_owners(store, "p", None, "r1") == []
