"""Rows that have not arrived, and values that are not there when their row is."""

from __future__ import annotations

import numpy as np
import pytest

from npsight.audit.arrivals import DAYS, Arrived, arrivals


def arrived(rows=10.0, filled=1.0, **changes) -> Arrived:
    """So many rows a day, of which so many are filled; `newest` days without rows."""
    by_day = np.full(DAYS, float(rows))
    by_day[: changes.get("newest", 0)] = changes.get("left", 0.0)
    shares = np.full(DAYS, float(filled))
    for day, share in changes.get("shares", {}).items():
        shares[day] = share
    return Arrived("usage", by_day, {"m": np.round(by_day * shares)})


def judged(*sources: Arrived) -> list[tuple[str, str]]:
    return [(f.level, f.name) for f in arrivals(sources).findings]


def test_rows_that_come_every_day_are_clean():
    check = arrivals([arrived()])
    assert (check.verdict, check.compared) == ("clean", 2)


@pytest.mark.parametrize(("left", "expected"), [(0, True), (4, True), (5, False), (9, False)])
def test_a_last_week_with_less_than_half_of_the_poorest_is_named(left, expected):
    assert judged(arrived(newest=7, left=left)) == ([("look", "usage")] if expected else [])


def test_a_source_that_is_rare_or_comes_once_a_month_is_not_judged():
    assert arrivals([arrived(rows=2)]).verdict == "not judged"
    monthly = np.where(np.arange(DAYS) % 30 == 15, 900.0, 0.0)
    assert arrivals([Arrived("invoices", monthly, {})]).verdict == "not judged"


def test_the_newest_rows_are_those_of_the_source():
    """A source that ended three days before the others is no column written later."""
    late = arrived(newest=3)
    assert judged(late) == []


def test_a_value_written_later_is_named():
    check = arrivals([arrived(rows=100, shares={0: 0.1, 1: 0.4, 2: 0.9})])
    (found,) = check.findings
    assert (found.level, found.name) == ("leak", "usage.m")
    assert "of the rows of the newest 2 days (95 %), and in 100% at least" in found.what
    assert judged(arrived(rows=100, shares={0: 0.6, 1: 0.7, 2: 0.9})) == [("look", "usage.m")]


def test_few_rows_or_a_little_less_tell_nothing():
    assert judged(arrived(rows=5, shares={0: 0.5, 1: 0.5})) == []
    assert judged(arrived(rows=100, shares={0: 0.9, 1: 0.9})) == []


def test_what_is_often_blank_or_varies_is_spared():
    assert judged(arrived(rows=100, filled=0.3)) == []
    varied = dict.fromkeys(range(70, 77), 0.5) | {0: 0.5, 1: 0.5}
    assert judged(arrived(rows=100, shares=varied)) == []
