"""How the charts are drawn, with matplotlib, at one width each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from npsight.web.svg import Canvas, color, cut

if TYPE_CHECKING:
    from npsight.web.charts import Band, Bar, Day, Dots, Goal, Line, Mark, Token

TEXT = 12
LETTER = 7.2
"""Width of a letter of that size, in pixels; of the widest common font."""
ROW = 30
EDGE = 4
"""Room around a sparkline."""
LONGEST_NAME = 40
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Drawing(Protocol):
    """A chart that can be drawn at a width; equal ones are drawn alike."""

    def drawn(self, width: int) -> Canvas:
        """The chart, so many pixels wide."""
        ...

    def __hash__(self) -> int: ...


def number(day: Day) -> float:
    """Days since the year 1; of an instant in UTC, with its time as a fraction."""
    if isinstance(day, datetime):
        at = day.astimezone(UTC) if day.tzinfo else day
        seconds = at.hour * 3600 + at.minute * 60 + at.second
        return at.toordinal() + seconds / 86_400
    return float(day.toordinal())


@dataclass(frozen=True)
class Lines:
    """Lines over days, see `charts.line_chart`."""

    series: tuple[Line, ...]
    band: Band | None
    marks: tuple[Mark, ...]
    unit: str
    goal: Goal | None
    y_range: tuple[float, float] | None
    height: int

    def drawn(self, width: int) -> Canvas:
        """The chart, so many pixels wide."""
        rows = _legend_rows(self._legend(), width)
        low, high = self._heights()
        ticks = nice_ticks(low, high, 5)
        shown = [_tick(tick, self.unit) for tick in ticks]
        left = 10 + LETTER * max(len(text) for text in shown)
        top = 8 + 20 * len(rows)
        canvas = Canvas(width, self.height + 20 * len(rows), (left, top, 14, 40))
        first, last = self._days()
        room = max((last - first) * 0.03, 1.0)
        canvas.axes.set_xlim(first - room, last + room)
        canvas.axes.set_ylim(low, high)
        for tick, text in zip(ticks, shown, strict=True):
            strong = tick == 0 and low < 0
            shade = color("dim" if strong else "line")
            canvas.axes.axhline(tick, color=shade, linewidth=1, zorder=0)
            canvas.write(left - 6, tick, text, side="right", shade="dim", at="edge")
        for at, name, year in day_ticks(first, last, 4 if width < 450 else 7):
            canvas.write(at, 26, name, side="center", shade="dim", at="foot")
            canvas.write(at, 11, year, side="center", shade="dim", at="foot")
        self._draw(canvas)
        _write_legend(canvas, rows)
        return canvas

    def _legend(self) -> list[Named]:
        named = [
            Named(line.name, line.color, dashed=line.dashed, dot=not line.stroke)
            for line in self.series
            if line.name
        ]
        if self.band:
            named.append(Named(self.band.name, self.band.color, alpha=0.25))
        named += [Named(mark.name, mark.color) for mark in self.marks]
        if self.goal:
            named.append(Named(self.goal.name, "good", dashed=True))
        return named if len(named) > 1 else []

    def _days(self) -> tuple[float, float]:
        days = [number(at) for line in self.series for at, _ in line.points]
        days += [number(at) for at, *_ in (self.band.points if self.band else ())]
        days += [number(mark.at) for mark in self.marks]
        return min(days, default=0.0), max(days, default=1.0)

    def _heights(self) -> tuple[float, float]:
        if self.y_range:
            return self.y_range
        values = [v for line in self.series for _, v in line.points if v is not None]
        values += [end for _, *ends in (self.band.points if self.band else ()) for end in ends]
        for mark in self.marks:
            values += [mark.value, *(mark.inner or ()), *(mark.outer or ())]
        values += [self.goal.value] if self.goal else []
        return widened(min(values, default=0.0), max(values, default=1.0))

    def _draw(self, canvas: Canvas) -> None:
        axes = canvas.axes
        if self.band and self.band.points:
            days = [number(at) for at, *_ in self.band.points]
            lows = [low for _, low, _ in self.band.points]
            highs = [high for *_, high in self.band.points]
            shade = color(self.band.color)
            axes.fill_between(days, lows, highs, color=shade, alpha=0.18, linewidth=0)
        if self.goal:
            axes.axhline(self.goal.value, color=color("good"), linewidth=1.5, dashes=(5, 3))
        for line in self.series:
            axes.plot(
                [number(at) for at, _ in line.points],
                [math.nan if value is None else value for _, value in line.points],
                color=color(line.color),
                linewidth=2 if line.stroke else 0,
                linestyle=(0, (3, 2)) if line.dashed else "-",
                marker="o" if line.dots or len(line.points) == 1 else "",
                markersize=5 if line.stroke else 9,
            )
        for mark in self.marks:
            at, shade = number(mark.at), color(mark.color)
            for ends, weight in ((mark.outer, 1.5), (mark.inner, 5)):
                if ends:
                    axes.plot([at, at], ends, color=shade, linewidth=weight, alpha=0.55)
            axes.plot([at], [mark.value], color=shade, marker="D", markersize=7)


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, see `charts.bar_chart`."""

    items: tuple[Bar, ...]
    unit: str
    x_range: tuple[float, float] | None

    def drawn(self, width: int) -> Canvas:
        """The chart, so many pixels wide; a slim one has labels above the bars."""
        above = width < 450
        longest = 44 if above else 34
        labels = [cut(item.label, longest) for item in self.items]
        values = max((len(item.shown) for item in self.items), default=0) * LETTER + 10
        left = 4.0 if above else 12 + LETTER * max((len(text) for text in labels), default=0)
        step = ROW + 14 if above else ROW
        count = max(len(self.items), 1)
        canvas = Canvas(width, count * step + 8, (left, 4, values, 4))
        axes = canvas.axes
        axes.set_xlim(*self._reach())
        axes.set_ylim(count - 0.5, -0.5)
        axes.axvline(0, color=color("dim"), linewidth=1)
        thick = 16 / step
        for row, (item, label) in enumerate(zip(self.items, labels, strict=True)):
            middle = row + (0.16 if above else 0.0)
            shade = color(item.color)
            axes.barh(middle, item.value, thick, item.start, color=shade, linewidth=0)
            if item.low is not None and item.high is not None:
                ends = (item.low, item.high)
                axes.plot(ends, (middle, middle), color=color("ink"), linewidth=1.5)
            if above:
                canvas.write(left, row - 0.3, label, at="edge")
            else:
                canvas.write(left - 8, middle, label, side="right", at="edge")
            canvas.write(width - 2, middle, item.shown, side="right", bold=True, at="edge")
        return canvas

    def _reach(self) -> tuple[float, float]:
        if self.x_range:
            return self.x_range
        ends = [0.0]
        for item in self.items:
            ends += [item.start, item.start + item.value]
            ends += [end for end in (item.low, item.high) if end is not None]
        low, high = min(ends), max(ends)
        room = (high - low) * 0.02 or 1.0
        return low - (room if low < 0 else 0), high + room


@dataclass(frozen=True)
class Scatter:
    """Points beside the diagonal, see `charts.xy_chart`."""

    series: tuple[Dots, ...]
    x_label: str
    y_label: str
    unit: str
    limit: float | None

    def drawn(self, width: int) -> Canvas:
        """The chart, so many pixels wide; nearly square."""
        width = min(width, 460)
        highest = [max(x, y) for dots in self.series for x, y, _ in dots.points]
        limit = self.limit or widened(0, max(highest, default=1.0))[1]
        ticks = nice_ticks(0, limit, 5)
        shown = [_tick(tick, self.unit) for tick in ticks]
        left = 10 + LETTER * max(len(text) for text in shown)
        rows = _legend_rows([Named(dots.name, dots.color) for dots in self.series], width)
        top = 28 + 20 * len(rows)
        canvas = Canvas(width, int(width * 0.72) + top, (left, top, 16, 44))
        axes = canvas.axes
        axes.set_xlim(0, limit)
        axes.set_ylim(0, limit)
        for tick, text in zip(ticks, shown, strict=True):
            axes.axhline(tick, color=color("line"), linewidth=1, zorder=0)
            canvas.write(left - 6, tick, text, side="right", shade="dim", at="edge")
            canvas.write(tick, 32, text, side="center", shade="dim", at="foot")
        axes.plot([0, limit], [0, limit], color=color("dim"), linewidth=1, dashes=(4, 3))
        heaviest = max((w for dots in self.series for *_, w in dots.points), default=1.0) or 1.0
        for dots in self.series:
            for x, y, weight in dots.points:
                size = 5 + 9 * math.sqrt(max(weight, 0) / heaviest)
                shade = color(dots.color)
                axes.plot([x], [y], "o", color=shade, markersize=size, alpha=0.75, clip_on=False)
        canvas.write(width - 16, 12, self.x_label, side="right", shade="dim", at="figure")
        canvas.write(4, canvas.height - top + 14, self.y_label, shade="dim", at="figure")
        _write_legend(canvas, rows)
        return canvas


@dataclass(frozen=True)
class Spark:
    """A tiny line, see `charts.sparkline`."""

    values: tuple[float | None, ...]
    color: Token
    height: int

    def drawn(self, width: int) -> Canvas:
        """The line, so many pixels wide, in pixels: axes would cost more than all the rest."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Polygon

        canvas = Canvas(width, self.height, (EDGE, EDGE, EDGE, EDGE))
        places, shade = self._places(width), color(self.color)
        floor = self._height(0.0)

        def draw(points: Sequence[tuple[float, float]], tone: str = shade, **style: Any) -> None:
            xs, ys = zip(*points, strict=True)
            canvas.figure.add_artist(Line2D(xs, ys, color=tone, transform=None, **style))

        draw([(EDGE, floor), (width - EDGE, floor)], color("line"), linewidth=1)
        for part in _runs(places):
            if len(part) > 1:
                around = [(part[0][0], floor), *part, (part[-1][0], floor)]
                area = Polygon(around, color=shade, alpha=0.15, linewidth=0, transform=None)
                canvas.figure.add_artist(area)
                draw(part, linewidth=1.6)
            else:
                draw(part, marker="o", markersize=3)
        known = [place for place in places if place is not None]
        if known:
            draw(known[-1:], marker="o", markersize=4.5)
        return canvas

    def _places(self, width: int) -> list[tuple[float, float] | None]:
        """Where each value lies; None for a missing one."""
        step = (width - 2 * EDGE) / max(len(self.values) - 1, 1)
        return [
            None if value is None else (EDGE + step * i, self._height(value))
            for i, value in enumerate(self.values)
        ]

    def _height(self, value: float) -> float:
        known = [v for v in self.values if v is not None]
        low, high = min([0.0, *known]), max([0.0, *known])
        share = (value - low) / (high - low) if high > low else 0.0
        return EDGE + share * (self.height - 2 * EDGE)


def _runs(
    places: Sequence[tuple[float, float] | None],
) -> Iterator[list[tuple[float, float]]]:
    """The places between gaps."""
    for known, part in groupby(places, key=lambda place: place is not None):
        if known:
            yield [place for place in part if place is not None]


def widened(low: float, high: float) -> tuple[float, float]:
    """An interval with some room at both ends, never empty; an end at zero stays."""
    room = (high - low) * 0.08 or max(abs(high) * 0.1, 1.0)
    return (low if low == 0 else low - room), high + room


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers in ``[low, high]``, at most so many, evenly apart."""
    if not high > low:
        return [low]
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (size, 2 * size, 2.5 * size, 5 * size, 10 * size, 20 * size):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(index * step, 10) for index in range(first, last + 1)]
    return [low]


def day_ticks(first: float, last: float, most: int) -> Iterator[tuple[float, str, str]]:
    """Where days are written: the place, the month or day, the year where it is new.

    Months of ``[first, last]``, or single days of less than three months.
    """
    begin, end = date.fromordinal(max(int(first), 1)), date.fromordinal(max(math.ceil(last), 1))
    if (end - begin).days < 75:
        step = max(1, math.ceil(((end - begin).days + 1) / most))
        days = [date.fromordinal(n) for n in range(begin.toordinal(), end.toordinal() + 1, step)]
        names = [f"{day.day} {MONTHS[day.month - 1]}" for day in days]
    else:
        months = range(begin.year * 12 + begin.month - 1, end.year * 12 + end.month)
        step = next(s for s in (1, 2, 3, 6, 12, 24, 60, 120, 1200) if len(months) / s <= most)
        kept = [month for month in months if month % step == 0]
        days = [date(month // 12, month % 12 + 1, 1) for month in kept]
        names = [MONTHS[day.month - 1] for day in days]
    before = None
    for day, name in zip(days, names, strict=True):
        if first - 1 <= day.toordinal() <= last + 1:
            yield float(day.toordinal()), name, str(day.year) if day.year != before else ""
            before = day.year


def _tick(value: float, unit: str) -> str:
    text = f"{value:,.10g}".replace("-", "−")
    return f"{text} {unit}" if unit else text


@dataclass(frozen=True)
class Named:
    """What a legend tells of one line."""

    name: str
    color: Token
    dashed: bool = False
    alpha: float = 1.0
    dot: bool = False


Legend = list[list[tuple[float, Named]]]


def _legend_rows(named: Sequence[Named], width: int) -> Legend:
    """Names in rows that fit the width, each with the place where it starts."""
    rows: Legend = []
    reached = math.inf
    for item in named:
        wide = 34 + LETTER * len(cut(item.name, LONGEST_NAME))
        if reached + wide > width:
            rows.append([])
            reached = 4.0
        rows[-1].append((reached, item))
        reached += wide
    return rows


def _write_legend(canvas: Canvas, rows: Legend) -> None:
    from matplotlib.lines import Line2D

    for row, names in enumerate(rows):
        height = canvas.height - 12.0 - 20 * row
        for start, item in names:
            ends = [start + 8] if item.dot else [start, start + 16]
            stroke = Line2D(
                ends,
                [height] * len(ends),
                marker="o" if item.dot else "",
                markersize=8,
                color=color(item.color),
                alpha=item.alpha,
                linewidth=3 if item.alpha == 1 else 10,
                linestyle=(0, (1.5, 1)) if item.dashed else "-",
                solid_capstyle="butt",
                transform=None,
            )
            canvas.figure.add_artist(stroke)
            text = cut(item.name, LONGEST_NAME)
            canvas.write(start + 22, height, text, shade="dim", at="figure")
