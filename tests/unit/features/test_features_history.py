"""Decayed counts of answers and the newest answer."""

from __future__ import annotations

import pytest
from handmade import (
    AS_OF,
    DAY,
    LONG_AGO,
    TICK,
    answer,
    fact,
    facts_of,
    rows_of,
    spine_of,
    world_of,
)

from npsight.features.history import (
    BANDS,
    HALF_LIVES_DAYS,
    LEVELS,
    Counted,
    history_column,
    history_columns,
    history_expr,
    last_answer_expr,
)

HL = 60


def history(engine, world, segment=None, as_of=AS_OF, account="a"):
    spine = spine_of(engine, [(row["account"], as_of) for row in world.accounts])
    keyed = rows_of(engine, history_expr(facts_of(engine, world), spine, Counted(segment)))
    assert len(keyed) == len(world.accounts)
    return keyed[account, as_of]


def last(engine, *answers, as_of=AS_OF):
    world = world_of(("a", "b"), responses=list(answers))
    spine = spine_of(engine, [("a", as_of), ("b", as_of)])
    return rows_of(engine, last_answer_expr(facts_of(engine, world), spine))["a", as_of]


def test_there_is_a_column_for_each_level_half_life_and_band(engine):
    found = history(engine, world_of(responses=[]))
    assert list(found) == ["segment_", *history_columns()]
    assert len(history_columns()) == 3 * len(BANDS) * len(HALF_LIVES_DAYS)
    assert set(found.values()) == {"", 0.0}


@pytest.mark.parametrize(
    ("at", "known", "counts"),
    [
        (AS_OF - TICK, AS_OF - TICK, True),
        (AS_OF, AS_OF - TICK, False),
        (AS_OF - TICK, AS_OF, False),
        (AS_OF - DAY, AS_OF + DAY, False),
        (AS_OF + DAY, AS_OF - DAY, False),
    ],
    ids=["1us-before", "at-as-of", "known-at-as-of", "known-later", "after"],
)
def test_an_answer_counts_once_it_is_given_and_known(engine, at, known, counts):
    found = history(engine, world_of(responses=[answer(at, 3, known)]))
    for level in LEVELS:
        weight = found[history_column(level, "detractor", HL)]
        assert weight == pytest.approx(1.0 if counts else 0.0, abs=1e-9)


def test_after_one_half_life_an_answer_counts_half(engine):
    found = history(engine, world_of(responses=[answer(AS_OF - 240 * DAY, 9)]))
    weights = [found[history_column("own", "promoter", h)] for h in HALF_LIVES_DAYS]
    assert weights == pytest.approx([1 / 16, 1 / 4, 1 / 2, 0.5**0.5, 0.5**0.25], abs=1e-11)


def test_each_band_has_counts_of_its_own(engine):
    scores = (0, 6, 7, 8, 8, 9, 10, 10, 10)
    found = history(engine, world_of(responses=[answer(AS_OF - HL * DAY, s) for s in scores]))
    weights = [found[history_column("own", band, HL)] for band in BANDS]
    assert weights == [1.0, 1.5, 2.0]


def test_own_is_mine_and_the_market_is_everybodys(engine):
    half = AS_OF - HL * DAY
    answers = [answer(half, 3), answer(half, 3, account="b"), answer(half, 3, account="gone")]
    world = world_of(("a", "b"), responses=answers)
    found = history(engine, world)
    assert [found[history_column(v, "detractor", HL)] for v in LEVELS] == [0.5, 1.5, 1.5]


def test_peers_are_those_of_the_same_segment_on_the_day(engine):
    half = AS_OF - HL * DAY
    names = ("a", "b", "moved", "late", "c")
    versions = [fact(LONG_AGO, account=n, plan="free" if n == "c" else "gold") for n in names]
    versions.append(fact(AS_OF - TICK, account="moved", plan="free"))
    versions.append(fact(AS_OF - DAY, AS_OF, account="late", plan="free"))
    answers = [answer(half, 10, account=n) for n in names]
    world = world_of(names, versions=versions, responses=answers)
    promoters = history_column("segment", "promoter", HL)
    assert history(engine, world, "plan")["segment_"] == "gold"
    assert history(engine, world, "plan")[promoters] == 1.5  # a, b and late
    assert history(engine, world, "plan", account="c")[promoters] == 1.0  # c and moved
    assert history(engine, world, "plan")[history_column("market", "promoter", HL)] == 2.5


def test_accounts_without_a_segment_are_each_others_peers(engine):
    half = AS_OF - HL * DAY
    versions = [fact(LONG_AGO, account="b", plan="gold"), fact(LONG_AGO, account="c", plan=None)]
    answers = [answer(half, 10, account=n) for n in ("a", "b", "c")]
    world = world_of(("a", "b", "c"), versions=versions, responses=answers)
    found = history(engine, world, "plan")
    assert (found["segment_"], found[history_column("segment", "promoter", HL)]) == ("", 1.0)


def test_someone_silent_still_has_a_segment_and_a_market(engine):
    versions = [fact(LONG_AGO, account=n, plan="gold") for n in "ab"]
    answers = [answer(AS_OF - HL * DAY, 10, account="b")]
    found = history(engine, world_of(("a", "b"), versions=versions, responses=answers), "plan")
    weights = [found[history_column(v, "promoter", HL)] for v in LEVELS]
    assert weights == [0.0, 0.5, 0.5]


def test_days_do_not_share_their_counts(engine):
    world = world_of(responses=[answer(AS_OF, 10), answer(AS_OF + HL * DAY, 10)])
    later = AS_OF + HL * DAY
    spine = spine_of(engine, [("a", AS_OF), ("a", later), ("a", later + TICK)])
    found = rows_of(engine, history_expr(facts_of(engine, world), spine, Counted()))
    for level in LEVELS:
        column = history_column(level, "promoter", HL)
        weights = [row[column] for _, row in sorted(found.items())]
        assert weights == pytest.approx([0.0, 0.5, 1.5], abs=1e-9)


# --- One vote each, and touchpoints ----------------------------------------------------------


def counts(engine, level, *answers, half_life=HL, touchpoints=()):
    """(detractor, passive, promoter) of a level of account a."""
    world = world_of(("a", "b"), responses=list(answers))
    spine = spine_of(engine, [("a", AS_OF), ("b", AS_OF)])
    counted = Counted(respondents=True, touchpoints=touchpoints)
    found = rows_of(engine, history_expr(facts_of(engine, world), spine, counted))["a", AS_OF]
    return [found[history_column(level, band, half_life)] for band in BANDS]


ONE, TWO, FOUR = (AS_OF - HL * k * DAY for k in (1, 2, 4))


def test_which_levels_there_are_depends_on_what_is_known(engine):
    assert Counted("plan").levels == LEVELS
    assert Counted(respondents=True).levels == (*LEVELS, "each")
    assert Counted(touchpoints=("mail",)).levels == (*LEVELS, "other")
    both = Counted(respondents=True, touchpoints=("mail",))
    assert both.levels == (*LEVELS, "each", "other", "each_other")
    for counted in (Counted(), Counted(respondents=True), both):
        expr = history_expr(facts_of(engine, world_of(responses=[])), spine_of(engine, []), counted)
        assert list(expr.columns)[3:] == history_columns(counted.levels)


def test_one_person_has_one_vote_as_heavy_as_their_newest_answer(engine):
    answers = [answer(at, score, respondent="ann") for at, score in ((ONE, 9), (TWO, 3))]
    assert counts(engine, "own", *answers) == [0.25, 0.0, 0.5]
    assert counts(engine, "each", *answers) == pytest.approx([0.5 / 3, 0.0, 1.0 / 3], abs=1e-11)


def test_three_people_tell_more_than_one_who_answered_three_times(engine):
    one = [answer(ONE, 3, respondent="ann") for _ in range(3)]
    three = [answer(ONE, 3, respondent=name) for name in ("ann", "bob", "cy")]
    assert counts(engine, "own", *one) == counts(engine, "own", *three) == [1.5, 0.0, 0.0]
    assert counts(engine, "each", *one) == [0.5, 0.0, 0.0]
    assert counts(engine, "each", *three) == [1.5, 0.0, 0.0]


def test_whoever_is_not_named_is_somebody_else_each_time(engine):
    answers = [answer(ONE, 3), answer(ONE, 3), answer(TWO, 10), answer(ONE, 10, respondent="ann")]
    assert counts(engine, "each", *answers) == counts(engine, "own", *answers) == [1.0, 0.0, 0.75]


def test_one_name_in_two_accounts_is_two_people(engine):
    answers = [answer(ONE, 3, respondent="ann"), answer(ONE, 3, respondent="ann", account="b")]
    assert counts(engine, "each", *answers) == [0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("at", "known", "heavy"),
    [
        (AS_OF - TICK, AS_OF - TICK, True),
        (AS_OF, AS_OF - TICK, False),
        (AS_OF - TICK, AS_OF, False),
    ],
    ids=["1us-before", "at-as-of", "known-at-as-of"],
)
def test_a_vote_weighs_as_the_newest_answer_that_is_seen(engine, at, known, heavy):
    found = counts(
        engine, "each", answer(TWO, 3, respondent="ann"), answer(at, 3, known, respondent="ann")
    )
    assert found == pytest.approx([1.0 if heavy else 0.25, 0.0, 0.0], abs=1e-9)


def test_answers_too_old_to_weigh_anything_are_no_vote(engine):
    found = counts(engine, "each", answer(AS_OF - 50 * HL * DAY, 3, respondent="ann"))
    assert found == [0.0, 0.0, 0.0]


def test_answers_at_other_touchpoints_are_counted_apart(engine):
    answers = [
        answer(ONE, 3, respondent="ann", touchpoint="mail"),
        answer(TWO, 9, respondent="ann", touchpoint="call"),
        answer(FOUR, 8, respondent="bob"),
        answer(ONE, 8, respondent="bob", touchpoint="call", account="b"),
    ]
    mail = {"touchpoints": ("mail",)}
    assert counts(engine, "own", *answers, **mail) == [0.5, 0.0, 0.0]
    assert counts(engine, "each", *answers, **mail) == [0.5, 0.0, 0.0]
    assert counts(engine, "market", *answers, **mail) == [0.5, 0.0, 0.0]
    assert counts(engine, "other", *answers, **mail) == [0.0, 0.0625, 0.25]
    assert counts(engine, "each_other", *answers, **mail) == [0.0, 0.0625, 0.25]
    assert counts(engine, "own", *answers, touchpoints=("mail", "call")) == [0.5, 0.0, 0.25]
    assert counts(engine, "own", *answers) == [0.5, 0.0625, 0.25]


NOBODY = {"last_score": None, "last_band": None, "last_answer_at": None}
AT = AS_OF - 3 * DAY


def test_the_newest_answer_is_shown(engine):
    shown = last(engine, answer(AT, 7), answer(AT - TICK, 10), answer(AS_OF - TICK, 1, account="b"))
    assert shown == {"last_score": 7.0, "last_band": "passive", "last_answer_at": AT}


@pytest.mark.parametrize(
    ("at", "known"),
    [(AS_OF, AS_OF - TICK), (AS_OF - TICK, AS_OF)],
    ids=["at-as-of", "known-at-as-of"],
)
def test_an_answer_not_yet_seen_is_not_shown(engine, at, known):
    assert last(engine, answer(at, 7, known)) == NOBODY
    assert last(engine, answer(AT, 3), answer(at, 7, known))["last_score"] == 3.0


@pytest.mark.parametrize(
    ("answers", "score"),
    [
        ([answer(AT, 2, AT + DAY), answer(AT, 10, AT)], 2.0),
        ([answer(AT, 2), answer(AT, 10), answer(AT, 7)], 10.0),
    ],
    ids=["known-last", "then-the-highest"],
)
def test_ties_of_the_newest_answer(engine, answers, score):
    for order in (answers, answers[::-1]):
        assert last(engine, *order)["last_score"] == score


def test_answers_alike_on_two_scales_are_shown_in_one_order(engine):
    alike = [
        fact(AT, raw_score=5, score=s, band=b) for s, b in ((10, "promoter"), (5, "detractor"))
    ]
    for order in (alike, alike[::-1]):
        assert last(engine, *order)["last_band"] == "promoter"


def test_each_day_of_a_spine_has_its_own_segment_and_newest_answer(engine):
    versions = [fact(LONG_AGO, plan="free"), fact(AS_OF, plan="gold")]
    answers = [answer(AT, 3), answer(AS_OF, 9)]
    facts = facts_of(engine, world_of(versions=versions, responses=answers))
    spine = spine_of(engine, [("a", AS_OF), ("a", AS_OF + DAY)])
    segments = rows_of(engine, history_expr(facts, spine, Counted("plan")))
    shown = rows_of(engine, last_answer_expr(facts, spine))
    assert [row["segment_"] for _, row in sorted(segments.items())] == ["free", "gold"]
    assert [row["last_score"] for _, row in sorted(shown.items())] == [3.0, 9.0]
