"""Every boundary of the half-open windows, one instant at a time."""

from __future__ import annotations

from datetime import datetime

import ibis
import pytest
from handmade import AS_OF, DAY, TICK, fact, table_of

from npsight.config.specs import OutcomeWindow
from npsight.temporal.windows import (
    in_outcome,
    in_window,
    open_as_of,
    open_back,
    outcome_end,
    outcome_start,
    seen_before,
)

WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)
START, END = AS_OF + 14 * DAY, AS_OF + 104 * DAY


def at(instant: datetime | None):
    return ibis.literal(instant, type="timestamp(6)")


def scalar(engine, expression):
    return engine.to_pyarrow(expression).as_py()


@pytest.mark.parametrize(
    ("occurred_at", "known_at", "seen"),
    [
        (AS_OF - TICK, AS_OF - TICK, True),
        (AS_OF, AS_OF - TICK, False),
        (AS_OF + TICK, AS_OF - TICK, False),
        (AS_OF - TICK, AS_OF, False),
        (AS_OF - TICK, AS_OF + TICK, False),
        (AS_OF, AS_OF, False),
    ],
    ids=["both-1us-before", "at-as-of", "after", "known-at-as-of", "known-after", "both-at-as-of"],
)
def test_a_fact_is_seen_when_it_had_happened_and_was_known(engine, occurred_at, known_at, seen):
    table = table_of(engine, "usage", [fact(occurred_at, known_at)])
    assert engine.to_pyarrow(seen_before(at(AS_OF), table).sum()).as_py() == seen


@pytest.mark.parametrize(
    ("occurred_at", "inside"),
    [
        (AS_OF, False),
        (AS_OF - TICK, True),
        (AS_OF - 30 * DAY, True),
        (AS_OF - 30 * DAY - TICK, False),
    ],
    ids=["at-as-of", "1us-before", "at-as-of-w", "1us-before-as-of-w"],
)
def test_a_window_holds_its_start_and_not_its_end(engine, occurred_at, inside):
    assert scalar(engine, in_window(at(AS_OF), at(occurred_at), 30)) is inside


@pytest.mark.parametrize(
    ("occurred_at", "inside"),
    [
        (AS_OF - 30 * DAY, False),
        (AS_OF - 30 * DAY - TICK, True),
        (AS_OF - 60 * DAY, True),
        (AS_OF - 60 * DAY - TICK, False),
    ],
    ids=["at-its-end", "1us-before-its-end", "at-its-start", "1us-before-its-start"],
)
def test_the_window_before_ends_where_the_newest_starts(engine, occurred_at, inside):
    assert scalar(engine, in_window(at(AS_OF), at(occurred_at), 30, back=30)) is inside


@pytest.mark.parametrize(
    ("as_of", "days", "start"),
    [
        (datetime(2024, 3, 1), 1, datetime(2024, 2, 29)),
        (datetime(2024, 3, 1), 366, datetime(2023, 3, 1)),
        (datetime(2025, 3, 1), 366, datetime(2024, 2, 29)),
        (datetime(2024, 2, 29), 365, datetime(2023, 3, 1)),
        (datetime(2023, 3, 31), 30, datetime(2023, 3, 1)),
    ],
)
def test_leap_days_and_month_ends_are_days_like_any_other(engine, as_of, days, start):
    assert scalar(engine, in_window(at(as_of), at(start), days))
    assert not scalar(engine, in_window(at(as_of), at(start - TICK), days))


@pytest.mark.parametrize(
    ("ended_at", "ended_known_at", "still"),
    [
        (None, None, True),
        (AS_OF - TICK, AS_OF - TICK, False),
        (AS_OF, AS_OF - TICK, True),
        (AS_OF + DAY, AS_OF - DAY, True),
        (AS_OF - TICK, AS_OF, True),
        (AS_OF - DAY, AS_OF + DAY, True),
    ],
    ids=["no-end", "ended", "ends-at-as-of", "booked-ahead", "known-at-as-of", "known-late"],
)
def test_something_is_open_until_its_end_has_passed_and_is_known(
    engine, ended_at, ended_known_at, still
):
    assert scalar(engine, open_as_of(at(AS_OF), at(ended_at), at(ended_known_at))) is still


THEN = AS_OF - 7 * DAY


@pytest.mark.parametrize(
    ("occurred_at", "ended_at", "ended_known_at", "was"),
    [
        (THEN - TICK, None, None, True),
        (THEN, None, None, False),
        (THEN - DAY, THEN - TICK, THEN - TICK, False),
        (THEN - DAY, THEN, THEN, True),
        (THEN - DAY, THEN - TICK, AS_OF - TICK, False),
        (THEN - DAY, THEN - TICK, AS_OF, True),
        (THEN - DAY, THEN - TICK, None, True),
    ],
    ids=[
        "begun-1us-before",
        "begun-then",
        "ended-1us-before",
        "ended-then",
        "end-known-1us-before-as-of",
        "end-known-at-as-of",
        "end-never-known",
    ],
)
def test_something_was_open_days_before_as_far_as_is_known_now(
    engine, occurred_at, ended_at, ended_known_at, was
):
    times = (at(occurred_at), at(ended_at), at(ended_known_at))
    assert scalar(engine, open_back(at(AS_OF), *times, 7)) is was


@pytest.mark.parametrize(
    ("occurred_at", "inside"),
    [(START - TICK, False), (START, True), (END - TICK, True), (END, False)],
    ids=["1us-before-start", "at-start", "1us-before-end", "at-end"],
)
def test_an_outcome_window_holds_its_start_and_not_its_end(engine, occurred_at, inside):
    assert scalar(engine, in_outcome(at(AS_OF), at(occurred_at), WINDOW)) is inside


def test_an_outcome_window_starts_after_the_gap_and_lasts_the_horizon(engine):
    assert scalar(engine, outcome_start(at(AS_OF), WINDOW)) == START
    assert scalar(engine, outcome_end(at(AS_OF), WINDOW)) == END
    assert AS_OF + WINDOW.end == END


def test_without_a_gap_the_outcome_starts_at_as_of_itself(engine):
    window = OutcomeWindow(gap_days=0, horizon_days=1)
    assert scalar(engine, in_outcome(at(AS_OF), at(AS_OF), window))
    assert not scalar(engine, in_outcome(at(AS_OF), at(AS_OF - TICK), window))
