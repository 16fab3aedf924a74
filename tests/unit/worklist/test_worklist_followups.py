"""Steps between states, due days, and which answer closes a loop."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from followed import BEFORE, NOW, RULES, new_one, stepped
from hypothesis import given
from hypothesis import strategies as st

from npsight.worklist.bands import BandNow
from npsight.worklist.followups import (
    CHANGEABLE,
    ENDED,
    OPEN,
    STATES,
    STEPS,
    Answer,
    FollowUpError,
    closing,
    opened,
    recovered,
    steps_of,
)

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


def in_state(state, **fields):
    ended = {"closed_at": NOW, "closed_by": "ada"} if state in ENDED else {}
    contacted = {} if state == "to contact" else {"contacted_at": NOW - DAY}
    return new_one(state=state, **{**contacted, **ended, **fields})


def answer(at: datetime, band: BandNow = "promoter", score: float = 9.0, known=None) -> Answer:
    return Answer(at, known or at, score, band)


# --- Steps -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", sorted({one.name for one in STEPS}))
def test_a_step_is_taken_where_it_is_declared_and_refused_elsewhere(state, name):
    taken = [one for one in STEPS if one.name == name and state in one.sources]
    options = {"note": "said", "changes": {"notes": "more"}}
    if not taken:
        with pytest.raises(FollowUpError, match=f"“{state}” allows"):
            stepped(in_state(state), name, **options)
        return
    (step,) = taken
    after = stepped(in_state(state), name, **options).after
    assert after.state == (step.target or state)
    assert after.version == 2
    assert after.is_open == (after.closed_at is None) == (after.state in OPEN)


@pytest.mark.parametrize("step", [s for s in STEPS if "note" in s.needs], ids=lambda s: s.name)
def test_a_step_that_needs_words_is_refused_without_them(step):
    with pytest.raises(FollowUpError, match="needs a note"):
        stepped(in_state(step.sources[0]), step.name)


def test_every_open_state_can_be_left_and_every_ended_one_reopened():
    for state in OPEN:
        assert {s.target for s in steps_of(state)} & set(ENDED)
    for state in ENDED:
        assert [s.name for s in steps_of(state)] == ["reopen"]


def test_the_first_contact_stays_the_first_one():
    first = stepped(new_one(), "call", contacted_at=NOW - DAY)
    assert first.after.contacted_at == first.contacted_at == NOW - DAY
    again = stepped(first.after, "call")
    assert again.after.contacted_at == NOW - DAY
    assert again.contacted_at == NOW


def test_a_contact_lies_neither_ahead_nor_before_the_period():
    assert stepped(new_one(), "call", contacted_at=NOW).after.contacted_at == NOW
    assert stepped(new_one(), "call", contacted_at=NOW - 90 * DAY)
    for at in (NOW + TICK, NOW - 90 * DAY - TICK):
        with pytest.raises(FollowUpError, match="within the last 90 days"):
            stepped(new_one(), "call", contacted_at=at)


def test_a_reopened_one_begins_anew():
    ended = in_state("recovered", after=BEFORE)
    after = stepped(ended, "reopen", note="they called", now=NOW + 40 * DAY).after
    assert (after.state, after.contacted_at, after.closed_at, after.after) == (
        "to contact", None, None, None,
    )  # fmt: skip
    assert after.due_on == (NOW + 54 * DAY).date()
    assert after.answers_from == NOW + 40 * DAY


def test_every_fault_is_told_at_once():
    changes = {"reason": "Weather", "owner": "Nobody", "due_on": date(2027, 1, 1), "notes": "\0"}
    with pytest.raises(FollowUpError) as error:
        stepped(new_one(), "plan", changes=changes, note="x" * 4001)
    assert len(error.value.reasons) == 5
    with pytest.raises(FollowUpError, match="Nothing was changed"):
        stepped(new_one(), "change")
    with pytest.raises(FollowUpError, match="no text has"):
        opened(new_one(), RULES, "\ud800")


def test_what_was_valid_once_may_stay_but_not_come_back():
    old = new_one(reason="Weather", owner="Gone", due_on=date(2026, 6, 1))
    assert stepped(old, "change", changes={"notes": "n"}).after.reason == "Weather"
    with pytest.raises(FollowUpError, match="The reason must be one of"):
        stepped(new_one(), "change", changes={"reason": "Weather"})
    assert stepped(new_one(), "change", changes={"owner": "Bo"}, known=["Bo"]).after.owner == "Bo"


# --- Due days ----------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [90, 180])
def test_due_days_lie_from_today_to_the_end_of_the_period(period):
    rules = dataclasses.replace(RULES, period_days=period)
    today = date(2026, 6, 10)
    for days, fine in ((-1, False), (0, True), (period, True), (period + 1, False)):
        one = new_one(due_on=today + timedelta(days=days))
        if fine:
            assert opened(one, rules).after.due_on == one.due_on
        else:
            with pytest.raises(FollowUpError, match=f"survey period of {period} days"):
                opened(one, rules)


def test_a_later_due_day_counts_from_the_opening():
    last = date(2026, 9, 8)
    later = {"now": NOW + 60 * DAY}
    assert stepped(new_one(), "change", changes={"due_on": last}, **later).after.due_on == last
    for day in (last + DAY, date(2026, 8, 8)):
        with pytest.raises(FollowUpError, match=r"between 9 Aug 2026 and 8 Sep 2026"):
            stepped(new_one(), "change", changes={"due_on": day}, **later)


def test_levels_change_with_the_day():
    today = date(2026, 6, 10)
    levels = [RULES.level(today + timedelta(days=d), today) for d in (-1, 0, 3, 4)]
    assert levels == ["overdue", "due soon", "due soon", "on time"]


def test_the_day_is_that_of_the_user():
    at = datetime(2026, 6, 10, 22, 30, tzinfo=UTC)
    berlin = dataclasses.replace(RULES, zone=ZoneInfo("Europe/Berlin"))
    assert RULES.day(at) == date(2026, 6, 10)
    assert berlin.day(at) == date(2026, 6, 11)


def test_the_proposed_day_never_lies_after_the_period():
    short = dataclasses.replace(RULES, period_days=10, due_days=14)
    assert short.due_default(date(2026, 6, 10)) == short.last_due(date(2026, 6, 10))


# --- The answer that closes --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "answered", "better"),
    [
        ("detractor", "detractor", False), ("detractor", "passive", True),
        ("detractor", "promoter", True), ("passive", "detractor", False),
        ("passive", "passive", False), ("passive", "promoter", True),
        ("promoter", "detractor", False), ("promoter", "passive", False),
        ("promoter", "promoter", True), ("silent", "detractor", False),
        ("silent", "passive", True), (None, "promoter", True),
    ],
)  # fmt: skip
def test_recovered_is_a_better_band_or_a_promoter(before, answered, better):
    assert recovered(before, answered) is better


def closed(one, *answers):
    done = closing(one, answers, NOW + 50 * DAY, "npsight score")
    return None if done is None else done.after


def test_an_answer_counts_from_the_instant_of_the_first_contact_on():
    called = stepped(new_one(), "call", now=NOW + DAY).after
    start = called.contacted_at
    assert closed(called, answer(start - TICK)) is None
    after = closed(called, answer(start))
    assert (after.state, after.closed_by, after.after.band) == (
        "recovered", "npsight score", "promoter",
    )  # fmt: skip
    assert after.after.at == start


def test_where_nobody_made_contact_only_a_recovery_closes_from_the_opening_on():
    one = new_one()
    assert closed(one, answer(NOW - TICK)) is None
    assert closed(one, answer(NOW)).state == "recovered"
    assert closed(one, answer(NOW, "detractor", 2.0)) is None
    later = closed(one, answer(NOW, "detractor", 2.0), answer(NOW + DAY))
    assert (later.state, later.after.at) == ("recovered", NOW + DAY)


def test_what_came_before_the_reopening_never_counts():
    ended = in_state("not recovered", after=BEFORE)
    again = stepped(ended, "reopen", note="n", now=NOW + DAY).after
    called = stepped(again, "call", contacted_at=NOW, now=NOW + 2 * DAY).after
    assert closed(called, answer(NOW + DAY - TICK)) is None
    assert closed(called, answer(NOW + DAY)).state == "recovered"


def test_of_answers_at_one_instant_the_worst_counts():
    called = stepped(new_one(), "call").after
    both = [answer(NOW + DAY, "promoter", 10.0), answer(NOW + DAY, "detractor", 1.0)]
    assert closed(called, *both).state == "not recovered"


def test_of_answers_on_different_scales_the_worse_band_comes_first():
    called = stepped(new_one(), "call").after
    both = [answer(NOW + DAY, "promoter", 5.0), answer(NOW + DAY, "detractor", 6.0)]
    assert closed(called, *both).state == closed(called, *both[::-1]).state == "not recovered"


def test_an_ended_one_is_not_closed_again():
    for state in ENDED:
        assert closed(in_state(state), answer(NOW + DAY)) is None


BANDS = st.sampled_from(["detractor", "passive", "promoter"])
MOMENTS = st.integers(-5, 15).map(lambda hours: NOW + timedelta(hours=hours))
ANSWERS = st.lists(st.tuples(MOMENTS, BANDS, st.integers(0, 10)), max_size=6)


@given(ANSWERS, st.none() | MOMENTS, st.none() | MOMENTS, BANDS, st.randoms())
def test_any_order_of_answers_closes_alike_and_as_plain_words_say(
    told, contacted_at, reopened_at, before, shuffler
):
    one = new_one(
        contacted_at=contacted_at,
        reopened_at=reopened_at,
        before=dataclasses.replace(BEFORE, band=before),
    )
    answers = [answer(at, band, float(score)) for at, band, score in told]
    done = closed(one, *answers)
    shuffler.shuffle(answers)
    assert closed(one, *answers) == done
    assert (done and (done.state, done.after.at)) == plainly(one, told)


def plainly(one, told):
    """The rule again, as one would say it."""
    order = ["detractor", "passive", "promoter"]
    for at, _, _, band in sorted((at, order.index(band), score, band) for at, band, score in told):
        if one.reopened_at and at < one.reopened_at:
            continue
        if at < (one.contacted_at or one.opened_at):
            continue
        good = band == "promoter" or order.index(band) > order.index(one.before.band)
        if good:
            return "recovered", at
        if one.contacted_at:
            return "not recovered", at
    return None


def test_fields_that_can_be_changed_are_fields():
    assert set(CHANGEABLE) <= {f.name for f in dataclasses.fields(new_one())}
