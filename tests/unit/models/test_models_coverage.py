"""Coverage is counted by what was left out, by size, and of what was reported."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from npsight.config.specs import OutcomeWindow
from npsight.models.coverage import (
    Check,
    CoverageRow,
    checks,
    measure_coverage,
    tabulate,
)
from npsight.models.intervals import NpsSpread
from npsight.models.npsday import NpsDay, first_days

WINDOW = OutcomeWindow(14, 90)


def day(origin: int, shift: float = 0.0, accounts: int = 400, later: int = 0) -> NpsDay:
    """400 accounts predicted at NPS 0, whose survey reports about `shift`; one answer each."""
    promoters = (np.arange(accounts) % 10 < 3 + shift / 20) * 1.0
    detractors = (np.arange(accounts) % 10 >= 7 + shift / 20) * 1.0
    return NpsDay(
        origin=f"o{origin}",
        as_of=np.datetime64("2024-01-01", "us") + np.timedelta64(90 * origin + later, "D"),
        weight=1.0,
        detractor=np.full(accounts, 0.3),
        promoter=np.full(accounts, 0.3),
        expected=np.ones(accounts),
        answers=np.ones(accounts),
        detractors=detractors,
        promoters=promoters,
        segment=np.array(["a", "b"])[np.arange(accounts) // (accounts // 2) % 2],
        account=np.arange(accounts).astype(str),
    )


def company(rows: tuple[CoverageRow, ...], level: int = 80) -> tuple[int, int]:
    [row] = [r for r in rows if (r.kind, r.level) == ("company", level)]
    return row.covered, row.of


def test_forecasts_that_are_right_are_covered():
    rows = measure_coverage([day(k) for k in range(4)], WINDOW)
    assert company(rows) == (4, 4)
    assert [r.of for r in rows if (r.kind, r.level) == ("segment", 95)] == [8]


def test_a_period_unlike_all_others_is_not():
    """Its own error must not widen the interval that it is judged by."""
    days = [day(0), day(1), day(2), day(3, shift=40)]
    assert company(measure_coverage(days, WINDOW), 95) == (3, 4)


def test_a_neighbour_whose_window_overlaps_is_left_out():
    days = [day(k) for k in range(3)]
    wild = day(3, shift=40)
    shared = replace(day(2, shift=40), origin="o2", as_of=wild.as_of - np.timedelta64(30, "D"))
    assert company(measure_coverage([*days, shared, wild], WINDOW), 95) == (3, 4)
    # Windows that had ended before tell of how wild periods can be.
    apart = [day(0, shift=40), day(1, shift=-40), wild]
    assert company(measure_coverage(apart, WINDOW), 95) == (3, 3)


def test_one_origin_cannot_be_checked():
    assert measure_coverage([day(0), day(0, later=30)], WINDOW) == ()
    assert measure_coverage([], WINDOW) == ()


def test_only_the_first_day_of_an_origin_is_checked():
    days = [day(0), day(0, later=30), day(1), day(1, later=30)]
    assert [str(d.as_of)[:10] for d in first_days(days)] == ["2024-01-01", "2024-03-31"]
    assert company(measure_coverage(days, WINDOW)) == (2, 2)


def test_sizes_are_those_of_answers_given():
    sizes = [1, 3, 4, 9, 10, 29, 30, 99, 100, 299, 300, 5000]
    rows = tabulate([Check(80, "segment", n, n % 2 == 0) for n in sizes])
    assert [(r.size, r.covered, r.of) for r in rows] == [
        ("1-3 answers", 0, 2),
        ("4-9 answers", 1, 2),
        ("10-29 answers", 1, 2),
        ("30-99 answers", 1, 2),
        ("100-299 answers", 1, 2),
        ("300+ answers", 2, 2),
    ]


def test_a_set_without_answers_is_not_counted():
    silent = day(0)
    here = silent.segment == "a"
    zero = np.where(here, silent.answers, 0.0)
    silent = replace(
        silent,
        answers=zero,
        promoters=np.minimum(silent.promoters, zero),
        detractors=np.minimum(silent.detractors, zero),
    )
    found = checks(silent, NpsSpread(20.0, 3.0))
    assert [c.kind for c in found] == ["company", "company", "segment", "segment"]


def test_an_account_is_judged_by_its_own_answers():
    some = day(0)
    counts = np.zeros(400)
    counts[:2] = 6
    busy = replace(
        some,
        answers=counts,
        promoters=np.where(np.arange(400) == 0, 2.0, 0.0),
        detractors=np.where(np.arange(400) == 0, 2.0, np.where(np.arange(400) == 1, 6.0, 0.0)),
    )
    found = [c for c in checks(busy, NpsSpread(20.0, 0.0)) if c.kind == "account"]
    assert [(c.level, c.answers, c.covered) for c in found] == [
        (80, 6, True),
        (95, 6, True),
        (80, 6, False),
        (95, 6, False),
    ]


@pytest.mark.parametrize("level", [80, 95])
def test_wider_spreads_cover_more(level):
    off = day(0, shift=20)
    narrow, wide = checks(off, NpsSpread(10.0, 0.0)), checks(off, NpsSpread(10.0, 40.0))
    held = [
        next(c.covered for c in found if (c.level, c.kind) == (level, "company"))
        for found in (narrow, wide)
    ]
    assert held == [False, True]
