"""Which answers a scoring run sees for open follow-ups: `[start, as_of)`, known before as_of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from handmade import AS_OF, DAY, TICK, World, answer, facts_of, world_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npsight.jobs.building.frames import FeatureBuilder
from npsight.jobs.runs.closing import answers_since

START = AS_OF - 30 * DAY


def seen(engine, world: World, since=None, as_of: datetime = AS_OF):
    """(account, instant, score, band) of the answers that a run sees."""
    builder = FeatureBuilder(engine, facts_of(engine, world), None, own={})
    starts = {a: at.replace(tzinfo=UTC) for a, at in (since or {"a": START}).items()}
    found = answers_since(builder, starts, as_of)
    return sorted(
        (account, one.occurred_at.replace(tzinfo=None), one.score, one.band)
        for account, answers in found.items()
        for one in answers
    )


@pytest.mark.parametrize(
    ("at", "known", "counts"),
    [
        pytest.param(START - TICK, None, False, id="just before the contact"),
        pytest.param(START, None, True, id="at the contact"),
        pytest.param(START + TICK, None, True, id="just after the contact"),
        pytest.param(AS_OF - TICK, None, True, id="just before as_of"),
        pytest.param(AS_OF, None, False, id="at as_of"),
        pytest.param(AS_OF - DAY, AS_OF - TICK, True, id="known just before as_of"),
        pytest.param(AS_OF - DAY, AS_OF, False, id="known at as_of"),
        pytest.param(START - DAY, START + DAY, False, id="given before the contact, known after"),
    ],
)
def test_boundaries(engine, at, known, counts):
    assert bool(seen(engine, world_of(responses=[answer(at, 9, known)]))) is counts


def test_another_account_and_one_that_does_not_wait_are_left_out(engine):
    rows = [answer(AS_OF - DAY, 9, account=account) for account in ("a", "b", "c")]
    found = seen(engine, world_of(responses=rows), {"a": START, "b": AS_OF - DAY + TICK})
    assert [account for account, *_ in found] == ["a"]


def test_of_a_corrected_answer_the_version_that_held_counts(engine):
    wrong = answer(AS_OF - 5 * DAY, 2, corrected_at=AS_OF - DAY)
    right = answer(AS_OF - 5 * DAY, 9, AS_OF - DAY, corrected_at=None)
    world = replace(world_of(responses=[wrong, right]), versioned=True)
    assert [score for *_, score, _ in seen(engine, world)] == [9.0]
    assert [score for *_, score, _ in seen(engine, world, as_of=AS_OF - DAY)] == [2.0]


def test_nobody_waits_nothing_is_read():
    class Untouched:
        def __getattr__(self, name: str):
            raise AssertionError(f"{name} was read")

    assert answers_since(Untouched(), {}, AS_OF) == {}  # type: ignore[arg-type]


HOURS = st.integers(-40, 20).map(lambda h: AS_OF + timedelta(hours=h))
ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), HOURS, st.none() | st.integers(0, 30), st.integers(0, 10)),
    max_size=8,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.dictionaries(st.sampled_from("ab"), HOURS, min_size=1))
def test_any_answers_are_seen_as_plain_words_say(engine, told, since):
    rows = [
        answer(at, score, None if late is None else at + timedelta(hours=late), account=account)
        for account, at, late, score in told
    ]
    plain = sorted(
        (
            account,
            at,
            float(score),
            "detractor" if score < 7 else "passive" if score < 9 else "promoter",
        )
        for account, at, late, score in told
        if account in since
        and since[account] <= at < AS_OF
        and at + timedelta(hours=late or 0) < AS_OF
    )
    assert seen(engine, world_of(accounts=("a", "b", "c"), responses=rows), since) == plain
