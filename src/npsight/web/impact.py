"""`/impact`: what calling achieved, and how it is known."""

from __future__ import annotations

from markupsafe import Markup
from starlette.responses import Response

from npsight.jobs.impact import Arm, ImpactReport, Measured, impact
from npsight.jobs.impactwords import (
    answering_words,
    effects_words,
    headline,
    observational_words,
    play_words,
    power_words,
)
from npsight.models.impact import LEAST
from npsight.web.charts import Bar, Token, bar_chart
from npsight.web.page import Page, PageRoute
from npsight.worklist.followups import ENDED, OPEN

ARMS = {"call": "On the list", "hold out": "Held out"}


def impact_page(page: Page) -> Response:
    """The page. Its figures are of all accounts, and name none."""
    report = impact(page.project, page.store)
    found = report.measured
    return page.html(
        "impact.html",
        report=report,
        found=found,
        headline=headline(report),
        tone=_tone(report),
        arms=[(ARMS[arm.name], arm) for arm in found.arms],
        chart=_chart(found),
        effects=effects_words(found),
        answering=answering_words(found),
        power=power_words(found),
        plays=_plays(page, found),
        observational=observational_words(found),
        follow_ups=_follow_ups(report),
        least=LEAST,
    )


def _tone(report: ImpactReport) -> str:
    """How the headline is coloured: an effect that is certain, or none yet."""
    effect = report.measured.call or report.measured.listed
    if report.measured.waiting is not None or effect is None or not effect.certain:
        return ""
    return "good" if effect.estimate < 0 else "warn"


def _chart(found: Measured) -> Markup | None:
    """Share of detractors of both arms with intervals; None while an arm has no answers."""
    bars = [_bar(arm) for arm in found.arms if arm.detractors is not None]
    if len(bars) < 2:
        return None
    said = "; ".join(f"{bar.label}: {bar.shown}" for bar in bars)
    return bar_chart(
        bars,
        title="Share of detractors among those who answered",
        description=f"With 95 % intervals. {said}.",
        unit="%",
        x_range=(0, max(bar.high or 0 for bar in bars) * 1.1),
    )


def _bar(arm: Arm) -> Bar:
    share, low, high = (100 * (value or 0) for value in (arm.detractors, arm.low, arm.high))
    color: Token = "accent" if arm.name == "call" else "dim"
    shown = f"{share:.0f} % ({low:.0f} to {high:.0f})"
    return Bar(ARMS[arm.name], share, shown, color=color, low=low, high=high)


def _plays(page: Page, found: Measured) -> list[dict[str, object]]:
    known = {driver.key: driver for driver in page.project.drivers}
    return [
        {
            "label": known[play.driver].label if play.driver in known else play.driver,
            "advice": known[play.driver].play if play.driver in known else None,
            "called": play.called,
            "held_out": play.held_out,
            "words": play_words(play),
        }
        for play in found.plays
    ]


def _follow_ups(report: ImpactReport) -> dict[str, object]:
    """Counts by state, and the share of answered follow-ups that recovered."""
    counts = {one.state: one for one in report.follow_ups}
    shown = [(state, counts[state]) for state in (*OPEN, *ENDED) if state in counts]
    better = counts["recovered"].count if "recovered" in counts else 0
    worse = counts["not recovered"].count if "not recovered" in counts else 0
    return {
        "states": shown,
        "closed": better + worse,
        "recovered": better / (better + worse) if better + worse else None,
    }


ROUTES = (PageRoute("GET", "/impact", impact_page),)
