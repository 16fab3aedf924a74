"""Every boundary of an enrolment's outcome, and random worlds against a plain loop."""

from __future__ import annotations

from datetime import UTC
from types import SimpleNamespace
from typing import Any

import pytest
from handmade import AS_OF, DAY, TICK, answer, fact, facts_of, world_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npsight.config.schema import ChurnTarget
from npsight.config.specs import OutcomeWindow
from npsight.jobs.building.frames import FeatureBuilder
from npsight.jobs.runs.holdouts import Rhythm, read_outcomes
from npsight.store.holdouts import Enrolment, Outcome
from npsight.worklist.holdout import measured

GAP, DAYS = 14, 90
RHYTHM = Rhythm(DAYS, {"detractor": measured(DAYS, OutcomeWindow(GAP, 90))})
BOTH = Rhythm(DAYS, {**RHYTHM.windows, "churn": measured(DAYS, OutcomeWindow(GAP, 90))})
START, END = AS_OF + GAP * DAY, AS_OF + DAYS * DAY
SILENT = Outcome(answers=0, detractors=0, promoters=0)


def enrolled(account: str = "a", number: int = 0, at=AS_OF) -> Enrolment:
    when = at.replace(tzinfo=UTC)
    return Enrolment(account, number, "r", when, when + DAYS * DAY, "call", 0.2)


def read(engine, world, *rows, rhythm=RHYTHM, as_of=END, touchpoints=()):
    world.data_end = END + 400 * DAY if not hasattr(world, "ends") else world.ends
    project: Any = SimpleNamespace(
        touchpoints=touchpoints, features=(), churn=ChurnTarget(event="churn_table")
    )
    builder = FeatureBuilder(engine, facts_of(engine, world), project, own={})
    return read_outcomes(builder, rows or (enrolled(),), rhythm, as_of)


@pytest.mark.parametrize(
    ("at", "counts"),
    [(START - TICK, 0), (START, 1), (END - TICK, 1), (END, 0)],
    ids=["1us-before-gap", "at-gap", "1us-before-end", "at-end"],
)
def test_answers_count_from_the_gap_to_the_end_exclusive(engine, at, counts):
    found = read(engine, world_of(responses=[answer(at, 3)]))["a", 0]
    first = at.replace(tzinfo=UTC) if counts else None
    assert found == Outcome(counts, counts, 0, first)


@pytest.mark.parametrize(
    ("as_of", "ended"), [(END - TICK, False), (END, True)], ids=["1us-before", "at-the-end"]
)
def test_a_window_that_has_not_ended_by_the_run_is_not_read(engine, as_of, ended):
    found = read(engine, world_of(responses=[answer(START, 3)]), as_of=as_of)
    assert bool(found) == ended


@pytest.mark.parametrize(
    ("data_end", "ended"), [(END - TICK, False), (END, True)], ids=["1us-before", "at-the-end"]
)
def test_a_window_that_has_not_ended_by_the_data_is_not_read(engine, data_end, ended):
    world = world_of(responses=[answer(START, 3)])
    world.ends = data_end
    assert bool(read(engine, world, as_of=END + 50 * DAY)) == ended


def test_bands_are_counted_and_the_first_answer_is_found(engine):
    rows = [answer(START + 2 * DAY, 9), answer(START + DAY, 3), answer(START + 3 * DAY, 7)]
    found = read(engine, world_of(responses=rows))["a", 0]
    assert found == Outcome(3, 1, 1, (START + DAY).replace(tzinfo=UTC))


def test_the_silent_are_known_to_be_silent(engine):
    assert read(engine, world_of(responses=[]))["a", 0] == SILENT


def test_only_foreseen_touchpoints_count(engine):
    rows = [answer(START, 3, touchpoint="support"), answer(START + DAY, 9, touchpoint="yearly")]
    found = read(engine, world_of(responses=rows), touchpoints=("yearly",))["a", 0]
    assert found == Outcome(1, 0, 1, (START + DAY).replace(tzinfo=UTC))


def test_each_enrolment_of_an_account_has_its_own_window(engine):
    rows = [answer(START, 3), answer(END + GAP * DAY, 9)]
    later = enrolled(number=1, at=END)
    found = read(engine, world_of(responses=rows), enrolled(), later, as_of=END + DAYS * DAY)
    assert (found["a", 0].detractors, found["a", 0].promoters) == (1, 0)
    assert (found["a", 1].detractors, found["a", 1].promoters) == (0, 1)


def test_losses_are_read_beside_answers(engine):
    churn = [fact(START, account="a"), fact(END, account="b"), fact(START - TICK, account="c")]
    world = world_of(("a", "b", "c"), churn=churn, responses=[])
    found = read(engine, world, *(enrolled(name) for name in "abc"), rhythm=BOTH)
    assert {key: one.churned for key, one in found.items()} == {
        ("a", 0): True,
        ("b", 0): False,
        ("c", 0): None,
    }


def test_an_account_merged_away_has_no_outcome(engine):
    world = world_of(("a", "b"), responses=[])
    world.merges = [{"account": "a", "into": "b", "known_at": START}]
    found = read(engine, world, enrolled("a"), enrolled("b"))
    assert found == {("a", 0): Outcome(), ("b", 0): SILENT}


instants = st.builds(
    lambda base, ticks: base + ticks * TICK,
    st.sampled_from([START, END, AS_OF, START + DAY, END + GAP * DAY, END + DAYS * DAY]),
    st.integers(-1, 1),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("ab"), instants, st.integers(0, 10)), max_size=12),
    st.sampled_from([END, END + DAYS * DAY - TICK, END + DAYS * DAY]),
)
def test_outcomes_are_those_of_a_plain_loop(engine, told, as_of):
    rows = [answer(at, score, account=account) for account, at, score in told]
    ones = [enrolled("a"), enrolled("b"), enrolled("a", 1, END)]
    found = read(engine, world_of(("a", "b"), responses=rows), *ones, as_of=as_of)
    assert found == {one.key: plain(one, told) for one in ones if over(one, as_of)}


def over(one, as_of) -> bool:
    return one.until.replace(tzinfo=None) <= as_of


def plain(one, told) -> Outcome:
    """The outcome of an enrolment, answer by answer."""
    begin = one.assigned_at.replace(tzinfo=None)
    mine = [
        (at, score)
        for account, at, score in told
        if account == one.account and begin + GAP * DAY <= at < begin + DAYS * DAY
    ]
    first = min((at for at, _ in mine), default=None)
    return Outcome(
        answers=len(mine),
        detractors=sum(score <= 6 for _, score in mine),
        promoters=sum(score >= 9 for _, score in mine),
        first_answer_at=None if first is None else first.replace(tzinfo=UTC),
    )
