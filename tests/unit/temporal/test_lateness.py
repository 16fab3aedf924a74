"""When a table is late: its rhythm, each boundary of it, and what a plain reading says."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.temporal.lateness import Late, late

DAY = timedelta(days=1)
FIRST = date(2025, 1, 6)


def every(days: int, times: int, rows: int = 100, first: date = FIRST) -> dict[date, int]:
    return {first + k * days * DAY: rows for k in range(times)}


def at(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour)


def judged(grew: dict[date, int], as_of: datetime) -> Late | None:
    return late("usage", grew, as_of)


@pytest.mark.parametrize("beat", [1, 7, 30])
def test_late_is_more_than_twice_the_longest_gap(beat: int) -> None:
    grew = every(beat, 12)
    newest = max(grew)
    assert judged(grew, at(newest + 2 * beat * DAY)) is None
    assert judged(grew, at(newest + 2 * beat * DAY, hour=23)) is None
    found = judged(grew, at(newest + (2 * beat + 1) * DAY))
    assert found == Late("usage", newest, beat, at(newest + DAY))


def test_it_is_held_on_the_day_after_its_newest_rows_at_the_time_of_as_of() -> None:
    grew = every(1, 30)
    newest = max(grew)
    found = judged(grew, at(newest + 9 * DAY, hour=5))
    assert found is not None
    assert found.held_at == at(newest + DAY, hour=5)


def test_weekends_are_part_of_the_rhythm() -> None:
    days = [FIRST + k * DAY for k in range(60)]
    grew = {day: 100 for day in days if day.weekday() < 5}
    newest = max(grew)
    assert judged(grew, at(newest + 6 * DAY)) is None
    assert judged(grew, at(newest + 7 * DAY)) is not None


def test_a_gap_that_begins_400_days_before_the_newest_day_counts_and_an_older_one_does_not() -> (
    None
):
    newest = FIRST + 600 * DAY
    for back, is_late in ((400, False), (401, True)):
        begins = newest - back * DAY
        grew = dict.fromkeys([begins, *(newest - k * DAY for k in range(back - 20))], 10)
        assert (judged(grew, at(newest + 30 * DAY)) is not None) == is_late


def test_of_less_than_eight_gaps_nothing_is_told() -> None:
    for times, is_late in ((8, False), (9, True)):
        grew = every(1, times)
        assert (judged(grew, at(max(grew) + 90 * DAY)) is not None) == is_late
    assert judged({}, at(FIRST)) is None


def test_stray_rows_make_no_day_and_a_tenth_of_the_usual_does() -> None:
    grew = every(1, 30)
    newest = max(grew)
    for rows, last in ((9, newest), (10, newest + 5 * DAY)):
        found = judged(grew | {newest + 5 * DAY: rows}, at(newest + 40 * DAY))
        assert found is not None
        assert found.newest == last


def test_only_what_was_known_before_the_day_tells_of_it() -> None:
    grew = every(1, 30)
    newest = max(grew)
    as_of = at(newest + 9 * DAY, hour=5)
    found = judged(grew, as_of)
    assert found is not None
    later = {as_of.date() + k * DAY: 10_000 for k in range(9)}
    assert judged(grew | later, as_of) == found
    assert judged(grew | {as_of.date() - DAY: 100}, as_of) is None


def test_after_400_days_the_table_has_ended() -> None:
    grew = every(1, 30)
    newest = max(grew)
    assert judged(grew, at(newest + 400 * DAY)) is not None
    assert judged(grew, at(newest + 401 * DAY)) is None


@given(
    steps=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 1000)), min_size=1, max_size=60),
    after=st.integers(-900, 500),
)
def test_as_a_plain_reading_has_it(steps: list[tuple[int, int]], after: int) -> None:
    grew, day = {FIRST: steps[0][1]}, FIRST
    for step, rows in steps[1:]:
        day += step * DAY
        grew[day] = rows
    as_of = at(day + after * DAY)
    known = {d: rows for d, rows in grew.items() if at(d) < as_of}
    rows_by_size = sorted(n for n in known.values() for _ in range(n))
    middle = rows_by_size[(len(rows_by_size) - 1) // 2] if known else 0
    busy = [d for d in sorted(known) if 10 * known[d] >= middle]
    newest = busy[-1] if busy else FIRST
    gaps = [(b - a).days for a, b in pairwise(busy) if (newest - a).days <= 400]
    passed = (as_of.date() - newest).days
    is_late = len(gaps) >= 8 and 2 * max(gaps) < passed <= 400
    found = late("usage", grew, as_of)
    assert (found is not None) == is_late
    if found is not None:
        assert found == Late("usage", newest, max(gaps), at(newest + DAY))
        assert found.held_at < as_of
