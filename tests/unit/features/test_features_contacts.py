"""The last contact: only what had happened, and was known, before as_of."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

import pytest
from handmade import AS_OF, DAY, TICK, fact, facts_of, rows_of, spine_of, world_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npsight.features.contacts import last_contact_expr

SOURCES = ("usage", "tickets")


def last_contact(engine, usage=(), tickets=(), account="a", versioned=False, as_of=AS_OF):
    world = world_of(("a", "b"), usage=list(usage), tickets=list(tickets))
    world = dataclasses.replace(world, versioned=versioned)
    spine = spine_of(engine, [("a", AS_OF), ("b", AS_OF), ("a", AS_OF + DAY)])
    found = rows_of(engine, last_contact_expr(facts_of(engine, world), spine, SOURCES))
    assert set(found) == {("a", AS_OF), ("b", AS_OF), ("a", AS_OF + DAY)}
    return found[account, as_of]["last_contact_at"]


@pytest.mark.parametrize(
    ("at", "known", "counts"),
    [
        (AS_OF - TICK, AS_OF - TICK, True),
        (AS_OF, AS_OF - TICK, False),
        (AS_OF, AS_OF, False),
        (AS_OF - TICK, AS_OF, False),
        (AS_OF - DAY, AS_OF + DAY, False),
        (AS_OF - 4000 * DAY, AS_OF - TICK, True),
        (AS_OF + DAY, AS_OF - DAY, False),
    ],
    ids=[
        "1us-before",
        "booked-for-as-of",
        "at-as-of",
        "known-at-as-of",
        "known-later",
        "long-ago",
        "booked-ahead",
    ],
)
def test_a_contact_counts_once_it_has_happened_and_is_known(engine, at, known, counts):
    assert last_contact(engine, [fact(at, known)]) == (at if counts else None)
    assert last_contact(engine, tickets=[fact(at, known)]) == (at if counts else None)


def test_the_newest_of_all_tables_counts_and_each_account_has_its_own(engine):
    old, new = AS_OF - 30 * DAY, AS_OF - 10 * DAY
    usage, tickets = [fact(old), fact(AS_OF - DAY, account="b")], [fact(new)]
    assert last_contact(engine, usage, tickets) == new
    assert last_contact(engine, usage, tickets, "b") == AS_OF - DAY
    assert last_contact(engine, usage, [*tickets, fact(AS_OF)], as_of=AS_OF + DAY) == AS_OF


def test_nobody_called_is_nothing(engine):
    assert last_contact(engine) is None


@pytest.mark.parametrize(
    ("corrected", "counts"),
    [(AS_OF - TICK, False), (AS_OF, True), (None, True)],
    ids=["withdrawn-before", "withdrawn-at-as-of", "never"],
)
def test_a_contact_that_was_withdrawn_counts_until_that_was_known(engine, corrected, counts):
    row = fact(AS_OF - DAY, corrected_at=corrected)
    found = last_contact(engine, [row], versioned=True)
    assert found == (AS_OF - DAY if counts else None)


def oracle(rows, account: str, as_of: datetime):
    """In plain Python, row by row."""
    newest = None
    for row in rows:
        if row["account"] != account or not (row["occurred_at"] < as_of > row["known_at"]):
            continue
        if newest is None or row["occurred_at"] > newest:
            newest = row["occurred_at"]
    return newest


instants = st.integers(-6, 6).map(lambda half_days: AS_OF + half_days * timedelta(hours=12))
rows = st.lists(
    st.builds(fact, instants, instants, account=st.sampled_from(["a", "b"])), max_size=6
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(usage=rows, tickets=rows)
def test_it_is_what_reading_row_by_row_finds(engine, usage, tickets):
    for account, as_of in (("a", AS_OF), ("b", AS_OF), ("a", AS_OF + DAY)):
        found = last_contact(engine, usage, tickets, account, as_of=as_of)
        assert found == oracle([*usage, *tickets], account, as_of)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(past=rows, later=rows)
def test_nothing_at_or_after_as_of_changes_it(engine, past, later):
    unseen = [row for row in later if row["occurred_at"] >= AS_OF or row["known_at"] >= AS_OF]
    assert last_contact(engine, [*past, *unseen]) == last_contact(engine, past)
