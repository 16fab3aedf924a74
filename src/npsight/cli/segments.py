"""`npsight segments`: NPS now and next by attribute, goals, and what a difference means."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import (
    DEFAULT_CONFIG,
    Config,
    make_console,
    money,
    percent,
    say_engine,
    signed,
    steps,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from npsight.jobs.segmenting.report import Segment, SegmentsReport
    from npsight.jobs.training.association import LossByBand
    from npsight.models.forecast import Forecast
    from npsight.models.reported import Difference, Reported

SHOWN_PERIODS = 8
SHOWN_DRIVERS = 2
LEAST_POINTS = 0.0005
"""A driver below this, in probability, would be shown as 0.0."""


def segments_command(
    config: Config = DEFAULT_CONFIG,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            help="Attribute of the accounts, or `owner`; may be given several times. Default: "
            "the `segments` of the project file.",
        ),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="UTC instant to report for. Default: the midnight after the last fact.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write a .csv or .parquet file.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write everything there.", dir_okay=False)
    ] = None,
) -> None:
    """Show NPS now and next by segment, what a difference means, and how the goals stand.

    Example: npsight segments -c configs/demo.yaml --by plan --by region -o segments.csv
    """
    from npsight.config.load import load_project
    from npsight.jobs.files import check_format
    from npsight.jobs.segmenting.files import write_json, write_table
    from npsight.jobs.segments import segments

    console = make_console()
    project = load_project(config)
    if output is not None:
        check_format(output)
    with steps(console) as step:
        report = segments(project, by or (), as_of, step)
    print_segments(report, console)
    say_engine(project, console)
    if output is not None:
        count = write_table(report, output)
        console.print(f"Wrote {count} segments to {output}", highlight=False, soft_wrap=True)
    if json_file is not None:
        write_json(report, json_file)
        console.print(f"Wrote {json_file}", highlight=False, soft_wrap=True)


def print_segments(report: SegmentsReport, console: Console) -> None:
    """The company, its history, each attribute's values, the goals."""
    has_nps = report.company.next_reported is not None or report.company.now is not None
    console.print(
        f"\n[bold]Segments of {report.project}[/], as of {report.as_of:%Y-%m-%d}, model version "
        f"{report.model_version}",
        highlight=False,
    )
    if has_nps:
        _print_history(report, console)
    _print_table(report, "", (report.company,), console)
    for name, group in report.groups.items():
        _print_table(report, name, group, console)
        if has_nps:
            _print_against(report, name, group, console)
    if report.losses is not None:
        _print_losses(report.losses, console)
    if report.churn_by_horizon:
        told = ", ".join(f"{days} days {risk:.1%}" for days, risk in report.churn_by_horizon)
        console.print(f"\n[bold]Mean churn risk within[/] {told}", highlight=False, soft_wrap=True)
    _print_notes(report, console)


def _print_history(report: SegmentsReport, console: Console) -> None:
    from rich.table import Table

    history = report.company.history
    title = f"NPS as reported, periods of {report.period_days} days"
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in ("from", "to, excluded"):
        table.add_column(heading)
    for heading in ("accounts", "answers", "NPS", "80 %", "95 %"):
        table.add_column(heading, justify="right")
    for period in history[-SHOWN_PERIODS:]:
        found = period.reported
        table.add_row(
            f"{period.start:%Y-%m-%d}",
            f"{period.end:%Y-%m-%d}",
            f"{found.accounts:,}",
            f"{found.answers:,}",
            signed(found.nps),
            _span(*found.interval(80)) if found.answers else "–",
            _span(*found.interval(95)) if found.answers else "–",
        )
    console.print()
    console.print(table)
    if len(history) > SHOWN_PERIODS:
        console.print(f"[dim]and {len(history) - SHOWN_PERIODS} earlier periods[/]")


def _print_table(
    report: SegmentsReport, name: str, group: tuple[Segment, ...], console: Console
) -> None:
    from rich.table import Table
    from rich.text import Text

    title = f"By {name}" if name else "The company"
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    table.add_column(name or "all", min_width=12, overflow="fold")
    table.add_column("accounts", justify="right", no_wrap=True)
    columns = _columns(report)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for segment in group:
        cells = _cells(segment)
        table.add_row(
            _value(segment),
            f"{segment.accounts:,}",
            *(cells[heading] for heading in columns),
        )
    console.print()
    console.print(table)
    for segment in group:
        if told := _drivers(segment):
            console.print(Text(f"  {segment.value}: {told}", style="dim"), soft_wrap=True)


def _columns(report: SegmentsReport) -> list[str]:
    """The columns that anything stands in."""
    company = report.company
    shown = {
        "answers": company.now is not None,
        "NPS now, 80 %": company.now is not None,
        "next, 80 %": company.next_reported is not None,
        "change": company.change is not None,
        "if all": company.next_everyone is not None,
        "risk": company.detractor_risk is not None,
        "churn": company.churn_risk is not None,
        "revenue": company.revenue is not None,
    }
    return [heading for heading, some in shown.items() if some]


def _cells(segment: Segment) -> dict[str, str]:
    everyone = segment.next_everyone
    return {
        "answers": f"{segment.now.answers:,}" if segment.now else "–",
        "NPS now, 80 %": _now(segment.now),
        "next, 80 %": _next(segment.next_reported),
        "change": _change(segment.change),
        "if all": signed(everyone.nps if everyone else None),
        "risk": percent(segment.detractor_risk),
        "churn": percent(segment.churn_risk),
        "revenue": money(segment.revenue),
    }


def _now(found: Reported | None) -> str:
    if found is None or found.answers == 0:
        return "–"
    return f"{signed(found.nps)} ({_span(*found.interval(80))})"


def _next(forecast: Forecast | None) -> str:
    if forecast is None:
        return "–"
    return f"{signed(forecast.nps)} ({_span(forecast.low_80, forecast.high_80)})"


def _change(change: Difference | None) -> str:
    """With a star where chance alone makes it less than one time in twenty."""
    if change is None:
        return "–"
    return signed(change.points) + ("*" if change.chance < 0.05 else " ")


def _span(low: float, high: float) -> str:
    return f"{low:+.0f}…{high:+.0f}"


def _value(segment: Segment) -> Text:
    from rich.text import Text

    from npsight.jobs.segmenting.report import benchmark_words

    text = Text(segment.value, style="bold")
    for benchmark in segment.benchmarks:
        text.append(f"\npublished: {benchmark_words(benchmark)}", style="dim not bold")
    return text


def _drivers(segment: Segment) -> str:
    main = [d for d in segment.drivers if abs(d.points) >= LEAST_POINTS][:SHOWN_DRIVERS]
    return ", ".join(f"{d.label} {100 * d.points:+.1f}" for d in main)


def _print_against(
    report: SegmentsReport, name: str, group: tuple[Segment, ...], console: Console
) -> None:
    from rich.table import Table
    from rich.text import Text

    if len(group) < 2 or not any(segment.against for segment in group):
        return
    table = Table(
        title=Text(f"By {name}: the last {report.period_days} days against all other accounts"),
        title_justify="left",
        title_style="bold",
    )
    table.add_column(name)
    for heading in (
        "difference",
        "95 %",
        "more than chance",
        "tells from",
        "answers",
        "needed to tell 10",
    ):
        table.add_column(heading, justify="right")
    for segment in group:
        found, answers = segment.against, segment.now.answers if segment.now else 0
        if found is None:
            table.add_row(Text(segment.value), "–", "–", "–", "–", f"{answers:,}", "–")
            continue
        table.add_row(
            Text(segment.value),
            signed(found.difference.points),
            _span(*found.difference.interval(95)),
            "yes" if found.beyond_chance else "no",
            f"{found.smallest_telling:.0f}",
            f"{answers:,}",
            f"{found.needed:,}",
        )
    console.print(table)


def _print_losses(losses: LossByBand, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    gap, horizon = losses.window.gap_days, losses.window.horizon_days
    title = (
        f"Lost {gap} to {gap + horizon} days later, by the newest answer "
        f"({losses.days} days, {losses.first:%Y-%m-%d} to {losses.last:%Y-%m-%d})"
    )
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    table.add_column("newest answer")
    for heading in ("accounts", "account-days", "lost accounts", "lost", "95 %"):
        table.add_column(heading, justify="right")
    for band in losses.found.bands:
        table.add_row(
            band.band,
            f"{band.accounts:,}",
            f"{band.rows:,}",
            f"{band.lost_accounts:,}",
            f"{band.share:.1%}" if band.rows else "–",
            f"{band.low_95:.1%}…{band.high_95:.1%}" if band.rows else "–",
        )
    console.print()
    console.print(table)
    for sentence in losses.sentences:
        console.print(Text(f"  {sentence}"), soft_wrap=True)


def _print_notes(report: SegmentsReport, console: Console) -> None:
    from rich.text import Text

    lines = []
    if report.company.now is not None:
        lines.append(
            f"now: answers of the {report.period_days} days before {report.as_of:%Y-%m-%d}."
        )
    if report.window is not None and report.company.next_reported is not None:
        gap, horizon = report.window.gap_days, report.window.horizon_days
        lines.append(
            f"next: answers {gap} to {gap + horizon} days after it, as the survey will report "
            "them (if all: as if every account answered); * the change is more than chance (95 %)."
        )
    if any(segment.against for segment in report.segments()):
        lines.append(
            "more than chance: at 95 % for all values of the attribute together. tells from: a "
            "true difference of so many points is found four times in five."
        )
    lines.append("Below each table: mean percentage points that drivers add to the risk.")
    console.print()
    for line in lines:
        console.print(Text(line, style="dim"), soft_wrap=True)
    if report.goals:
        console.print("\n[bold]Goals[/]")
    colours = {"on course": "green", "reached": "green", "off course": "red", "missed": "red"}
    for goal in report.goals:
        sign = Text("• ", style=colours.get(goal.course, "yellow"))
        console.print(sign + Text(goal.sentence), highlight=False, soft_wrap=True)
    for warning in report.warnings:
        console.print(Text("! ", style="yellow") + Text(warning), highlight=False, soft_wrap=True)
