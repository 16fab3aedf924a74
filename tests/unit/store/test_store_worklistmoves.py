"""Accounts that come ahead of a page while somebody turns pages, on both databases."""

from __future__ import annotations

import pytest
from listed import scored, write_list
from sqlalchemy import update

from npsight.store import ScoreChange, Store, record_changes
from npsight.store.worklist import worklist
from npsight.store.worklistmoves import came_ahead, newest_change
from npsight.store.worklistquery import Place, Wanted

BY_RISK = Wanted("detractor_risk", descending=True)
RISKS = {"a": 0.9, "b": 0.8, "c": 0.5, "d": 0.4, "e": None}
PAGE_TWO = Place(0.8, "b")
"""Behind a and b."""


@pytest.fixture
def run(any_store: Store):
    rows = [scored(key, detractor_risk=risk) for key, risk in RISKS.items()]
    return write_list(any_store, *rows)


def scored_again(store: Store, run, account: str, before, after, cause: str = "fact") -> None:
    with store.writing() as connection:
        mine = (worklist.c.run_id == run.id) & (worklist.c.account == account)
        connection.execute(update(worklist).where(mine).values(detractor_risk=after))
        change = ScoreChange(account, {"detractor_risk": before}, {"detractor_risk": after})
        record_changes(connection, run.project, run.id, cause, [change])


@pytest.mark.parametrize(
    ("account", "after", "found"),
    [
        ("c", 0.95, ["c"]),
        ("c", 0.8000001, ["c"]),
        ("c", 0.8, ["c"]),  # of a tie the last account comes first, from the largest down
        ("c", 0.7, []),
        ("c", 0.1, []),
        ("a", 0.85, []),
        ("a", 0.1, []),
        ("e", 0.85, ["e"]),
        ("c", None, []),
    ],
)
def test_who_was_behind_a_place_and_is_no_more(any_store, run, account, after, found):
    since = newest_change(any_store)
    scored_again(any_store, run, account, RISKS[account], after)
    told = came_ahead(any_store, run, BY_RISK, PAGE_TWO, since)
    assert [key for key, _ in told] == found


def test_the_other_way_round_it_is_those_that_fell(any_store, run):
    since = newest_change(any_store)
    scored_again(any_store, run, "a", 0.9, 0.1)
    rising = Wanted("detractor_risk")
    assert came_ahead(any_store, run, rising, Place(0.5, "c"), since) == [("a", "Name of a")]


def test_what_was_before_the_first_page_and_other_orders_are_no_news(any_store, run):
    scored_again(any_store, run, "c", 0.5, 0.95)
    since = newest_change(any_store)
    assert came_ahead(any_store, run, BY_RISK, PAGE_TWO, since) == []
    assert came_ahead(any_store, run, BY_RISK, PAGE_TWO, since - 1) == [("c", "Name of c")]
    assert came_ahead(any_store, run, Wanted(), Place(2, "b"), since - 1) == []


def test_several_changes_count_from_the_first(any_store, run):
    since = newest_change(any_store)
    scored_again(any_store, run, "c", 0.5, 0.95)
    scored_again(any_store, run, "c", 0.95, 0.96)
    scored_again(any_store, run, "d", 0.4, 0.95)
    scored_again(any_store, run, "d", 0.95, 0.3)
    assert came_ahead(any_store, run, BY_RISK, PAGE_TWO, since) == [("c", "Name of c")]


def test_who_may_not_be_seen_or_is_not_wanted_is_not_named(any_store, run):
    since = newest_change(any_store)
    scored_again(any_store, run, "c", 0.5, 0.95)
    for more in ({"visible_to": "lee"}, {"owner": "lee"}, {"stepped_back": "only"}):
        wanted = Wanted("detractor_risk", descending=True, **more)
        assert came_ahead(any_store, run, wanted, PAGE_TWO, since) == []
    seen = Wanted("detractor_risk", descending=True, visible_to="kim", stepped_back="shown")
    assert came_ahead(any_store, run, seen, PAGE_TWO, since) == [("c", "Name of c")]


def test_changes_from_one_run_to_the_next_are_none(any_store, run):
    since = newest_change(any_store)
    scored_again(any_store, run, "c", 0.5, 0.95, cause="run")
    assert came_ahead(any_store, run, BY_RISK, PAGE_TWO, since) == []
