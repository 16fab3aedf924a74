"""When a table is late or loaded seldom: each boundary, and what a plain reading says."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.temporal.loads import Held, held_table

DAY = timedelta(days=1)
FIRST = date(2025, 1, 6)


def every(days: int, times: int, rows: int = 100, first: date = FIRST) -> dict[date, int]:
    return {first + k * days * DAY: rows for k in range(times)}


def at(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour)


def judged(grew: dict[date, int], as_of: datetime) -> Held | None:
    return held_table("usage", grew, as_of)


def late(grew: dict[date, int], as_of: datetime) -> Held | None:
    found = judged(grew, as_of)
    return found if found is not None and found.late else None


@pytest.mark.parametrize("beat", [1, 5, 7, 30])
def test_late_is_more_than_twice_the_longest_gap(beat: int) -> None:
    grew = every(beat, 12)
    newest = max(grew)
    assert late(grew, at(newest + 2 * beat * DAY)) is None
    assert late(grew, at(newest + 2 * beat * DAY, hour=23)) is None
    found = late(grew, at(newest + (2 * beat + 1) * DAY))
    assert found == Held("usage", newest, beat, at(newest + DAY))


def test_it_is_held_on_the_day_after_its_newest_rows_at_the_time_of_as_of() -> None:
    grew = every(1, 30)
    newest = max(grew)
    found = late(grew, at(newest + 9 * DAY, hour=5))
    assert found is not None
    assert found.held_at == at(newest + DAY, hour=5)


def test_weekends_are_part_of_the_rhythm() -> None:
    days = [FIRST + k * DAY for k in range(60)]
    grew = {day: 100 for day in days if day.weekday() < 5}
    newest = max(grew)
    assert late(grew, at(newest + 6 * DAY)) is None
    assert late(grew, at(newest + 7 * DAY)) is not None


def test_a_gap_that_begins_400_days_before_the_newest_day_counts_and_an_older_one_does_not() -> (
    None
):
    newest = FIRST + 600 * DAY
    for back, is_late in ((400, False), (401, True)):
        begins = newest - back * DAY
        grew = dict.fromkeys([begins, *(newest - k * DAY for k in range(back - 20))], 10)
        assert (late(grew, at(newest + 30 * DAY)) is not None) == is_late


def test_of_less_than_eight_gaps_nothing_is_told() -> None:
    for times, is_late in ((8, False), (9, True)):
        grew = every(1, times)
        assert (late(grew, at(max(grew) + 90 * DAY)) is not None) == is_late
    assert late({}, at(FIRST)) is None


def test_stray_rows_make_no_day_and_a_tenth_of_the_usual_does() -> None:
    grew = every(1, 30)
    newest = max(grew)
    for rows, last in ((9, newest), (10, newest + 5 * DAY)):
        found = late(grew | {newest + 5 * DAY: rows}, at(newest + 40 * DAY))
        assert found is not None
        assert found.newest == last


def test_only_what_was_known_before_the_day_tells_of_it() -> None:
    grew = every(1, 30)
    newest = max(grew)
    as_of = at(newest + 9 * DAY, hour=5)
    found = late(grew, as_of)
    assert found is not None
    later = {as_of.date() + k * DAY: 10_000 for k in range(9)}
    assert late(grew | later, as_of) == found
    assert late(grew | {as_of.date() - DAY: 100}, as_of) is None


def test_after_400_days_the_table_has_ended() -> None:
    grew = every(1, 30)
    newest = max(grew)
    assert late(grew, at(newest + 400 * DAY)) is not None
    assert late(grew, at(newest + 401 * DAY)) is None


@pytest.mark.parametrize("beat", [6, 7, 31])
def test_a_table_loaded_seldom_is_held_from_two_days_after_a_load_until_it_is_late(
    beat: int,
) -> None:
    grew = every(beat, 5)
    newest = max(grew)
    assert judged(grew, at(newest + DAY)) is None
    for passed in (2, beat, 2 * beat):
        found = judged(grew, at(newest + passed * DAY, hour=3))
        assert found == Held("usage", newest, beat, at(newest + DAY, hour=3), late=False)
    assert late(grew, at(newest + (2 * beat + 1) * DAY)) is not None
    assert judged(grew, at(newest + 401 * DAY)) is None


def test_seldom_is_six_days_and_more_between_any_two_of_at_least_five_loads_of_ten_rows() -> None:
    for grew, is_held in (
        (every(6, 5), True),
        (every(5, 5), False),
        (every(6, 4), False),
        (every(6, 5, rows=10), True),
        (every(6, 5, rows=9), False),
        (every(6, 5) | {FIRST + 29 * DAY: 100}, False),  # five days after the last
        (every(6, 5) | {FIRST + 29 * DAY: 9}, True),  # a stray row
    ):
        assert (judged(grew, at(max(grew) + 3 * DAY)) is not None) == is_held


def test_a_load_of_as_ofs_own_day_is_not_known_yet() -> None:
    grew = every(7, 6)
    newest = max(grew)
    found = judged(grew, at(newest, hour=23))
    assert found is not None
    assert found.newest == newest - 7 * DAY


def test_a_month_known_when_it_is_over_is_seen_alike_on_every_day_of_the_next() -> None:
    firsts = [date(2025 + k // 12, k % 12 + 1, 1) for k in range(14)]
    grew = dict.fromkeys(firsts, 100)
    for passed in range(2, 29):
        found = judged(grew, at(firsts[-1] + passed * DAY))
        assert found is not None
        assert (found.held_at, found.longest, found.late) == (at(firsts[-1] + DAY), 31, False)


@given(
    steps=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 1000)), min_size=1, max_size=60),
    after=st.integers(-900, 500),
    least=st.sampled_from([0, 5]),
)
def test_as_a_plain_reading_has_it(steps: list[tuple[int, int]], after: int, least: int) -> None:
    grew, day = {FIRST: steps[0][1]}, FIRST
    for step, rows in steps[1:]:
        day += (least + step) * DAY
        grew[day] = rows
    as_of = at(day + after * DAY)
    known = {d: rows for d, rows in grew.items() if at(d) < as_of}
    rows_by_size = sorted(n for n in known.values() for _ in range(n))
    middle = rows_by_size[(len(rows_by_size) - 1) // 2] if known else 0
    busy = [d for d in sorted(known) if 10 * known[d] >= middle]
    newest = busy[-1] if busy else FIRST
    gaps = [(b - a).days for a, b in pairwise(busy) if (newest - a).days <= 400]
    passed = (as_of.date() - newest).days
    many = len(rows_by_size) > 0 and middle >= 10
    seldom = len(gaps) >= 4 and min(gaps) >= 6 and many
    is_late = len(gaps) >= (4 if seldom else 8) and 2 * max(gaps) < passed <= 400
    between = seldom and 2 <= passed <= 400
    found = held_table("usage", grew, as_of)
    assert (found is not None) == (is_late or between)
    if found is not None:
        assert found == Held("usage", newest, max(gaps), at(newest + DAY), late=is_late)
        assert found.held_at < as_of
