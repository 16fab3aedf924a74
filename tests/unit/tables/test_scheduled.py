"""Facts that are booked ahead: known from when they were booked, though they happen later."""

from __future__ import annotations

from datetime import datetime

from .conftest import NOW, reasons, rows

HEADER = "id,account,day,booked\n"
AHEAD = "known_at: booked\nscheduled: true"
BOOKED, PLANNED = datetime(2024, 5, 1), datetime(2030, 1, 1)
LINE = "7,a,2030-01-01T00:00:00Z,2024-05-01T00:00:00Z\n"


def test_a_booked_fact_may_lie_ahead_and_is_known_from_when_it_was_booked(bench):
    prepared = bench.usage(HEADER + LINE, AHEAD)
    assert rows(prepared.facts.sources["usage"], "occurred_at", "known_at") == [(PLANNED, BOOKED)]
    assert prepared.facts.scheduled == {"usage"}
    assert (reasons(prepared), prepared.reports[0].notes) == ({}, ())


def test_other_tables_are_not_scheduled_and_their_times_do_not_lie_ahead(bench):
    prepared = bench.usage(HEADER + LINE, "known_at: booked")
    assert prepared.facts.scheduled == frozenset()
    assert reasons(prepared) == {"time in column day lies in the future": 1}


def test_booked_times_push_neither_the_bounds_of_the_data_nor_beginnings_ahead(bench):
    facts = bench.usage(HEADER + LINE, AHEAD).facts
    assert (facts.data_start, facts.data_end) == (BOOKED, BOOKED)
    assert rows(facts.accounts, "account", "began_at") == [("a", BOOKED)]


def test_a_fact_written_down_afterwards_began_when_it_happened(bench):
    late = "7,a,2024-04-01T00:00:00Z,2024-05-01T00:00:00Z\n"
    facts = bench.usage(HEADER + late, AHEAD).facts
    assert (facts.data_start, facts.data_end) == (datetime(2024, 4, 1), BOOKED)
    assert rows(facts.accounts, "began_at") == [(BOOKED,)]


def test_when_it_was_booked_must_be_known_and_past(bench):
    bad = "8,a,2030-01-01T00:00:00Z,\n9,a,2030-01-01T00:00:00Z,2029-01-01T00:00:00Z\n"
    prepared = bench.usage(HEADER + LINE + bad, AHEAD)
    assert reasons(prepared) == {
        "time is missing in column booked": 1,
        "time in column booked lies in the future": 1,
    }


def test_never_and_blank_are_not_booked(bench):
    never = "8,a,9999-12-31T00:00:00Z,2024-05-01T00:00:00Z\n9,a,,2024-05-01T00:00:00Z\n"
    report = bench.usage(HEADER + LINE + never, AHEAD).reports[0]
    assert (report.good, report.skipped, report.quarantined) == (1, 2, 0)


def test_a_booking_that_is_moved_or_called_off_is_corrected(bench):
    moved = "7,a,2031-01-01T00:00:00Z,2024-05-03T00:00:00Z\n"
    off = "7,a,,2024-05-05T00:00:00Z\n"
    facts = bench.usage(HEADER + LINE + moved + off, AHEAD + "\nid: id").facts
    assert rows(facts.sources["usage"], "occurred_at", "known_at", "corrected_at") == [
        (PLANNED, BOOKED, datetime(2024, 5, 3)),
        (datetime(2031, 1, 1), datetime(2024, 5, 3), datetime(2024, 5, 5)),
    ]


def test_a_booking_before_earliest_is_a_fault(bench):
    old = "8,a,1970-01-01T00:00:00Z,2024-05-01T00:00:00Z\n"
    prepared = bench.usage(HEADER + LINE + old, AHEAD, now=NOW)
    assert reasons(prepared) == {"time in column day lies before `earliest` (1980-01-01)": 1}
