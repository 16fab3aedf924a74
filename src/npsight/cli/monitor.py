"""`npsight monitor`: what came of earlier scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import (
    DEFAULT_CONFIG,
    Config,
    make_console,
    percent,
    say_engine,
    signed,
    steps,
)

if TYPE_CHECKING:
    from rich.console import Console

    from npsight.jobs.monitor import Monitored, NpsFound, TargetFound
    from npsight.jobs.scoring.came import Came

_COLOURS = {
    "as forecast": "green",
    "more than forecast": "red",
    "less than forecast": "yellow",
}
SHOWN_DAYS = 13
"""A quarter of weeks."""


def monitor_command(
    config: Config = DEFAULT_CONFIG,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Also write every forecast with its outcome: .csv or .parquet."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw forecast and outcome by day to this PNG.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Exit with code 12 where more came than forecast or a risk no longer ranks.",
        ),
    ] = False,
) -> None:
    """Hold earlier scores against what came: is the model that is in use still right?

    Judged is each forecast whose outcome window has ended. Nothing is changed.

    Example: npsight monitor -c configs/demo.yaml --plot monitor.png
    """
    from npsight.config.load import load_project
    from npsight.jobs.files import cell, check_format, write_frame
    from npsight.jobs.monitor import ensure_right, monitor

    console = make_console()
    project = load_project(config)
    if output is not None:
        check_format(output)
    with steps(console) as step:
        found = monitor(project, step)
    print_monitored(found, console)
    say_engine(project, console, "Outcomes read on")
    if output is not None:
        in_sheet = output.suffix == ".csv"
        write_frame(found.outcomes.map(lambda v: cell(v, spreadsheet=in_sheet)), output)
        count = len(found.outcomes)
        console.print(f"Wrote {count:,} forecasts to {output}", highlight=False, soft_wrap=True)
    if plot is not None and found.targets:
        from npsight.jobs.files import write_atomically
        from npsight.jobs.pictures import forecasts_and_outcomes

        write_atomically(plot, forecasts_and_outcomes(found))
        console.print(f"Drew {plot}", highlight=False, soft_wrap=True)
    if strict:
        ensure_right(project, found)


def print_monitored(found: Monitored, console: Console) -> None:
    """Each target in words and by level, the last days, and what is still open."""
    from rich.markup import escape

    first, last = f"{found.kept[0]:%Y-%m-%d}", f"{found.kept[-1]:%Y-%m-%d}"
    days = (
        f"of {first}" if len(found.kept) == 1 else f"of {len(found.kept)} days, {first} to {last}"
    )
    console.print(
        f"\nForecasts {days}; the data reach to {found.data_end:%Y-%m-%d %H:%M}Z.", highlight=False
    )
    for target in found.targets:
        _print_target(target, console)
        _print_levels(target.came, console)
        _print_days(target.came, console)
    if found.nps:
        _print_nps(found.nps, console)
    for name, (day, end) in found.next_day.items():
        console.print(
            f"\n[bold]{_title(name)}[/]: nothing to judge yet. The forecast of {day:%Y-%m-%d} is "
            f"judged once the data reach {end:%Y-%m-%d %H:%M}Z.",
            highlight=False,
        )
    for sentence in found.left_out:
        console.print(f"[bold yellow]![/] left out: {escape(sentence)}", highlight=False)


def _title(target: str) -> str:
    return f"{target.capitalize()} risk"


def _print_target(target: TargetFound, console: Console) -> None:
    came = target.came
    colour = _COLOURS[came.verdict]
    console.print(
        f"\n[bold]{_title(target.target)}[/]: {came.rows:,} forecasts of {came.accounts:,} "
        f"accounts, on {len(came.days)} day{'' if len(came.days) == 1 else 's'}",
        highlight=False,
    )
    console.print(
        f"  forecast {percent(came.forecast)}, came {percent(came.came)} (95 %: "
        f"{percent(came.between.low)} to {percent(came.between.high)}): "
        f"[{colour}]{came.verdict}[/]",
        highlight=False,
    )
    console.print(f"  {_ranking(target)}", highlight=False)
    gain = target.against_prior.figures["log_loss"]
    if gain.gain is not None and gain.interval is not None:
        judged = {"better": "better than", "worse": "worse than"}.get(
            target.against_prior.judgement, "no different from"
        )
        console.print(
            f"  {judged} its prior: log loss lower by {gain.gain:+.4f} nats (95 %: "
            f"{gain.interval.low:+.4f} to {gain.interval.high:+.4f})",
            highlight=False,
        )


def _ranking(target: TargetFound) -> str:
    pair = target.against_level.figures["auc"]
    if pair.candidate is None or pair.interval is None:
        return "AUC: too little came to tell whether it ranks accounts"
    said = "[green]ranks[/]" if target.ranks else "[red]ranks no better than chance[/]"
    promised = "" if target.promised is None else f"; the backtest said {target.promised:.3f}"
    return (
        f"AUC {pair.candidate:.3f} (95 %: {0.5 + pair.interval.low:.3f} to "
        f"{0.5 + pair.interval.high:.3f}): {said}{promised}"
    )


def _print_levels(came: Came, console: Console) -> None:
    from rich.table import Table

    table = Table(show_edge=False, pad_edge=False)
    for n, heading in enumerate(("risk level", "forecasts", "forecast", "came", "95 %")):
        table.add_column(heading, justify="left" if n == 0 else "right")
    for level in came.levels:
        found = level.found
        between = f"{percent(found.low)} to {percent(found.high)}" if found.rows else "–"
        table.add_row(
            found.level,
            f"{found.rows:,}",
            percent(level.forecast),
            percent(found.observed),
            between,
        )
    console.print(table)


def _print_days(came: Came, console: Console) -> None:
    from rich.table import Table

    if len(came.days) < 2:
        return
    shown = came.days[-SHOWN_DAYS:]
    some = "" if len(shown) == len(came.days) else f", the last {len(shown)}"
    table = Table(title=f"\n{_title(came.target)} by day{some}", title_justify="left")
    for n, heading in enumerate(("day", "version", "forecasts", "forecast", "came")):
        table.add_column(heading, justify="left" if n == 0 else "right")
    for day in shown:
        table.add_row(
            f"{day.as_of:%Y-%m-%d}",
            str(day.version),
            f"{day.rows:,}",
            percent(day.forecast),
            percent(day.came),
        )
    console.print(table)


def _print_nps(days: tuple[NpsFound, ...], console: Console) -> None:
    from rich.table import Table

    table = Table(title="\nNPS of those who answered", title_justify="left")
    for n, heading in enumerate(("day", "version", "answers", "forecast", "came")):
        table.add_column(heading, justify="left" if n == 0 else "right")
    for day in days[-SHOWN_DAYS:]:
        table.add_row(
            f"{day.as_of:%Y-%m-%d}",
            str(day.version),
            f"{day.answers:,}",
            signed(day.forecast),
            signed(day.came),
        )
    console.print(table)
