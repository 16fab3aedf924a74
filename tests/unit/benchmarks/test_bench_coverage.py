"""What the coverage benchmark counts, and that no forecast sees what came later."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmarks.coverage.__main__ import arguments
from benchmarks.coverage.companies import USED, Forecast, Truth, company, known_before
from benchmarks.coverage.page import coverage_lines, error_lines, markdown
from npsight.config.specs import OutcomeWindow
from npsight.models.coverage import Check
from npsight.models.intervals import NpsForecast
from npsight.models.npsday import NpsDay

WINDOW = OutcomeWindow(14, 90)
ONE = np.ones(1)


def day(origin: int, later: int = 0) -> NpsDay:
    as_of = np.datetime64("2024-01-01", "us") + np.timedelta64(90 * origin + later, "D")
    name = str(np.datetime64("2024-01-01") + np.timedelta64(90 * origin, "D"))
    return NpsDay(name, as_of, 1.0, *[ONE] * 6, np.array(["a"]), np.array(["x"]))


def forecast(seed: int, covered: bool, told: float = 0.0) -> Forecast:
    interval = NpsForecast(told, told - 3, told + 3, told - 5, told + 5, 100)
    check = tuple(Check(level, "company", 40, covered) for level in (80, 95))
    return Forecast(seed, "2026-01-01", check, Truth(interval, 2.0, 12.0, -8.0))


def test_a_spread_comes_from_whole_origins_that_had_ended():
    days = tuple(day(k, later) for k in range(8) for later in (0, 30, 60))
    as_of = days[-3].as_of
    past = known_before(days, as_of, WINDOW)
    assert len(past) == 3 * USED
    assert all(d.as_of + np.timedelta64(WINDOW.end) <= as_of for d in past)
    # The origin before is 90 days away, gap and horizon take 104.
    assert past[-1].as_of == day(5, 60).as_of
    assert past[0].as_of == day(2).as_of


def test_companies_are_the_draws():
    found = [forecast(seed, covered=seed < 3) for seed in range(4) for _ in range(3)]
    lines = {(line.level, line.what): line for line in coverage_lines(found)}
    held = lines[80, "company"]
    assert (held.share, held.of, held.judged, held.met) == (0.75, 12, True, True)
    # Three equal forecasts of a company are one draw: sd of 4 draws over 2.
    assert held.error == pytest.approx(0.5 / 2)
    assert not lines[95, "company"].met
    truth = lines[80, "company if everyone answered, truth"]
    assert (truth.share, truth.judged) == (1.0, False)


def test_errors_are_absolute_and_biases_are_not():
    ours, window, last = error_lines([forecast(1, True, 6.0), forecast(2, True, -2.0)])
    assert (ours.error, ours.bias) == (4, 0)
    assert (window.error, window.bias) == (10, 10)
    assert (last.error, last.bias) == (10, -10)


def test_the_page_says_whether_goals_are_met():
    text = markdown([forecast(seed, covered=seed % 5 > 0) for seed in range(10)])
    assert "| 80 % | company | all | 80.0% |" in text
    assert "75% to 85%: met" in text
    assert "92% to 98%: missed" in text
    assert "80%, goal 40%: met" in text
    worse = markdown([forecast(seed, True, told=10.0) for seed in range(2)])
    assert "20%, goal 40%: missed" in worse


@pytest.mark.parametrize("given", [["--seeds", "0"], ["--accounts", "-3"], ["--seeds", "x"]])
def test_sizes_that_make_no_sense_are_refused(given, capsys):
    with pytest.raises(SystemExit, match="2"):
        arguments(given)
    assert re.search(r"is not at least 1|invalid _positive value", capsys.readouterr().err)


def test_one_small_company_from_end_to_end():
    found = company(seed=3, accounts=120)
    assert [f.seed for f in found] == [3, 3, 3]
    assert len({f.as_of for f in found}) == 3
    for one in found:
        kinds = {c.kind for c in one.checks}
        assert {"company", "segment"} <= kinds
        assert abs(one.truth.true) < 60
        assert one.truth.forecast.low_95 < one.truth.forecast.nps < one.truth.forecast.high_95
        assert one.truth.responders != one.truth.last_known
    assert "3 forecasts" in markdown(found)
