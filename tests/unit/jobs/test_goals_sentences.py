"""A goal in one sentence: ahead, over, or not to be told."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from npsight.config.schema import Goal
from npsight.config.specs import OutcomeWindow
from npsight.jobs.segmenting.goals import goal_outlook
from npsight.jobs.segmenting.report import PeriodNps
from npsight.models.forecast import Forecast
from npsight.models.reported import Reported

AS_OF = datetime(2026, 7, 1)
PERIOD = timedelta(days=90)
WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)
FORECAST = Forecast(20.0, 10.0, 30.0, 5.0, 35.0, 100.0)


def history(*levels: float) -> list[PeriodNps]:
    """Periods up to as_of, oldest first, with 200 answers each."""
    found = []
    for back, nps in enumerate(reversed(levels)):
        end = AS_OF - back * PERIOD
        promoters = round(100 + nps)
        found.append(PeriodNps(end - PERIOD, end, Reported(200, 200, 200 - promoters, promoters)))
    return found[::-1]


def asked(goal: Goal, forecast=FORECAST, periods=(), window=WINDOW):
    return goal_outlook(goal, forecast, periods, AS_OF, window, 90)


def test_a_goal_of_the_next_window():
    found = asked(Goal(nps=30, by=date(2026, 9, 1)))
    assert (found.course, round(found.chance, 3)) == ("off course", 0.1)
    assert found.sentence == (
        "NPS +30 by 2026-09-01: off course, 10 % likely. From 2026-07-15 to 2026-10-13 NPS +20 is "
        "foreseen (80 %: +10 to +30)."
    )


def test_a_goal_further_ahead_is_less_certain_either_way():
    near = asked(Goal(nps=12, by=date(2026, 9, 1)), periods=history(0, 20, 10))
    far = asked(Goal(nps=12, by=date(2027, 9, 1)), periods=history(0, 20, 10))
    assert near.chance > far.chance > 0.5
    assert far.outlook.windows_ahead == 4
    assert "4 windows beyond the next, so the range is wider" in far.sentence


def test_too_little_history_for_a_later_window():
    found = asked(Goal(nps=12, by=date(2027, 9, 1)), periods=history(0, 20))
    assert (found.course, found.chance) == ("cannot tell", None)
    assert "fewer than three periods in a row" in found.sentence


@pytest.mark.parametrize(
    ("day", "course"),
    [
        (date(2026, 6, 30), "reached"),
        (date(2026, 4, 2), "reached"),
        (date(2026, 4, 1), "missed"),
        (date(2026, 1, 1), "cannot tell"),
    ],
    ids=["last-day", "first-day", "day-before", "before-the-data"],
)
def test_a_goal_whose_day_is_over(day, course):
    """The last period is `[2026-04-02, 2026-07-01)`."""
    found = asked(Goal(nps=15, by=day), periods=history(10, 15))
    assert (found.course, found.chance, found.outlook) == (course, None, None)


def test_today_is_still_ahead():
    assert asked(Goal(nps=15, by=date(2026, 7, 1))).course == "open"


def test_what_is_over_says_what_was():
    found = asked(Goal(nps=15, by=date(2026, 6, 1)), periods=history(10, 15))
    assert "reached. From 2026-04-02 to 2026-07-01 NPS was +15" in found.sentence
    assert "200 answers" in found.sentence


def test_of_everyone_the_past_is_unknown():
    found = asked(Goal(nps=15, by=date(2026, 6, 1), version="everyone"), periods=history(10, 15))
    assert found.course == "cannot tell"


def test_without_a_forecast_nothing_is_said():
    goal = Goal(nps=15, by=date(2026, 9, 1), attribute="plan", value="pro", version="everyone")
    found = asked(goal, forecast=None)
    assert found.sentence == (
        "NPS +15 by 2026-09-01 (plan = pro, if everyone answered): cannot tell; no NPS is foreseen "
        "for these accounts."
    )


@pytest.mark.parametrize(("nps", "said"), [(-90, "over 99 %"), (90, "under 1 %")])
def test_no_chance_is_called_certain(nps, said):
    assert said in asked(Goal(nps=nps, by=date(2026, 9, 1))).sentence
