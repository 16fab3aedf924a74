"""Listed accounts that have been silent for long, at the edges of the ninety days."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from handmade import AS_OF, DAY, TICK, fact, facts_of, world_of

from npsight.jobs.notes.gonesilent import gone_silent

NAMES = [f"a{n:02}" for n in range(40)]


def said(engine, ages, listed=None) -> list[str]:
    """What is told of accounts whose only fact lies that long before as_of."""
    rows = [fact(AS_OF - age, account=name) for name, age in zip(NAMES, ages, strict=False)]
    facts = facts_of(engine, world_of(NAMES, usage=rows))
    project = SimpleNamespace(tables=SimpleNamespace(activity={"usage": None}))
    return [p.what for p in gone_silent(project, facts, AS_OF, listed or NAMES)]


@pytest.mark.parametrize(
    ("age", "told"),
    [(90 * DAY, False), (90 * DAY + TICK, True), (400 * DAY, True), (89 * DAY, False)],
)
def test_ninety_days_ago_is_not_silent_yet(engine, age, told):
    found = said(engine, [age] * 6 + [DAY] * 34)
    assert bool(found) == told
    if told:
        assert found[0].startswith("6 of the 40 accounts on the worklist were active once, but in")


def test_facts_that_nobody_knew_of_break_no_silence(engine):
    rows = [400 * DAY] * 6 + [DAY] * 34
    assert said(engine, rows)
    late = [fact(AS_OF - DAY, AS_OF, account=name) for name in NAMES[:6]]
    old = [fact(AS_OF - age, account=name) for name, age in zip(NAMES, rows, strict=True)]
    facts = facts_of(engine, world_of(NAMES, usage=old + late))
    project = SimpleNamespace(tables=SimpleNamespace(activity={"usage": None}))
    assert list(gone_silent(project, facts, AS_OF, NAMES))


def test_few_of_them_or_most_of_all_are_no_news(engine):
    assert not said(engine, [400 * DAY] * 4 + [DAY] * 36)
    assert not said(engine, [400 * DAY] * 30 + [DAY] * 10)
    assert not said(engine, [400 * DAY] * 6 + [DAY] * 34, listed=NAMES[6:])
