"""Known answers of an account: counted from the instant that they could be read."""

from __future__ import annotations

import pytest
from handmade import AS_OF, DAY, TICK, answer, facts_of, rows_of, spine_of, world_of

from npsight.features.answered import answered_expr


def answered(engine, *answers, account="a"):
    world = world_of(("a", "b"), responses=list(answers))
    spine = spine_of(engine, [("a", AS_OF), ("b", AS_OF), ("a", AS_OF + DAY)])
    return rows_of(engine, answered_expr(facts_of(engine, world), spine))[account, AS_OF]


@pytest.mark.parametrize(
    ("at", "known", "counts"),
    [
        (AS_OF - TICK, AS_OF - TICK, True),
        (AS_OF, AS_OF - TICK, False),
        (AS_OF - TICK, AS_OF, False),
        (AS_OF - DAY, AS_OF + DAY, False),
    ],
    ids=["1us-before", "at-as-of", "known-at-as-of", "known-later"],
)
def test_an_answer_counts_once_it_is_given_and_known(engine, at, known, counts):
    found = answered(engine, answer(at, 3, known))
    assert found["past_answers"] == int(counts)
    assert (found["last_answer_at"] == at) if counts else (found["last_answer_at"] is None)


def test_every_answer_counts_and_the_newest_is_told(engine):
    first, second = AS_OF - 30 * DAY, AS_OF - 10 * DAY
    given = [answer(first, 3), answer(second, 9), answer(AS_OF - DAY, 5, account="b")]
    found = answered(engine, *given)
    assert found == {"past_answers": 2, "last_answer_at": second}
    assert answered(engine, *given, account="b")["past_answers"] == 1


def test_the_silent_have_none(engine):
    assert answered(engine) == {"past_answers": 0, "last_answer_at": None}
