"""Answers that are too few, or too much alike, for a model to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npsight.errors import Problem

if TYPE_CHECKING:
    from npsight.config.specs import ProjectSpec
    from npsight.temporal.facts import Facts

_KEY = "tables.responses"
_FEW_ANSWERS = 30
_HARDLY_AGAIN = 0.8


@dataclass(frozen=True)
class Answers:
    """Totals over all answers."""

    count: int
    accounts: int
    detractors: int
    days: int

    @classmethod
    def of(cls, facts: Facts) -> Answers | None:
        """The totals; None for a project without responses."""
        responses = facts.sources.get("responses")
        if responses is None:
            return None
        totals = responses.aggregate(
            count=responses.count(),
            accounts=responses.account.nunique(),
            detractors=(responses.band == "detractor").sum(),
            days=responses.occurred_at.date().nunique(),
        )
        row = totals.to_pyarrow().to_pylist()[0]
        return cls(**{name: value or 0 for name, value in row.items()})


def about_answers(project: ProjectSpec, facts: Facts, answers: Answers) -> Iterator[Problem]:
    """A problem for each way in which the answers will disappoint."""
    from npsight.jobs.notes.scales import two_scales
    from npsight.jobs.notes.touchpoints import unknown_touchpoints

    if answers.count == 0:
        yield _said("there are no answers", "map the column with the score, or drop the target")
        return
    if answers.count == 1:
        yield _said("there is a single answer", "bring more history")
        return
    yield from unknown_touchpoints(project, facts)
    yield from two_scales(project, facts)
    if answers.detractors in (0, answers.count):
        which = "no answer is" if answers.detractors == 0 else "every answer is"
        yield _said(
            f"{which} a detractor's: with one class there is no risk to tell apart",
            "check `bands` against the scale of the survey",
        )
    if answers.days == 1:
        yield _said(
            "all answers were given on one day, so nothing can be tested on later ones",
            "map the column with the time of the answer, not of the export",
        )
    if answers.count < _FEW_ANSWERS:
        yield _said(
            f"only {answers.count} answers: an NPS of so few is off by 20 points and more",
            "bring more history",
        )
    elif answers.accounts > _HARDLY_AGAIN * answers.count and _history_alone(project):
        yield _said(
            f"{answers.count:,} answers are of {answers.accounts:,} accounts: hardly any "
            "answers twice, and nothing else is known of them, so there is nothing to learn from",
            "name as `account` what occurs again and again, such as a market, a product or a "
            "company, or add tables of what else is known",
        )
    else:
        yield from _few_of_a_kind(project, answers)


def _few_of_a_kind(project: ProjectSpec, answers: Answers) -> Iterator[Problem]:
    """Where no backtest can be made: without one nothing is registered."""
    from npsight.models.skill import LEAST_EVENTS

    rarer = min(answers.detractors, answers.count - answers.detractors)
    before = project.training.min_events
    if 0 < rarer < before + LEAST_EVENTS and project.detractor is not None:
        kind = "are" if rarer == answers.detractors else "are not"
        yield _said(
            f"{rarer:,} of {answers.count:,} answers {kind} detractors': a day of the backtest "
            f"needs {before} such answers before it, and {LEAST_EVENTS} after it to judge by; "
            "a model that could not be tested is not registered",
            "bring a longer history; where it is just short, lower `training.min_events`",
        )


def _history_alone(project: ProjectSpec) -> bool:
    """Whether answers are all that is known of accounts."""
    tables = project.tables
    return not (tables.activity or tables.subscriptions) and not (
        tables.accounts and tables.accounts.attributes
    )


def _said(what: str, remedy: str) -> Problem:
    return Problem(what, remedy, key=_KEY)
