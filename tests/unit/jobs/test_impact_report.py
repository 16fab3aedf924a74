"""What is said of enrolments: figures, sentences, and when it is too early."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from enrolled import DAY, simulated

from npsight.config.specs import OutcomeWindow
from npsight.jobs.impact import ImpactReport, contacted_in_time, measure
from npsight.jobs.impactwords import (
    answering_words,
    change,
    headline,
    observational_words,
    play_words,
    power_words,
)
from npsight.models.impact import Effect

GAP = 14


@pytest.fixture(scope="module")
def enough():
    return tuple(simulated(seed=4, pending=40))


@pytest.fixture(scope="module")
def found(enough):
    return measure(enough, GAP)


def report(measured, share=0.2, has_answers=True) -> ImpactReport:
    return ImpactReport(share, 90, OutcomeWindow(GAP, 76), has_answers, measured, ())


def test_arms_are_counted_plainly(enough, found):
    for arm in found.arms:
        rows = [one for one in enough if one.arm == arm.name]
        ended = [one for one in rows if one.answers is not None]
        answered = [one for one in ended if one.answers]
        assert arm.enrolled == len(rows)
        assert arm.running == len(rows) - len(ended)
        assert arm.answered == len(answered)
        assert arm.detractors == pytest.approx(np.mean([one.detractors for one in answered]))
        assert arm.low < arm.detractors < arm.high
        assert arm.loss_known == len(ended)
    assert sum(arm.running for arm in found.arms) == 40
    assert found.answered == sum(arm.answered for arm in found.arms)


def test_enough_answers_give_every_effect(found):
    assert found.waiting is None
    assert found.call.estimate < found.listed.estimate < 0
    assert found.nps.estimate > 0
    assert not found.losses.certain
    assert found.observational is not None
    assert [play.driver for play in found.plays] == sorted(
        (p.driver for p in found.plays),
        key=lambda d: -next(p.called + p.held_out for p in found.plays if p.driver == d),
    )
    levels = [play.effect.level for play in found.plays]
    assert levels == pytest.approx([1 - 0.05 / 3] * 3)


def test_an_account_with_several_answers_weighs_one(enough):
    one = replace(enough[0], answers=4, detractors=1, promoters=2)
    arm = measure((one,), GAP).arms[0 if one.arm == "call" else 1]
    assert (arm.detractors, arm.nps, arm.answered) == (0.25, 25.0, 1)


def test_the_headline_tells_the_effect_of_a_call(found):
    told = headline(report(found))
    assert told.startswith("A call lowered the share of detractors among those who answered by ")
    assert "(95\u00a0%: " in told


def test_it_is_too_early_until_each_arm_has_answers_enough():
    few = tuple(simulated(seed=4, weeks=1))
    early = measure(few, GAP)
    held = early.arms[1].answered
    assert early.waiting.missing == 20 - held > 0
    assert early.listed is early.call is early.nps is None
    assert f"{20 - held} more answers are needed" in headline(report(early))
    assert early.waiting.ready_at is None


def test_it_is_said_when_there_will_be_enough():
    rows = tuple(simulated(seed=4, pending=10_000))
    found = measure(rows, GAP)
    held = sorted(one.until for one in rows if one.arm == "hold out")
    # Each is expected to give 0.6 answers: 20 are there with the 34th.
    assert found.waiting.ready_at == held[33]
    assert found.arms[0].ended == 0


def test_without_a_hold_out_there_is_only_a_look_at_who_was_called():
    found = measure(tuple(simulated(seed=4, hold_out=0.0)), GAP)
    assert found.arms == ()
    assert found.listed is found.call is found.waiting is None
    assert found.plays == ()
    assert headline(report(found, 0.0)).startswith("Without a hold-out nobody can say")
    assert "points lower (95\u00a0%" in observational_words(found)


def test_rows_from_before_the_hold_out_was_set_are_in_neither_arm(enough, found):
    before = tuple(simulated(seed=9, hold_out=0.0, weeks=4))
    both = measure((*before, *enough), GAP)
    assert both.arms == found.arms
    assert both.listed == found.listed
    assert both.enrolled == len(before) + len(enough)


def test_nothing_at_all_has_its_own_sentence():
    nothing = measure((), GAP)
    assert headline(report(nothing)) == (
        "Nothing was measured yet: no account has come within reach of a call."
    )
    assert "no survey answers" in headline(report(nothing, has_answers=False))
    assert power_words(nothing) is None
    assert "Too early" in observational_words(nothing)


def test_called_people_who_answer_more_are_a_warning(enough):
    assert answering_words(measure(enough, GAP)) is None
    rows = [
        replace(one, answers=0) if one.arm == "hold out" and k % 3 and one.answers else one
        for k, one in enumerate(enough)
    ]
    assert "answered more often than those held out" in answering_words(measure(tuple(rows), GAP))


def test_a_contact_after_the_first_answer_is_too_late(enough):
    one = next(one for one in enough if one.answers and one.contacted_at)
    at = one.first_answer_at
    assert contacted_in_time(replace(one, contacted_at=at - DAY))
    assert not contacted_in_time(replace(one, contacted_at=at))
    assert contacted_in_time(replace(one, contacted_at=at, first_answer_at=None))
    assert not contacted_in_time(replace(one, contacted_at=None))


@pytest.mark.parametrize(("days", "called"), [(13, 1), (14, 0)], ids=["in-the-gap", "at-its-end"])
def test_only_a_call_within_the_gap_is_observed(enough, days, called):
    rows = [one for one in enough if one.arm == "call" and one.answers][:1]
    late = replace(rows[0], contacted_at=rows[0].assigned_at + days * DAY)
    assert measure((late,), GAP).seen_called == called


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (Effect(-0.08, -0.14, -0.02, 9), "8 points lower (95\u00a0%: 2 to 14 lower)"),
        (Effect(-0.04, -0.12, 0.04, 9), "4 points lower (95\u00a0%: 12 lower to 4 higher)"),
        (Effect(0.05, 0.01, 0.09, 9), "5 points higher (95\u00a0%: 1 to 9 higher)"),
        (Effect(-0.08, -0.14, -0.02, 9, 0.98), "8 points lower (2 to 14 lower)"),
    ],
)
def test_an_effect_in_words(effect, words):
    assert change(effect) == words


def test_an_effect_that_chance_could_have_made_is_said_to_be_none(found):
    unsure = replace(found, call=Effect(-0.04, -0.12, 0.04, 9))
    told = headline(report(unsure))
    assert told.startswith("So far, an effect of calling cannot be told from chance.")
    worse = replace(found, call=Effect(0.04, 0.01, 0.07, 9))
    assert headline(report(worse)).startswith("A call raised the share of detractors")
    unbounded = replace(found, call=None)
    assert "eing on the list" in headline(report(unbounded))


def test_a_play_with_few_answers_says_so(found):
    few = replace(found.plays[0], effect=None)
    assert play_words(few) == "Too early: 20 answers are needed in each group."
