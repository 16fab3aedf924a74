"""`npsight compare`: is the challenger better, and what would it change today?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, percent, say_engine, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from npsight.jobs.compare import Comparison, Side
    from npsight.jobs.comparetoday import Moves, Today
    from npsight.models.versus import Pair, Versus

_COLOURS = {"better": "green", "no difference": "yellow", "worse": "red", "not judged": "dim"}


def compare_command(
    config: Config = DEFAULT_CONFIG,
    version: Annotated[
        int | None,
        typer.Option(min=1, help="The candidate. Default: the challenger, else the newest."),
    ] = None,
    other: Annotated[
        int | None, typer.Option("--with", min=1, help="Held against it. Default: the champion.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="UTC instant on whose accounts both are shown. Default: as for `score`.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Also write both risks of every account: .csv or .parquet."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw both risks of every account to this PNG.")
    ] = None,
) -> None:
    """Hold two versions against each other: on the same rows, and on today's accounts.

    Nothing is promoted and nothing is stored.

    Example: npsight compare -c configs/demo.yaml --version 2 --with 1 --plot compared.png
    """
    from npsight.config.load import load_project
    from npsight.jobs.compare import compare
    from npsight.jobs.files import check_format, write_frame

    console = make_console()
    project = load_project(config)
    if output is not None:
        check_format(output)
    with steps(console) as step:
        found = compare(project, version, other, as_of, step)
    print_comparison(found, console)
    say_engine(project, console)
    if found.today is None:
        return
    if output is not None:
        write_frame(found.today.table(spreadsheet=output.suffix == ".csv"), output)
        count = len(found.today.accounts)
        console.print(f"Wrote {count:,} accounts to {output}", highlight=False, soft_wrap=True)
    if plot is not None:
        from npsight.jobs.files import write_atomically
        from npsight.jobs.pictures import both_risks

        write_atomically(plot, both_risks(found, project.worklist))
        console.print(f"Drew {plot}", highlight=False, soft_wrap=True)


def print_comparison(found: Comparison, console: Console) -> None:
    """What differs, both on days that neither has seen, both backtests, both today."""
    from rich.markup import escape

    ours, theirs = found.candidate.version, found.other.version
    console.print(
        f"\n[bold]{escape(_named(found.candidate))}[/] held against "
        f"[bold]{escape(_named(found.other))}[/]",
        highlight=False,
    )
    for sentence in found.differences or ("made alike: windows, peers, features, newest day",):
        console.print(f"  · {escape(sentence)}", highlight=False)
    title = "On days whose outcomes neither had seen"
    _print_versus(title, found.unseen, found.unseen_why_not, (theirs, ours), console)
    title = "In their backtests, on the rows that both tested"
    _print_versus(title, found.backtests, found.backtests_why_not, (theirs, ours), console)
    if found.today is None:
        console.print(f"\nNot shown on today's accounts: {escape(found.today_why_not)}.")
        return
    _print_today(found.today, (theirs, ours), console)


def _named(side: Side) -> str:
    alias = ", ".join(side.info.aliases)
    made = f"made {side.info.created_at:%Y-%m-%d %H:%M} UTC"
    return f"Version {side.version} ({alias + ', ' if alias else ''}{made})"


def _print_versus(
    title: str,
    found: Sequence[Versus],
    why_not: str,
    versions: tuple[int, int],
    console: Console,
) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not found:
        console.print(f"\n{title}: not shown, {escape(why_not)}.", highlight=False)
        return
    days = sorted({day for versus in found for day in versus.days})
    span = days[0] if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
    table = Table(title=f"\n{title}: {span}", title_justify="left")
    table.add_column("risk")
    table.add_column("figure")
    heads = (f"version {versions[0]}", f"version {versions[1]}", "gain, 95 % interval")
    for head in heads:
        table.add_column(head, justify="right")
    table.add_column(f"version {versions[1]} is")
    for versus in found:
        judgement = versus.judgement
        said = f"[{_COLOURS[judgement]}]{judgement}[/]"
        about = f"{versus.part}\n[dim]{versus.rows:,} rows of {versus.accounts:,} accounts[/]"
        for n, (name, pair) in enumerate(versus.figures.items()):
            table.add_row(
                about if n == 0 else "",
                _FIGURES[name],
                _figure(pair.other),
                _figure(pair.candidate),
                _gain(pair),
                said if n == 0 else "",
                end_section=n == len(versus.figures) - 1,
            )
    console.print(table)


_FIGURES = {"log_loss": "log loss, nats", "brier": "Brier", "auc": "AUC"}


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _gain(pair: Pair) -> str:
    if pair.gain is None:
        return "–"
    bounds = pair.interval
    return f"{pair.gain:+.4f}" + (f" ({bounds.low:+.4f} to {bounds.high:+.4f})" if bounds else "")


def _print_today(today: Today, versions: tuple[int, int], console: Console) -> None:
    theirs, ours = versions
    console.print(
        f"\n[bold]On the {len(today.accounts):,} accounts of {today.as_of:%Y-%m-%d}[/]",
        highlight=False,
    )
    listed = today.listed
    console.print(
        f"Calls of the week: {listed.other:,} by version {theirs}, {listed.candidate:,} by "
        f"version {ours}, {listed.both:,} by both.",
        highlight=False,
    )
    for moves in today.moves:
        _print_moves(moves, versions, len(today.accounts), console)


def _print_moves(moves: Moves, versions: tuple[int, int], accounts: int, console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    theirs, ours = versions
    alike = "" if moves.correlation is None else f"; rank correlation {moves.correlation:.3f}"
    steps_said = ", ".join(
        f"{count:,} from {was} to {now}"
        for (was, now), count in sorted(moves.levels.items(), key=lambda item: -item[1])
        if was != now
    )
    console.print(
        f"Mean {moves.target} risk {percent(moves.mean_other)} by version {theirs}, "
        f"{percent(moves.mean_candidate)} by version {ours}{alike}. {moves.changed:,} of "
        f"{accounts:,} change their risk level{': ' + steps_said if steps_said else ''}.",
        highlight=False,
        soft_wrap=True,
    )
    if not moves.movers:
        return
    table = Table(title=f"Whose {moves.target} risk moves most", title_justify="left")
    table.add_column("account")
    for head in (f"version {theirs}", f"version {ours}"):
        table.add_column(head, justify="right")
    table.add_column("mostly by")
    for mover in moves.movers:
        name = f" [dim]{escape(mover.name)}[/]" if mover.name else ""
        table.add_row(
            f"{escape(mover.account)}{name}",
            percent(mover.other),
            percent(mover.candidate),
            f"{escape(mover.driver)} ({mover.points:+.1f} points)",
        )
    console.print(table)
