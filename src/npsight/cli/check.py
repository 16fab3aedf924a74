"""`npsight check`: look at the data before anything is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npsight.cli.common import DEFAULT_CONFIG, Config, day, make_console, say_engine, zone_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.console import Console

    from npsight.jobs.check import CheckReport, PeriodAnswers

_SHOWN_PERIODS = 16
_BAR = 24
# Shades beside colours, so that the bar reads without them too.
_BANDS = (("red", "█"), ("yellow", "▒"), ("green", "░"))


def check_command(
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Read every table, count what is good, bad and answered, and warn of what will disappoint.

    Example: npsight check -c configs/demo.yaml
    """
    from npsight.config.load import load_project
    from npsight.jobs.check import check

    console = make_console()
    project = load_project(config)
    with console.status("reading the tables") as status:
        report = check(project, status.update)
    print_report(report, console, zone_of(project))
    say_engine(project, console, "Features will be built on")


def print_report(report: CheckReport, console: Console, zone: ZoneInfo) -> None:
    """Write a report to a terminal; the days of the facts are those of the zone."""
    _print_tables(report, console, zone)
    _print_quarantine(report, console)
    if report.periods:
        _print_periods(report, console)
    _print_summary(report, console)
    for warning in report.warnings:
        console.print(f"[yellow]![/yellow] {_escape(str(warning))}", highlight=False)
    if not report.warnings:
        console.print("[green]✓[/green] nothing to warn of")


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _print_tables(report: CheckReport, console: Console, zone: ZoneInfo) -> None:
    from rich.table import Table

    table = Table(title=f"Tables of {report.project}", title_justify="left")
    for heading in ("table", "rows", "good", "not yet", "bad", "from", "to"):
        table.add_column(heading, justify="left" if heading == "table" else "right")
    for line in report.tables:
        table.add_row(
            line.key.removeprefix("tables."),
            f"{line.rows:,}",
            f"{line.good:,}",
            f"{line.skipped:,}" if line.skipped else "",
            f"[red]{line.quarantined:,}[/red]" if line.quarantined else "",
            day(line.first_at, zone) if line.first_at else "",
            day(line.last_at, zone) if line.last_at else "",
        )
    console.print(table)


def _print_quarantine(report: CheckReport, console: Console) -> None:
    for line in report.tables:
        if not (line.faults or line.notes):
            continue
        where = f" (kept in {line.quarantine_file})" if line.quarantine_file else ""
        console.print(f"[bold]{_escape(line.key)}[/bold]{_escape(where)}", highlight=False)
        for fault in line.faults:
            mark = "[yellow]~[/yellow]" if fault.kept else "[red]✗[/red]"
            console.print(f"  {mark} {_escape(str(fault))}", highlight=False)
        for what, rows in line.notes:
            console.print(f"  [yellow]~[/yellow] {_escape(what)}: {rows:,}", highlight=False)


def _print_periods(report: CheckReport, console: Console) -> None:
    from rich.table import Table

    table = Table(title="Answers by period", title_justify="left")
    table.add_column("from")
    table.add_column("answers", justify="right")
    table.add_column("detractors █ passives ▒ promoters ░")
    table.add_column("NPS", justify="right")
    for period in report.periods[-_SHOWN_PERIODS:]:
        nps = "" if period.nps is None else f"{period.nps:+.0f}"
        table.add_row(f"{period.start:%Y-%m-%d}", f"{period.answers:,}", bar(period), nps)
    console.print(table)
    earlier = len(report.periods) - _SHOWN_PERIODS
    if earlier > 0:
        console.print(f"  and {earlier} earlier periods")


def bar(period: PeriodAnswers) -> str:
    """The shares of the three bands as a bar of fixed width, in markup; empty without answers."""
    if not period.answers:
        return ""
    counts = (period.detractors, period.passives, period.promoters)
    edges = [round(_BAR * sum(counts[:i]) / period.answers) for i in range(4)]
    return "".join(
        f"[{colour}]{shade * (edges[i + 1] - edges[i])}[/{colour}]"
        for i, (colour, shade) in enumerate(_BANDS)
    )


def _print_summary(report: CheckReport, console: Console) -> None:
    silent = ""
    if report.never_answered is not None:
        silent = f", {report.never_answered:.0%} of them never answered"
    console.print(f"{report.accounts:,} accounts{silent}; {report.features} features")
    for target in report.targets:
        days = "one snapshot" if report.is_snapshot else f"{target.days} training days"
        span = f" ({target.first:%Y-%m-%d} to {target.last:%Y-%m-%d})" if target.first else ""
        console.print(f"target {target.target}: {days}{span}", highlight=False)
