"""`/segments`: NPS over time and what is expected next, by segment; drivers, themes, goals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from npsight.config.specs import ProjectSpec
from npsight.jobs.runs.trends import SEGMENTS, THEMES
from npsight.store.rows import ScoreRun
from npsight.store.runpages import run_page
from npsight.store.worklistread import revenue_at_risk
from npsight.web.page import Page, PageError, PageRoute
from npsight.web.themes import Themes, themes_of
from npsight.web.trends import Pictures, pictures
from npsight.web.visible import latest_run

FEWEST_ACCOUNTS = 5
"""A user who may see only their own accounts sees no group of fewer: its numbers would be those of
single accounts."""


@dataclass(frozen=True)
class Group:
    """The values of an attribute that the user may see, and how many others there are.

    `hidden` were left out because they are too small for this user, `left_out` because there are
    so many values that only the largest were kept.
    """

    name: str
    segments: tuple[dict[str, Any], ...]
    hidden: int
    left_out: int


@dataclass(frozen=True)
class View:
    """What is shown: of the company, or of one segment of `by`.

    `at_risk` is how many of the company's accounts are of high risk, and their revenue.
    """

    run: ScoreRun
    report: Mapping[str, Any]
    by: str | None
    names: tuple[str, ...]
    group: Group | None
    shown: Mapping[str, Any]
    is_company: bool
    goals: tuple[Mapping[str, Any], ...]
    has_nps: bool
    has_answers: bool
    pictures: Pictures
    themes: Themes | None
    on_worklist: bool
    at_risk: tuple[int, float] | None

    @property
    def horizons(self) -> list[Mapping[str, Any]]:
        """Mean churn risk in the middle and at the end of the churn curve; nothing without one."""
        points = list(self.report["churn_by_horizon"])
        return points if len(points) < 3 else [points[len(points) // 2 - 1], points[-1]]


def segments_page(page: Page) -> Response:
    """The company with one attribute's values, or one segment."""
    run = latest_run(page)
    report = run_page(page.store, run.id, SEGMENTS)
    if report is None:
        return page.html("segments_none.html", run=run)
    return page.html("segments.html", view=view_of(page, run, report))


def view_of(page: Page, run: ScoreRun, report: Mapping[str, Any]) -> View:
    """What this user may see of a report.

    Raises
    ------
    PageError
        404: there is no such attribute or segment, or it is too small for this user.
    """
    names = tuple(report["groups"])
    asked, value = page.query.get("by"), page.query.get("segment")
    by = asked or (names[0] if names else None)
    if asked and asked not in names:
        raise PageError(404, "There is no such attribute.", "Choose one on the segments page.")
    group = None if by is None else _group(page, report, by)
    shown = report["company"] if value is None else _found(group, value)
    company = report["company"]
    themes = run_page(page.store, run.id, THEMES)
    return View(
        run=run,
        report=report,
        by=by,
        names=names,
        group=group,
        shown=shown,
        is_company=value is None,
        goals=tuple(_goals(report, shown)),
        has_nps=company["next_reported"] is not None or company["now"] is not None,
        has_answers=company["now"] is not None,
        pictures=pictures(report, shown, group.segments if group and value is None else ()),
        themes=None if themes is None else themes_of(themes, shown, page.only_owner),
        on_worklist=value is not None and _is_peers(page.project, by),
        at_risk=_at_risk(page, run) if value is None and company["revenue"] is not None else None,
    )


def _at_risk(page: Page, run: ScoreRun) -> tuple[int, float] | None:
    """None for a user who may see their own accounts only: it would be the sum of few."""
    return None if page.only_owner else revenue_at_risk(page.store, run.id)


def _group(page: Page, report: Mapping[str, Any], by: str) -> Group:
    every = report["groups"][by]
    seen = [one for one in every if may_see(page, one)]
    return Group(by, tuple(seen), len(every) - len(seen), report["left_out"][by])


def may_see(page: Page, segment: Mapping[str, Any]) -> bool:
    """Whether a user may see a segment's numbers: anybody who sees all accounts may."""
    answered = segment["now"]["accounts"] if segment["now"] else 0
    shown = [segment["accounts"], *([answered] if answered else [])]
    return page.only_owner is None or min(shown) >= FEWEST_ACCOUNTS


def _found(group: Group | None, value: str) -> Mapping[str, Any]:
    for segment in group.segments if group else ():
        if segment["value"] == value:
            return segment
    raise PageError(404, "There is no such segment.", "Choose one on the segments page.")


def _goals(report: Mapping[str, Any], shown: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All goals on the company's page, a segment's own on its page."""
    if not shown["attribute"]:
        return list(report["goals"])
    mine = (shown["attribute"], shown["value"])
    return [goal for goal in report["goals"] if (goal["attribute"], goal["value"]) == mine]


def _is_peers(project: ProjectSpec, by: str | None) -> bool:
    """Whether the worklist can be filtered by this attribute."""
    return by is not None and by == project.segment


ROUTES = (PageRoute("GET", "/segments", segments_page),)
