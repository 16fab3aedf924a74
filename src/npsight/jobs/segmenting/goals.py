"""A goal of the project file -> on course or not, with how likely, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from npsight.config.schema import Goal
from npsight.config.specs import OutcomeWindow
from npsight.jobs.segmenting.report import GoalOutlook, PeriodNps
from npsight.models.forecast import Forecast
from npsight.models.goals import Outlook, course, fit_drift, outlook, windows_ahead


def goal_outlook(
    goal: Goal,
    forecast: Forecast | None,
    history: Sequence[PeriodNps],
    as_of: datetime,
    window: OutcomeWindow | None,
    period_days: int,
) -> GoalOutlook:
    """Of a goal whose day is over: whether its period reached it. Else the chance that the window
    with the goal's day will: the next one by its forecast, later ones by the forecast and the
    drift seen in `history`.

    The day is taken at its first instant (00:00 UTC); a day before as_of is over.
    """
    day = datetime.combine(goal.by, datetime.min.time())
    if day < as_of:
        return _past(goal, day, history)
    if forecast is None or window is None:
        return _unknown(goal, "no NPS is foreseen for these accounts")
    drift = fit_drift([period.reported for period in history], period_days)
    ahead = outlook(forecast, drift, as_of, window, windows_ahead(as_of, window, day))
    if ahead is None:
        return _unknown(
            goal,
            "that lies beyond the next window, and fewer than three periods in a row with answers "
            "are known, so how much NPS drifts cannot be told",
        )
    chance = ahead.chance_of(goal.nps)
    return GoalOutlook(goal, course(chance), chance, ahead, _sentence(goal, ahead, chance))


def named(goal: Goal) -> str:
    """Such as `NPS +40 by 2026-12-31 (plan = pro, if everyone answered)`."""
    notes = [f"{goal.attribute} = {goal.value}"] if goal.attribute else []
    notes += ["if everyone answered"] if goal.version == "everyone" else []
    suffix = f" ({', '.join(notes)})" if notes else ""
    return f"NPS {goal.nps:+g} by {goal.by:%Y-%m-%d}{suffix}"


def _sentence(goal: Goal, ahead: Outlook, chance: float) -> str:
    low, high = ahead.interval(80)
    when = f"{ahead.start:%Y-%m-%d} to {ahead.end:%Y-%m-%d}"
    later = ""
    if ahead.windows_ahead:
        count = ahead.windows_ahead
        later = f"; {count} window{'s' if count > 1 else ''} beyond the next, so the range is wider"
    return (
        f"{named(goal)}: {course(chance)}, {_percent(chance)} likely. From {when} NPS "
        f"{ahead.nps:+.0f} is foreseen (80 %: {low:+.0f} to {high:+.0f}){later}."
    )


def _percent(chance: float) -> str:
    if chance < 0.01:
        return "under 1 %"
    return "over 99 %" if chance > 0.99 else f"{100 * chance:.0f} %"


def _past(goal: Goal, day: datetime, history: Sequence[PeriodNps]) -> GoalOutlook:
    found = next((p for p in history if p.start <= day < p.end), None)
    nps = None if found is None else found.reported.nps
    if found is None or nps is None:
        return _unknown(goal, "that day is over, and no answers of its period are known")
    if goal.version == "everyone":
        return _unknown(goal, "that day is over, and not everyone answered")
    verdict = "reached" if nps >= goal.nps else "missed"
    low, high = found.reported.interval(80)
    sentence = (
        f"{named(goal)}: {verdict}. From {found.start:%Y-%m-%d} to {found.end:%Y-%m-%d} NPS was "
        f"{nps:+.0f} (80 %: {low:+.0f} to {high:+.0f}, {found.reported.answers:,} answers)."
    )
    return GoalOutlook(goal, verdict, None, None, sentence)


def _unknown(goal: Goal, why: str) -> GoalOutlook:
    return GoalOutlook(goal, "cannot tell", None, None, f"{named(goal)}: cannot tell; {why}.")
