"""Pictures of a report as inline SVG that takes its colours from the page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from npsight.jobs.evaluations.found import Drivers, LearningCurve, TargetFound
from npsight.models.contest import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, GRID = "#010101", "#020202", "#030303"
LINES = ("#040404", "#050505", "#060606", "#070707", "#080808", "#090909")
COLOURS = {INK: "ink", QUIET: "quiet", GRID: "grid"} | {
    colour: f"line{i}" for i, colour in enumerate(LINES, start=1)
}
"""Drawn colour -> the page's variable that stands for it."""
SETTINGS: dict[Any, Any] = {
    # A dollar sign in a label starts no formula.
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "npsight",
    "font.size": 13,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
MOST_LINES = len(LINES)
MARKERS = "osD^vP"
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


@dataclass(frozen=True)
class Picture:
    """An SVG element and what it shows, in words, for those who cannot see it."""

    name: str
    caption: str
    alt: str
    svg: str


def calibration(found: TargetFound) -> Picture:
    """Predicted against observed share of groups of like risk, chosen and prior."""
    n = sum(s.rows for s in found.standings if s.contender == "chosen" and s.origin != ALL)
    chosen = [p for p in found.curve if p.contender == "chosen"]
    worst = max(chosen, key=lambda p: abs(p.predicted - p.observed))

    def draw(axes: Axes) -> None:
        top = max(max(p.predicted, p.high) for p in chosen)
        axes.plot([0, 100 * top], [0, 100 * top], color=QUIET, linewidth=1, label="exact")
        for i, name in enumerate(dict.fromkeys(p.contender for p in found.curve)):
            points = [p for p in found.curve if p.contender == name]
            x, y = [100 * p.predicted for p in points], [100 * p.observed for p in points]
            axes.plot(
                x, y, MARKERS[i], linestyle=DASHES[i], color=LINES[i], label=name, markersize=5
            )
            if name == "chosen":
                low, high = [100 * p.low for p in points], [100 * p.high for p in points]
                axes.vlines(x, low, high, color=LINES[i], linewidth=1)
        axes.set(xlabel="predicted, %", ylabel="observed, %")
        axes.legend(fontsize=11)

    return _picture(
        f"calibration-{found.name}",
        f"{found.title}: predicted and observed share of {found.event}, in ten groups of equal "
        f"weight, over all origins; n = {n:,} rows. Bars: 95 % interval of the observed share.",
        f"Calibration curve. The chosen model's groups run from {_percent(chosen[0].predicted)} "
        f"predicted and {_percent(chosen[0].observed)} observed to "
        f"{_percent(chosen[-1].predicted)} and {_percent(chosen[-1].observed)}; the largest gap is "
        f"at {_percent(worst.predicted)} predicted, {_percent(worst.observed)} observed.",
        draw,
    )


def learning(found: TargetFound, curve: LearningCurve) -> Picture:
    """Log loss on the newest origin by how much history was learned from."""
    parts = [100 * p.part for p in curve.points]
    losses = [p.log_loss for p in curve.points]

    def draw(axes: Axes) -> None:
        axes.plot(parts, losses, "o-", color=LINES[0])
        for part, point in zip(parts, curve.points, strict=True):
            if point.interval is not None:
                axes.vlines(
                    part, point.interval.low, point.interval.high, color=LINES[0], linewidth=1
                )
        what = "history" if curve.by_time else "accounts"
        axes.set(xlabel=f"part of the {what} learned from, %", ylabel="log loss, nats a row")
        axes.set_xticks(parts)

    told = "; ".join(f"{a:.0f} % gives {b:.4f}" for a, b in zip(parts, losses, strict=True))
    n = curve.points[-1].tested
    return _picture(
        f"learning-{found.name}",
        f"{found.title}: log loss at {curve.origin} (n = {n:,} rows) by the part learned from; "
        "lower is better. Bars: 95 % interval by account.",
        f"Learning curve, log loss in nats a row: {told}.",
        draw,
    )


def stability(found: Drivers) -> Picture:
    """Mean size of the largest drivers at each origin."""
    shown = found.drivers[:MOST_LINES]
    scale, unit = (1.0, "NPS points") if found.target == "nps" else (100.0, "percentage points")

    def draw(axes: Axes) -> None:
        for i, driver in enumerate(shown):
            values = [scale * v for v in driver.by_origin]
            axes.plot(
                range(len(values)),
                values,
                MARKERS[i],
                linestyle=DASHES[i],
                color=LINES[i],
                label=driver.label,
            )
        axes.set_xticks(range(len(found.origins)), found.origins)
        axes.set(ylabel=f"mean size, {unit}")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=11)

    told = "; ".join(
        f"{d.label}: {', '.join(f'{scale * v:.1f}' for v in d.by_origin)}" for d in shown
    )
    counts = " / ".join(f"{n:,}" for n in found.origin_rows)
    return _picture(
        f"stability-{found.target}",
        f"Mean size of the largest drivers by the model of each origin, in {unit}; "
        f"n = {counts} rows.",
        f"Driver sizes by origin ({', '.join(found.origins)}), in {unit}. {told}.",
        draw,
    )


def scores(found: TargetFound) -> Picture:
    """How the risks of all accounts are spread."""
    bins = found.scores.bins
    used = max((i for i, b in enumerate(bins) if b.accounts), default=0)
    shown = bins[: used + 1]

    def draw(axes: Axes) -> None:
        axes.bar(
            [100 * b.low for b in shown],
            [b.accounts for b in shown],
            width=[100 * (b.high - b.low) * 0.92 for b in shown],
            align="edge",
            color=LINES[0],
        )
        axes.set(xlabel="risk, %", ylabel="accounts")

    largest = max(shown, key=lambda b: b.accounts)
    return _picture(
        f"scores-{found.name}",
        f"{found.title} of every account on {found.scores.day}; n = {found.scores.accounts:,} "
        "accounts, with an outcome or without.",
        f"Histogram of risk. Most accounts, {largest.accounts:,}, lie between "
        f"{_percent(largest.low)} and {_percent(largest.high)}; none above "
        f"{_percent(shown[-1].high)}.",
        draw,
    )


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _picture(name: str, caption: str, alt: str, draw: Callable[[Any], None]) -> Picture:
    import matplotlib
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(6.0, 4.0), layout="constrained")
        draw(figure.subplots())
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return Picture(name, caption, alt, themed(buffer.getvalue(), name))


def themed(svg: str, name: str) -> str:
    """The bare `<svg>` element, its colours the page's variables, its ids made its own.

    Ids of several pictures on one page would clash; size and fonts are left to the page.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style type=\"text/css\">.*?</style>", "", body, flags=re.DOTALL)
    # What the page must know is the shape alone: `viewBox` says it.
    body = re.sub(r"^<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", r"<svg \1>", body)
    for colour, variable in COLOURS.items():
        body = body.replace(colour, f"var(--{variable})")
    body = body.replace("fill: none", "fill:none")
    body = re.sub(r"'DejaVu Sans'[^;\"]*", "inherit-font", body)
    body = body.replace("inherit-font", "system-ui, sans-serif")
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', body)
    return body.strip()
