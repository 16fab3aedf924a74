"""Charts of the pages: small, made on the server, each with its numbers as a table.

What is drawn is told by frozen objects, so a chart that was drawn is kept and sent again. A chart
comes in two widths, `wide` and `slim`; the style shows the one that fits, so text keeps its size.
Values are in the unit that is shown: a risk of 0.43 is drawn as 43 with the unit `%`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from markupsafe import Markup

from npsight.web import chartdrawing as drawing
from npsight.web.svg import LOCK

Day = date | datetime
Token = Literal["accent", "ink", "dim", "bad", "warn", "good", "detractor", "passive", "promoter"]
WIDE, SLIM = 620, 340
KEPT = 512


@dataclass(frozen=True)
class Line:
    """A line over days; a value of None leaves a gap. Without `stroke` only its dots are drawn."""

    name: str
    points: tuple[tuple[Day, float | None], ...]
    color: Token = "accent"
    dashed: bool = False
    dots: bool = True
    stroke: bool = True


@dataclass(frozen=True)
class Band:
    """An interval over days, such as the 95 % interval of a line: (day, low, high)."""

    name: str
    points: tuple[tuple[Day, float, float], ...]
    color: Token = "accent"


@dataclass(frozen=True)
class Mark:
    """One value with its intervals, such as what is expected next: inner 80 %, outer 95 %."""

    name: str
    at: Day
    value: float
    inner: tuple[float, float] | None = None
    outer: tuple[float, float] | None = None
    color: Token = "ink"


@dataclass(frozen=True)
class Goal:
    """A level to reach."""

    name: str
    value: float


@dataclass(frozen=True)
class Bar:
    """A bar from `start` to `start + value`, with what is written beside it.

    `low` and `high` are the ends of an interval, None without one.
    """

    label: str
    value: float
    shown: str
    start: float = 0.0
    color: Token = "accent"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Dots:
    """Points (x, y, weight) of one name; a heavier one is drawn larger."""

    name: str
    points: tuple[tuple[float, float, float], ...]
    color: Token = "accent"


@dataclass(frozen=True)
class Numbers:
    """The numbers of a chart, as cells of a table; the first cell of a row is its head."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def line_chart(
    series: Sequence[Line],
    *,
    title: str,
    description: str,
    band: Band | None = None,
    marks: Sequence[Mark] = (),
    unit: str = "",
    goal: Goal | None = None,
    y_range: tuple[float, float] | None = None,
    height: int = 220,
) -> Markup:
    """Lines over days. `description` says in words what the chart shows.

    `y_range` is what the height spans; by default what is drawn.
    """
    chart = drawing.Lines(tuple(series), band, tuple(marks), unit, goal, y_range, height)
    return _both(chart, title, description)


def bar_chart(
    items: Sequence[Bar],
    *,
    title: str,
    description: str,
    unit: str = "",
    x_range: tuple[float, float] | None = None,
) -> Markup:
    """Bars from left to right, one a line, signed; with `start` of each they form a waterfall."""
    return _both(drawing.Bars(tuple(items), unit, x_range), title, description)


def xy_chart(
    series: Sequence[Dots],
    *,
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    unit: str = "",
    limit: float | None = None,
) -> Markup:
    """Points beside the diagonal on which both numbers are equal; both axes end at `limit`."""
    chart = drawing.Scatter(tuple(series), x_label, y_label, unit, limit)
    return _both(chart, title, description, " square")


def sparkline(
    values: Sequence[float | None],
    *,
    title: str,
    description: str = "",
    color: Token = "accent",
    width: int = 180,
    height: int = 36,
) -> Markup:
    """A tiny line from zero, without axes; a value of None leaves a gap."""
    chart = drawing.Spark(tuple(values), color, height)
    return _drawn(chart, title, description, width, "spark")


def line_numbers(
    series: Sequence[Line],
    *,
    band: Band | None = None,
    marks: Sequence[Mark] = (),
    unit: str = "",
    goal: Goal | None = None,
    digits: int = 0,
    when: Callable[[Day], str] = lambda day: f"{day:%Y-%m-%d}",
) -> Numbers:
    """What a line chart shows, one row a day; marks and the goal follow."""
    days = sorted({at for line in series for at, _ in line.points}, key=drawing.number)
    lookup = [dict(line.points) for line in series]
    within = {at: (low, high) for at, low, high in band.points} if band else {}

    def told(value: float | None) -> str:
        return "–" if value is None else _with_unit(f"{value:.{digits}f}", unit)

    def between(ends: tuple[float, float] | None) -> str:
        return "–" if ends is None else f"{told(ends[0])} to {told(ends[1])}"

    extra = (band.name,) if band else ("80 %", "95 %") if marks else ()
    rows = [
        (
            when(at),
            *(told(values.get(at)) for values in lookup),
            *((between(within.get(at)),) if band else ("–",) * len(extra)),
        )
        for at in days
    ]
    blank = ("–",) * (len(series) - 1)
    for mark in marks:
        ends = (between(mark.inner), between(mark.outer))
        shown = (ends[1] if mark.outer else ends[0],) if band else ends
        rows.append((f"{mark.name}, {when(mark.at)}", told(mark.value), *blank, *shown))
    if goal is not None:
        rows.append((goal.name, told(goal.value), *blank, *("–" for _ in extra)))
    return Numbers(("Day", *(line.name for line in series), *extra), tuple(rows))


def bar_numbers(items: Sequence[Bar], *, name: str, value: str) -> Numbers:
    """What a bar chart shows, one row a bar; `name` and `value` head the columns."""
    return Numbers((name, value), tuple((item.label, item.shown) for item in items))


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}".strip().replace("-", "−")


def _both(chart: drawing.Drawing, title: str, description: str, form: str = "") -> Markup:
    wide = _drawn(chart, title, description, WIDE, "wide" + form)
    return wide + _drawn(chart, title, description, SLIM, "slim" + form)


@lru_cache(maxsize=KEPT)
def _drawn(chart: drawing.Drawing, title: str, description: str, width: int, kind: str) -> Markup:
    with LOCK:
        return chart.drawn(width).svg(title, description, kind)
