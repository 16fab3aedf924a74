"""Splits and origins: no row is trained on before its outcome was known."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.config.specs import OutcomeWindow
from npsight.models.backtest import origin_days, time_pairs
from npsight.models.examples import Examples
from npsight.models.splits import RandomSplits, Split, TimeSplits

FIRST = datetime(2024, 1, 1)
DAY = np.timedelta64(1, "D")


def rows_of(days: list[int], late: list[int | None], window: OutcomeWindow) -> Examples:
    """One row for each as_of day; its outcome is known `late` days after the window's end."""
    as_of = np.array([np.datetime64(FIRST + timedelta(days=d), "us") for d in days])
    end = as_of + np.timedelta64(window.end)
    known = np.array(
        [np.datetime64("NaT", "us") if x is None else e + x * DAY
         for x, e in zip(late, end, strict=True)], dtype="datetime64[us]")  # fmt: skip
    count = len(days)
    return Examples(
        frame=pd.DataFrame({"account": [f"a{i % 7}" for i in range(count)], "as_of": as_of}),
        share=np.arange(count) % 2.0,
        weight=np.ones(count),
        known_at=known,
        window=window,
    )


def assert_no_future(pair: Split) -> None:
    """Everything trained on was over, and known, before the first day that is predicted."""
    past, test = pair
    first = test.as_of.min()
    assert (past.as_of + np.timedelta64(past.window.end) <= first).all()
    known = past.known_at[~np.isnat(past.known_at)]
    assert (known < first).all()


worlds = st.lists(
    st.tuples(st.integers(0, 900), st.one_of(st.none(), st.integers(-100, 400))),
    min_size=1, max_size=60,
)  # fmt: skip
outcome_windows = st.builds(OutcomeWindow, st.integers(0, 60), st.integers(1, 200))


@settings(max_examples=200)
@given(worlds, outcome_windows, st.integers(1, 200), st.integers(1, 5))
def test_time_splits_never_see_the_future(world, window, period, folds):
    rows = rows_of([d for d, _ in world], [x for _, x in world], window)
    pairs = TimeSplits(period, folds=folds)(rows)
    assert len(pairs) <= folds
    for pair in pairs:
        assert_no_future(pair)
        assert len(pair[0])
        assert len(pair[1])
        assert np.ptp(pair[1].as_of) < np.timedelta64(period, "D")
    for newer, older in itertools.pairwise(pairs):
        assert older[1].as_of.max() < newer[1].as_of.min()
    if pairs:
        assert pairs[0][1].as_of.max() == rows.as_of.max()


@settings(max_examples=200)
@given(worlds, outcome_windows, st.integers(1, 200), st.integers(1, 6), st.integers(1, 4))
def test_origins_are_apart_learnable_and_do_not_see_the_future(world, window, period, most, least):
    rows = rows_of([d for d, _ in world], [x for _, x in world], window)
    days = origin_days(rows, period, most, least)
    assert len(days) <= most
    assert days == sorted(days)
    assert all(b - a >= np.timedelta64(period, "D") for a, b in itertools.pairwise(days))
    for label, pair in time_pairs(rows, days):
        assert_no_future(pair)
        assert min(pair[0].events()) >= least
        assert set(pair[1].as_of.astype("datetime64[D]").astype(str)) == {label}


def test_a_window_that_ends_on_the_day_is_over_and_one_that_is_known_then_is_not():
    window = OutcomeWindow(10, 20)
    rows = rows_of([0, 1, 0, 0], [None, None, 0, -1], window)
    at = np.datetime64(FIRST + timedelta(days=30), "us")
    assert rows.known_before(at).share.tolist() == [0.0, 1.0]
    assert rows.known_before(at + DAY).share.tolist() == [0.0, 1.0, 0.0, 1.0]


def test_origin_days_takes_the_newest_first():
    rows = rows_of(list(range(0, 600, 10)) * 2, [None] * 120, OutcomeWindow(0, 30))
    days = origin_days(rows, 90, 3, 1)
    ages = [int((rows.as_of.max() - day) / DAY) for day in days]
    assert ages == [180, 90, 0]


def test_time_splits_of_a_single_day_are_none():
    assert TimeSplits(90)(rows_of([5, 5, 5], [None] * 3, OutcomeWindow(0, 1))) == []


def test_random_splits_hold_each_account_out_once():
    rows = rows_of([0] * 70, [None] * 70, OutcomeWindow(0, 1))
    pairs = RandomSplits(5, seed=1)(rows)
    assert len(pairs) == 5
    assert sum(len(test) for _, test in pairs) == 70
    for past, test in pairs:
        assert not set(past.account) & set(test.account)
        assert len(past) + len(test) == 70
    again = RandomSplits(5, seed=1)(rows)
    assert [list(t.account) for _, t in pairs] == [list(t.account) for _, t in again]


@pytest.mark.parametrize(("least", "can"), [(2, True), (3, False)])
def test_can_be_learned(least, can):
    rows = rows_of([0] * 5, [None] * 5, OutcomeWindow(0, 1))
    assert rows.events() == (2.0, 3.0)
    assert rows.can_be_learned(least) is can
