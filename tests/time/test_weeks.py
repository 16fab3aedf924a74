"""Weekly numbers and newest answers: each boundary by hand, then random worlds by a plain loop."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import pytest
from handmade import AS_OF, DAY, LONG_AGO, TICK, answer, fact, facts_of, world_of
from worlds import draw

from npsight.features.weeks import ANSWERS, DIGITS, WEEKS, Series, answers_expr, weekly_expr

WEEK = 7 * DAY
LOOKED_AT = (*range(6), 8, 9, WEEKS - 1)
"""Weeks in or at which the random worlds have facts, and the oldest."""


def series(source: str, how: Any, measure: str | None = None, per: str | None = None, **where):
    return Series(source, how, measure, per, tuple(sorted(where.items())), "", "", "d")


LOGINS = series("usage", "sum", "logins")
EVERY = {
    "usage": [
        LOGINS,
        series("usage", "count"),
        series("usage", "count", kind="web"),
        series("usage", "mean", "errors"),
        series("usage", "ratio", "errors", "logins"),
        series("usage", "mean", "logins", kind="app"),
    ],
    "tickets": [
        series("tickets", "count"),
        series("tickets", "open"),
        series("tickets", "open", severity="high"),
        series("tickets", "sum", "hours"),
    ],
}


def read(engine, world, source, wanted, as_of=AS_OF):
    """Account -> the lists of each series, newest week first."""
    facts = facts_of(engine, world)
    table = weekly_expr(facts, facts.accounts, as_of, source, wanted)
    rows = engine.to_pyarrow(table).to_pylist()
    found = {r["account"]: [r[f"s{i}"][::-1] for i in range(len(wanted))] for r in rows}
    assert len(found) == len(rows)
    return found


def usage(engine, *rows, wanted=LOGINS, **more):
    return read(engine, world_of(usage=list(rows), **more), "usage", [wanted]).get("a", [None])[0]


# --- Boundaries -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "week"),
    [
        (AS_OF - TICK, 0),
        (AS_OF - WEEK, 0),
        (AS_OF - WEEK - TICK, 1),
        (AS_OF - 2 * WEEK, 1),
        (AS_OF - 26 * WEEK, 25),
    ],
)
def test_a_week_holds_its_first_instant_and_not_its_end(engine, at, week):
    found = usage(engine, fact(at, logins=5))
    assert found == [5.0 if place == week else 0.0 for place in range(WEEKS)]


@pytest.mark.parametrize("at", [AS_OF, AS_OF + TICK, AS_OF + DAY])
def test_what_happens_from_as_of_on_is_not_there(engine, at):
    assert usage(engine, fact(at, AS_OF - DAY, logins=5)) is None


def test_what_lies_before_the_oldest_week_counts_nowhere(engine):
    assert usage(engine, fact(AS_OF - 26 * WEEK - TICK, logins=5)) == [0.0] * WEEKS


@pytest.mark.parametrize(("known", "seen"), [(AS_OF - TICK, True), (AS_OF, False)])
def test_what_was_known_from_as_of_on_is_not_there(engine, known, seen):
    found = usage(engine, fact(AS_OF - DAY, known, logins=5))
    assert (found is not None and found[0] == 5.0) is seen


@pytest.mark.parametrize(("corrected", "seen"), [(AS_OF - TICK, False), (AS_OF, True)])
def test_a_version_counts_until_its_correction_was_known(engine, corrected, seen):
    world = world_of(usage=[fact(AS_OF - DAY, logins=5, corrected_at=corrected)])
    world.versioned = True
    assert ("a" in read(engine, world, "usage", [LOGINS])) is seen


@pytest.mark.parametrize(("moved", "seen"), [(AS_OF - TICK, False), (AS_OF, True)])
def test_a_merged_account_keeps_its_rows_until_the_merge_was_known(engine, moved, seen):
    world = world_of(usage=[fact(AS_OF - DAY, logins=5, moved_at=moved)])
    world.versioned = True
    assert ("a" in read(engine, world, "usage", [LOGINS])) is seen


def tickets(engine, **ticket):
    world = world_of(tickets=[fact(**ticket)])
    return read(engine, world, "tickets", [series("tickets", "open")])["a"][0]


def test_open_means_begun_before_the_weeks_end(engine):
    found = tickets(engine, at=AS_OF - WEEK)
    assert found[:3] == [1.0, 0.0, 0.0]
    assert tickets(engine, at=AS_OF - WEEK - TICK)[:3] == [1.0, 1.0, 0.0]


def test_what_ends_at_the_weeks_end_is_still_open_then(engine):
    begun = AS_OF - 4 * WEEK - DAY
    assert tickets(engine, at=begun, until=AS_OF - WEEK)[:3] == [0.0, 1.0, 1.0]
    assert tickets(engine, at=begun, until=AS_OF - WEEK - TICK)[:3] == [0.0, 0.0, 1.0]


def test_an_end_that_was_not_known_before_as_of_has_not_come(engine):
    ended = {"at": AS_OF - 3 * WEEK, "until": AS_OF - 2 * WEEK - DAY}
    assert tickets(engine, **ended, until_known=AS_OF)[:3] == [1.0, 1.0, 1.0]
    assert tickets(engine, **ended, until_known=AS_OF - TICK)[:3] == [0.0, 0.0, 0.0]


def test_weeks_before_the_account_began_are_unknown(engine):
    world = world_of(usage=[fact(AS_OF - DAY, logins=5)])
    world.accounts[0]["began_at"] = AS_OF - 2 * WEEK
    assert read(engine, world, "usage", [LOGINS])["a"][0][:4] == [5.0, 0.0, None, None]
    world.accounts[0]["began_at"] = AS_OF - 2 * WEEK - TICK
    assert read(engine, world, "usage", [LOGINS])["a"][0][:4] == [5.0, 0.0, 0.0, None]


def test_a_fact_from_before_the_account_began_counts(engine):
    world = world_of(usage=[fact(AS_OF - 3 * WEEK, logins=5)])
    world.accounts[0]["began_at"] = AS_OF - DAY
    assert read(engine, world, "usage", [LOGINS])["a"][0][:4] == [0.0, 0.0, 5.0, None]


def test_a_mean_is_unknown_in_a_week_without_values(engine):
    mean = series("usage", "mean", "logins")
    rows = [fact(AS_OF - DAY, logins=4), fact(AS_OF - DAY, logins=6), fact(AS_OF - DAY)]
    assert usage(engine, *rows, wanted=mean)[:2] == [5.0, None]


def test_a_ratio_over_nothing_is_unknown(engine):
    ratio = series("usage", "ratio", "errors", "logins")
    rows = [fact(AS_OF - DAY, logins=0, errors=3), fact(AS_OF - 2 * WEEK, logins=4, errors=3)]
    assert usage(engine, *rows, wanted=ratio)[:2] == [None, 0.75]


def test_an_account_beside_another_counts_its_own(engine):
    rows = [fact(AS_OF - DAY, logins=1), fact(AS_OF - DAY, account="b", logins=2)]
    found = read(engine, world_of(("a", "b"), usage=rows), "usage", [LOGINS])
    assert (found["a"][0][0], found["b"][0][0]) == (1.0, 2.0)


def answers(engine, rows, as_of=AS_OF):
    world = world_of(responses=list(rows))
    facts = facts_of(engine, world)
    found = engine.to_pyarrow(answers_expr(facts, facts.accounts, as_of)).to_pylist()
    return [item for row in found for item in row["answers"]]


def test_an_answer_is_there_from_after_it_was_known(engine):
    assert answers(engine, [answer(AS_OF, 7), answer(AS_OF - DAY, 7, AS_OF)]) == []
    assert len(answers(engine, [answer(AS_OF - TICK, 7)])) == 1


def test_the_newest_answers_are_kept(engine):
    rows = [answer(AS_OF - (i + 1) * DAY, i % 11) for i in range(ANSWERS + 3)]
    kept = {item["occurred_at"] for item in answers(engine, rows)}
    assert kept == {AS_OF - (i + 1) * DAY for i in range(ANSWERS)}


# --- Random worlds ----------------------------------------------------------------------------


def seen(row: dict[str, Any], as_of: datetime) -> bool:
    ended = [row.get(name) for name in ("corrected_at", "moved_at")]
    gone = any(at is not None and at < as_of for at in ended)
    return row["occurred_at"] < as_of and row["known_at"] < as_of and not gone


def in_week(at: datetime, as_of: datetime, week: int) -> bool:
    return as_of - (week + 1) * WEEK <= at < as_of - week * WEEK


def is_open(row: dict[str, Any], as_of: datetime, week: int) -> bool:
    then = as_of - week * WEEK
    if row["occurred_at"] >= then:
        return False
    ended, known = row.get("ended_at"), row.get("ended_known_at")
    return not (ended is not None and known is not None and ended < then and known < as_of)


def number(row: dict[str, Any], name: str) -> float | None:
    return None if row.get(name) is None else float(row[name])


def plain(wanted: Series, rows: list[dict[str, Any]], as_of: datetime, week: int) -> float | None:
    """One number of one week, by a loop."""
    mine = [r for r in rows if all(r.get(column) == value for column, value in wanted.where)]
    if wanted.kind == "open":
        return float(sum(is_open(r, as_of, week) for r in mine))
    mine = [r for r in mine if in_week(r["occurred_at"], as_of, week)]
    if wanted.kind == "count":
        return float(len(mine))
    values = [v for r in mine if (v := number(r, wanted.measure or "")) is not None]
    if wanted.kind == "sum":
        return sum(values)
    if wanted.kind == "mean":
        return sum(values) / len(values) if values else None
    base = [v for r in mine if (v := number(r, wanted.per or "")) is not None]
    total = math.fsum(base)
    return math.fsum(values) / total if values and abs(total) > 1e-12 else None


@pytest.mark.parametrize("seed", range(3))
def test_random_worlds_are_read_as_a_plain_loop_reads_them(engine, seed):
    drawn = draw(seed)
    checked = 0
    for as_of in drawn.as_ofs:
        for source, wanted in EVERY.items():
            found = read(engine, drawn.world, source, wanted, as_of)
            began = {row["account"]: row["began_at"] for row in drawn.world.accounts}
            for account, at in began.items():
                rows = [r for r in drawn.world.sources[source] if r["account"] == account]
                rows = [r for r in rows if seen(r, as_of)]
                assert (account in found) is bool(rows)
                if not rows:
                    continue
                first = min(max(at, LONG_AGO), *(r["occurred_at"] for r in rows))
                for place, one in enumerate(wanted):
                    for week in LOOKED_AT:
                        value = plain(one, rows, as_of, week)
                        lived = first < as_of - week * WEEK
                        expected = value if lived else None
                        told = found[account][place][week]
                        where = (account, one, week)
                        assert (told is None) is (expected is None), where
                        if expected is not None:
                            assert told == pytest.approx(expected, abs=0.6 * 10**-DIGITS), where
                        checked += 1
    assert checked > 5_000


@pytest.mark.parametrize("seed", range(3))
def test_random_answers_are_those_that_were_known(engine, seed):
    drawn = draw(seed)
    for as_of in drawn.as_ofs:
        facts = facts_of(engine, drawn.world)
        found = engine.to_pyarrow(answers_expr(facts, facts.accounts, as_of)).to_pylist()
        told = {row["account"]: row["answers"] for row in found}
        for row in drawn.world.accounts:
            mine = [r for r in drawn.world.sources["responses"] if r["account"] == row["account"]]
            mine = [r for r in mine if seen(r, as_of)]
            expected = sorted((r["occurred_at"], r["known_at"], float(r["score"])) for r in mine)
            kept = told.get(row["account"], [])
            assert sorted((a["occurred_at"], a["known_at"], a["score"]) for a in kept) == expected


@pytest.mark.parametrize("seed", range(2))
def test_nothing_of_the_future_is_read(engine, seed):
    """Taking away every row that was not known before as_of changes nothing."""
    drawn = draw(seed)
    as_of = drawn.as_ofs[0]

    def past(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if name == "accounts" or "occurred_at" not in (rows[0] if rows else {}):
            return rows
        return [r for r in rows if r["occurred_at"] < as_of and r["known_at"] < as_of]

    for source, wanted in EVERY.items():
        whole = read(engine, drawn.world, source, wanted, as_of)
        assert read(engine, drawn.world.changed(past), source, wanted, as_of) == whole


def test_week_zero_of_open_is_the_feature(engine):
    """The newest open count is what the feature `open` says."""
    world = draw(1).world
    as_of = draw(1).as_ofs[0]
    from handmade import builder_of, rows_of, spine_of

    from npsight.config.specs import FeatureSpec

    spec = FeatureSpec(source="tickets", aggregation="open", driver="d", missing="zero")
    keys = [(row["account"], as_of) for row in world.accounts]
    builder = builder_of(engine, world, [spec])
    features = {}
    for table in builder.feature_tables(spine_of(engine, keys), [as_of]):
        for (account, _), row in rows_of(engine, table).items():
            features[account] = row.get(spec.name, features.get(account))
    found = read(engine, world, "tickets", [series("tickets", "open")], as_of)
    for account, (weeks,) in found.items():
        if weeks[0] is not None:
            assert weeks[0] == features[account], account
