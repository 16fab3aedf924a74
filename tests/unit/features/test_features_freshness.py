"""What a day knows of each table: rows, the newest, and whether they still arrive."""

from __future__ import annotations

from dataclasses import replace

import pytest
from handmade import AS_OF, DAY, TICK, answer, fact, facts_of, world_of

from npsight.features.freshness import RECENT_DAYS, freshness_expr, growth_expr

SPAN = RECENT_DAYS * DAY


def fresh(engine, **tables):
    world = world_of(**tables)
    found = engine.to_pyarrow(freshness_expr(facts_of(engine, world), AS_OF)).to_pylist()
    return {row.pop("source"): row for row in found}


@pytest.mark.parametrize(
    ("at", "known", "rows", "recent", "before"),
    [
        (AS_OF, None, 0, 0, 0),
        (AS_OF - TICK, None, 1, 1, 0),
        (AS_OF - TICK, AS_OF, 0, 0, 0),
        (AS_OF - SPAN, None, 1, 1, 0),
        (AS_OF - SPAN - TICK, None, 1, 0, 1),
        (AS_OF - SPAN - TICK, AS_OF - SPAN, 1, 0, 0),
        (AS_OF - 2 * SPAN, None, 1, 0, 1),
        (AS_OF - 2 * SPAN - TICK, None, 1, 0, 0),
    ],
)
def test_a_fact_at_each_boundary(engine, at, known, rows, recent, before):
    found = fresh(engine, usage=[fact(at, known, logins=1)])["usage"]
    assert (found["rows"], found["recent"], found["before"]) == (rows, recent, before)
    assert found["newest_at"] == (at if rows else None)
    assert found["newest_known_at"] == ((known or at) if rows else None)


def test_every_table_is_told_of_with_its_own_newest(engine):
    found = fresh(
        engine,
        versions=[fact(AS_OF - 200 * DAY, plan="pro")],
        usage=[],
        responses=[answer(AS_OF - 3 * DAY, 9, AS_OF - DAY), answer(AS_OF - 2 * DAY, 9)],
    )
    assert found["accounts"]["newest_at"] == AS_OF - 200 * DAY
    assert found["usage"] == {
        "rows": 0, "newest_at": None, "newest_known_at": None, "recent": 0, "before": 0,
    }  # fmt: skip
    assert found["responses"]["newest_at"] == AS_OF - 2 * DAY
    assert found["responses"]["newest_known_at"] == AS_OF - DAY


def test_a_project_without_tables_of_facts_has_none(engine):
    assert freshness_expr(facts_of(engine, world_of()), AS_OF) is None


def grown(engine, rows, as_of=AS_OF):
    world = replace(world_of(usage=rows), versioned=True)
    source = facts_of(engine, world).sources["usage"]
    found = engine.to_pyarrow(growth_expr(source, as_of)).to_pylist()
    return {row["day"]: row["rows"] for row in found}


@pytest.mark.parametrize(
    ("at", "known", "counts"),
    [
        (AS_OF - DAY, AS_OF - TICK, True),
        (AS_OF - DAY, AS_OF, False),
        (AS_OF - TICK, AS_OF - 2 * DAY, True),
        (AS_OF, AS_OF - 2 * DAY, False),
    ],
)
def test_a_table_grows_by_what_became_known_before_as_of(engine, at, known, counts):
    assert grown(engine, [fact(at, known, logins=1)]) == ({known.date(): 1} if counts else {})


def test_a_correction_changes_nothing_of_earlier_days(engine):
    first = fact(AS_OF - 9 * DAY, logins=1, corrected_at=AS_OF - 2 * DAY)
    later = fact(AS_OF - 9 * DAY, AS_OF - 2 * DAY, logins=2)
    days = {(AS_OF - 9 * DAY).date(): 1, (AS_OF - 2 * DAY).date(): 1}
    assert grown(engine, [first, later]) == days
    assert grown(engine, [first, later], AS_OF - 2 * DAY) == grown(engine, [first])
