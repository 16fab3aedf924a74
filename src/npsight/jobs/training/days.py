"""The days that models are trained on."""

from __future__ import annotations

from datetime import datetime, timedelta

from npsight.config.specs import ProjectSpec
from npsight.temporal.facts import Facts
from npsight.temporal.spine import as_of_grid, midnight_before, midnight_from


def first_day(project: ProjectSpec, facts: Facts) -> datetime:
    """`training.first_as_of`, else the midnight one period after the first fact."""
    if project.training.first_as_of is not None:
        return datetime.combine(project.training.first_as_of, datetime.min.time())
    return midnight_from(facts.data_start + timedelta(days=project.training.period_days))


def labelled_days(project: ProjectSpec, facts: Facts, window: timedelta) -> list[datetime]:
    """The grid of midnights from the first day, whose outcome window has ended by `data_end`.

    It is laid from the first day on, not back from the newest: so tomorrow's grid is today's, or
    today's and one day more, and what was built for it stays of use.
    """
    last = midnight_before(facts.data_end - window)
    return as_of_grid(first_day(project, facts), last, project.training.step_days)
