"""A segment's numbers -> its charts: NPS over time, drivers, and segments side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from markupsafe import Markup

from npsight.web.charts import (
    Band,
    Bar,
    Goal,
    Line,
    Mark,
    Numbers,
    bar_chart,
    bar_numbers,
    line_chart,
    line_numbers,
)
from npsight.web.rendering import day, percent, signed

LEAST_POINTS = 0.0005
MOST_BARS = 24
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """A chart and its numbers."""

    chart: Markup
    numbers: Numbers
    title: str


@dataclass(frozen=True)
class Pictures:
    """What a page of segments draws; None where there is nothing to draw."""

    history: Picture | None
    drivers: Picture | None
    beside: Picture | None


def pictures(report: Json, shown: Json, others: Sequence[Json]) -> Pictures:
    """Charts of the company or a segment, and of `others` side by side."""
    return Pictures(
        history_picture(report, shown),
        drivers_picture(shown),
        beside_picture(report["company"], others) if others else None,
    )


def day_of(instant: str) -> date:
    """The UTC day of an instant as reports write it: periods begin and end at UTC midnight."""
    return datetime.fromisoformat(instant).date()


def history_picture(report: Json, shown: Json) -> Picture | None:
    """NPS of each period at its end with its 95 % interval, then what is expected next."""
    known = [period for period in shown["history"] if period["answers"]]
    marks = _marks(report, shown, 0)
    if not known and not marks:
        return None
    points = tuple((day_of(p["end"]), p["nps"] if p["answers"] else None) for p in shown["history"])
    line = Line("NPS", points)
    band = Band(
        "95 % interval", tuple((day_of(p["end"]), p["low_95"], p["high_95"]) for p in known)
    )
    goal = _goal(report, shown)
    title = "NPS over time, and expected next"
    words = _words(known, marks)
    apart = _marks(report, shown, report["period_days"] // 3)
    drawn = line_chart([line], title=title, description=words, band=band, marks=apart, goal=goal)
    numbers = line_numbers([line], band=band, marks=marks, goal=goal, when=day)
    return Picture(drawn, numbers, title)


def _marks(report: Json, shown: Json, apart: int) -> list[Mark]:
    """Both forecasts at the end of their window, the second drawn so many days apart."""
    window = report["window"]
    if window is None:
        return []
    end = day_of(report["as_of"]) + timedelta(days=window["gap_days"] + window["horizon_days"])
    found = []
    for key, name, color, days in (
        ("next_reported", "expected next", "ink", 0),
        ("next_everyone", "if everyone answered", "dim", apart),
    ):
        ahead = shown[key]
        if ahead is not None:
            inner, outer = ((ahead[f"low_{n}"], ahead[f"high_{n}"]) for n in (80, 95))
            at = end + timedelta(days=days)
            found.append(Mark(name, at, ahead["nps"], inner, outer, color))  # type: ignore[arg-type]
    return found


def _goal(report: Json, shown: Json) -> Goal | None:
    """The next goal of what is shown; of goals that are over, the last one."""
    mine = (shown["attribute"] or None, shown["value"] if shown["attribute"] else None)
    goals = [g for g in report["goals"] if (g["attribute"], g["value"]) == mine]
    today = report["as_of"][:10]
    ahead = sorted((g for g in goals if g["by"] >= today), key=lambda g: g["by"])
    past = sorted((g for g in goals if g["by"] < today), key=lambda g: g["by"])
    chosen = (ahead or past[-1:] or [None])[0]
    if chosen is None:
        return None
    return Goal(
        f"goal {signed(chosen['nps'])} by {day(date.fromisoformat(chosen['by']))}", chosen["nps"]
    )


def _words(known: Sequence[Json], marks: Sequence[Mark]) -> str:
    parts = []
    if known:
        first, last = known[0], known[-1]
        parts.append(
            f"NPS was {signed(first['nps'])} in the period to {day(day_of(first['end']))} and "
            f"{signed(last['nps'])} in the one to {day(day_of(last['end']))}."
        )
    parts += [f"{mark.name.capitalize()}: {signed(mark.value)}." for mark in marks]
    return " ".join(parts)


def drivers_picture(shown: Json) -> Picture | None:
    """From the usual risk to the segment's mean risk, by driver, in percentage points."""
    moving = [d for d in shown["drivers"] if abs(d["points"]) >= LEAST_POINTS]
    if shown["base_risk"] is None or not moving:
        return None
    at = 100 * shown["base_risk"]
    bars = [Bar("usual risk", at, f"{at:.1f} %", color="dim")]
    for driver in moving:
        points = 100 * driver["points"]
        color = "bad" if points > 0 else "good"
        bars.append(Bar(driver["label"], points, signed(points, 1), at, color))  # type: ignore[arg-type]
        at += points
    bars.append(Bar("mean risk", at, f"{at:.1f} %", color="ink"))
    title = "What moves the risk here, on average"
    words = f"From {bars[0].shown} to {bars[-1].shown}; the largest part: {moving[0]['label']}."
    return Picture(
        bar_chart(bars, title=title, description=words, unit="%"),
        bar_numbers(bars, name="driver", value="percentage points"),
        title,
    )


def beside_picture(company: Json, others: Sequence[Json]) -> Picture | None:
    """What is expected next of each value with its 95 % interval, or its churn risk."""
    if company["next_reported"] is None:
        bars = [
            Bar(o["value"], 100 * o["churn_risk"], percent(o["churn_risk"]))
            for o in others
            if o["churn_risk"] is not None
        ]
        title, unit, named = "Mean churn risk", "%", "churn risk"
    else:
        bars = [_expected(o) for o in others if o["next_reported"] is not None]
        title, unit, named = "NPS expected next, with 95 % interval", "", "NPS"
    bars = bars[:MOST_BARS]
    if len(bars) < 2:
        return None
    words = f"From {bars[0].label} at {bars[0].shown} to {bars[-1].label} at {bars[-1].shown}."
    drawn = bar_chart(bars, title=title, description=words, unit=unit)
    return Picture(drawn, bar_numbers(bars, name="segment", value=named), title)


def _expected(segment: Json) -> Bar:
    ahead = segment["next_reported"]
    color = "good" if ahead["nps"] >= 0 else "bad"
    return Bar(
        segment["value"],
        ahead["nps"],
        signed(ahead["nps"]),
        color="accent" if color == "good" else "bad",
        low=ahead["low_95"],
        high=ahead["high_95"],
    )
