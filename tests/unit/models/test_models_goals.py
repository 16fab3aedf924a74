"""Goals: which window a day lies in, how a forecast widens, and how likely it reaches a goal."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from npsight.config.specs import OutcomeWindow
from npsight.models.forecast import Forecast, segment_forecast
from npsight.models.goals import Drift, course, fit_drift, outlook, windows_ahead
from npsight.models.intervals import NpsSpread
from npsight.models.reported import Reported

AS_OF = datetime(2026, 7, 1)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)


def forecast(nps=20.0, half=10.0) -> Forecast:
    return Forecast(nps, nps - half, nps + half, nps - 1.5 * half, nps + 1.5 * half, 100.0)


def period(nps: float, answers: int = 400) -> Reported:
    """Answers with about this NPS and no passives to speak of."""
    promoters = round(answers * (0.5 + nps / 200))
    return Reported(answers, answers, answers - promoters, promoters)


# --- Forecasts of a set -----------------------------------------------------------------------


def test_a_segment_is_forecast_from_its_own_accounts():
    detractor, promoter = np.array([0.1, 0.2, 0.9]), np.array([0.8, 0.5, 0.0])
    rows = np.array([True, True, False])
    spread = NpsSpread(20.0, 3.0)
    found = segment_forecast(spread, detractor, promoter, np.ones(3), rows)
    assert found.nps == pytest.approx(50.0)
    assert found.expected == 2.0
    assert (found.nps, found.low_80, found.high_80) == spread.set_interval(
        detractor[:2], promoter[:2], np.ones(2), 80
    )
    weighted = segment_forecast(spread, detractor, promoter, np.array([3.0, 1.0, 9.0]), rows)
    assert weighted.nps == pytest.approx(0.75 * 70 + 0.25 * 30)


def test_of_nobody_nothing_is_forecast():
    one = np.full(2, 0.3)
    spread = NpsSpread(20.0, 3.0)
    assert segment_forecast(spread, one, one, np.ones(2), np.zeros(2, bool)) is None
    assert segment_forecast(spread, one, one, np.zeros(2), np.ones(2, bool)) is None


def test_the_error_is_read_from_the_side_that_is_not_cut_off():
    assert forecast(half=12.815515655446004).error == pytest.approx(10.0)
    cut = Forecast(95.0, 95 - 12.815515655446004, 100.0, 75.0, 100.0, 10.0)
    assert cut.error == pytest.approx(10.0)


# --- Which window a day lies in -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "ahead"),
    [
        (AS_OF, 0),
        (AS_OF + 14 * DAY - TICK, 0),
        (AS_OF + 14 * DAY, 0),
        (AS_OF + 104 * DAY - TICK, 0),
        (AS_OF + 104 * DAY, 1),
        (AS_OF + 194 * DAY - TICK, 1),
        (AS_OF + 194 * DAY, 2),
    ],
    ids=["as-of", "last-of-gap", "start", "1us-before-end", "end", "1us-before-2nd", "2nd-end"],
)
def test_windows_are_half_open(day, ahead):
    assert windows_ahead(AS_OF, WINDOW, day) == ahead


def test_the_window_of_an_outlook_holds_the_day():
    drift = Drift(100.0, 4, 90)
    for days in range(0, 500, 7):
        day = AS_OF + days * DAY
        ahead = windows_ahead(AS_OF, WINDOW, day)
        found = outlook(forecast(), drift, AS_OF, WINDOW, ahead)
        assert day < found.end
        assert found.start <= day or days < 14
        assert found.end - found.start == 90 * DAY


# --- Drift --------------------------------------------------------------------------------------


def test_drift_by_hand():
    """Levels of about 0, 30, 0: both changes are 30 less what chance makes of them."""
    history = [period(0.0), period(30.0), period(0.0)]
    chance = history[0].variance + history[1].variance
    square = (history[1].level - history[0].level) ** 2
    excess = square - chance
    found = fit_drift(history, 90)
    assert found.variance == pytest.approx(excess + square * sqrt(2 * 1.5 / 2))
    assert (found.changes, found.period_days) == (2, 90)


def test_a_calm_history_does_not_promise_calm():
    calm = fit_drift([period(10.0)] * 3, 90)
    long = fit_drift([period(10.0)] * 30, 90)
    assert 0 < long.variance < calm.variance


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_little_history_says_nothing(count):
    assert fit_drift([period(10.0)] * count, 90) is None


def test_no_change_is_taken_across_a_hole():
    hole = Reported(4, 4, 1, 2)
    full = Reported(5, 5, 1, 2)
    assert fit_drift([period(0.0), hole, period(90.0), period(90.0)], 90) is None
    assert fit_drift([period(0.0), full, period(90.0)], 90).changes == 2


def test_a_true_random_walk_is_found():
    """Oracle: walks of 12 points a period, seen through 300 answers each."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(60):
        level = np.clip(np.cumsum(rng.normal(0, 12, 40)), -80, 80)
        history = []
        for nps in level:
            p = 0.5 + nps / 200
            promoters = int(rng.binomial(300, p))
            history.append(Reported(300, 300, 300 - promoters, promoters))
        found.append(fit_drift(history, 90).variance)
    # One standard error (about 27 % of the whole) lies on top, on purpose.
    assert 144 * 0.8 < np.mean(found) < 144 * 2.0


# --- Chances ------------------------------------------------------------------------------------


def test_the_next_window_needs_no_drift():
    found = outlook(forecast(), None, AS_OF, WINDOW, 0)
    assert found.error == pytest.approx(forecast().error)
    assert found.interval(80) == pytest.approx((10.0, 30.0))
    assert found.chance_of(20.0) == pytest.approx(0.5)
    assert found.chance_of(30.0) == pytest.approx(0.1)
    assert outlook(forecast(), None, AS_OF, WINDOW, 1) is None


def test_chances_by_an_independent_normal():
    found = outlook(forecast(), Drift(81.0, 5, 45), AS_OF, WINDOW, 2)
    error = sqrt(forecast().error ** 2 + 81.0 * 2 * 90 / 45)
    assert found.error == pytest.approx(error)
    assert found.chance_of(33.0) == pytest.approx(norm.sf(33.0, 20.0, error))


@given(
    st.floats(-90, 90), st.floats(0.1, 60), st.floats(0.01, 900), st.floats(-100, 100),
    st.integers(0, 5),
)  # fmt: skip
def test_uncertainty_only_grows_and_a_higher_goal_is_never_likelier(nps, half, q, goal, ahead):
    drift = Drift(q, 4, 90)
    here = outlook(forecast(nps, half), drift, AS_OF, WINDOW, ahead)
    later = outlook(forecast(nps, half), drift, AS_OF, WINDOW, ahead + 1)
    assert later.error > here.error
    assert here.chance_of(goal) >= here.chance_of(goal + 5)
    # Doubt pulls every chance towards one half.
    assert abs(later.chance_of(goal) - 0.5) <= abs(here.chance_of(goal) - 0.5) + 1e-12


@pytest.mark.parametrize(
    ("chance", "said"),
    [(0.8, "on course"), (0.79, "open"), (0.21, "open"), (0.2, "off course"), (0.0, "off course")],
)
def test_what_a_chance_is_called(chance, said):
    assert course(chance) == said
