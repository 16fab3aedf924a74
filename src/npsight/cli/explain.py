"""`npsight explain`: everything about one account."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsight.cli.common import (
    DEFAULT_CONFIG,
    Config,
    day,
    make_console,
    money,
    percent,
    signed,
    zone_of,
)
from npsight.errors import NotFoundError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.console import Console

    from npsight.config.specs import ProjectSpec
    from npsight.store import HistoryPoint, ScoreRow, ScoreRun, Store

BAR = 22
SHOWN_RISKS = 6
SHOWN_NAMES = 10


def explain_command(
    account: Annotated[
        str, typer.Argument(help="Key of the account, or the beginning of its name.")
    ],
    config: Config = DEFAULT_CONFIG,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the feature contributions to this PNG.")
    ] = None,
) -> None:
    """Show one account: numbers, history, drivers that add up, and what to do.

    Where no account has that key, it is looked for by the words of its name and key, as the search
    of the worklist page does.

    Example: npsight explain A000123 -c configs/demo.yaml --plot why.png
    """
    from npsight.config.load import load_project
    from npsight.jobs.files import write_atomically
    from npsight.jobs.plot import waterfall_png
    from npsight.store import open_project_store

    console = make_console()
    project = load_project(config)
    with closing(open_project_store(project)) as store:
        run = store.latest_run(project.name)
        row = _row(store, project, run, account)
        history = store.history(project.name, row.account)
    print_account(run, row, history, zone_of(project), console)
    if plot is not None:
        write_atomically(plot, waterfall_png(project, row.account))
        console.print(f"Drew {plot}", highlight=False, soft_wrap=True)


def _row(store: Store, project: ProjectSpec, run: ScoreRun, text: str) -> ScoreRow:
    """The account of that key, or the only one that is called so.

    Raises
    ------
    NotFoundError
        None is, or several are; these are named.
    """
    from npsight.service.accountkeys import as_stored
    from npsight.store.searchwords import accounts_called

    key = as_stored(text.strip(), project)
    if key in store.scores_of(run.id, [key]):
        return store.score(run.id, key)
    with store.reading() as connection:
        found = accounts_called(connection, project.name, run.id, text, SHOWN_NAMES + 1)
    if len(found) == 1:
        return store.score(run.id, found[0][0])
    if not found:
        raise NotFoundError(
            f"the run of {run.as_of:%Y-%m-%d} has no account with the key {text!r}, and none that "
            "is called so\n  → check the key or the name, or score again after it was added"
        )
    names = [f"{key} ({name})" if name else key for key, name in found[:SHOWN_NAMES]]
    more = " and others" if len(found) > SHOWN_NAMES else ""
    raise NotFoundError(
        f"no account has the key {text!r}, and several are called so\n"
        f"  → give the key of one: {', '.join(names)}{more}"
    )


def print_account(
    run: ScoreRun, row: ScoreRow, history: list[HistoryPoint], zone: ZoneInfo, console: Console
) -> None:
    """The account's numbers, those of earlier days, and drivers as a signed bar list."""
    from rich.text import Text

    console.print(Text(f"{row.name or row.account}", style="bold"), Text(row.account, style="dim"))
    facts = [
        ("owner", row.owner),
        ("segment", row.segment),
        ("revenue", money(row.revenue) if row.revenue is not None else None),
        ("renewal", f"{row.renewal_at:%Y-%m-%d}" if row.renewal_at else None),
        ("last answer", _last_answer(row, zone)),
        ("place on the list", f"{row.rank} ({row.priority_reason})" if row.rank else "not listed"),
    ]
    for name, value in facts:
        if value:
            console.print(Text(f"  {name:<18}", style="dim"), Text(str(value)))
    console.print(
        Text(f"  {'model':<18}", style="dim"),
        Text(f"version {run.model_version}, as of {run.as_of:%Y-%m-%d}"),
    )
    if earlier := _earlier(history):
        past = ", ".join(f"{p.as_of:%Y-%m-%d} {percent(_risk(p))}" for p in earlier[:SHOWN_RISKS])
        console.print(Text(f"  {'risk before':<18}", style="dim"), Text(past))
    if row.detractor_risk is not None:
        _print_drivers(
            f"Detractor risk {percent(row.detractor_risk)}", row.base_risk, row.drivers, console
        )
    if row.predicted_nps is not None:
        console.print(
            f"Next-period NPS [bold]{signed(row.predicted_nps)}[/] "
            f"(80 %: {signed(row.nps_low_80)} to {signed(row.nps_high_80)})"
        )
    if row.churn_risk is not None:
        _print_drivers(
            f"Churn risk {percent(row.churn_risk)}", row.base_churn, row.churn_drivers, console
        )


def _earlier(history: list[HistoryPoint]) -> list[HistoryPoint]:
    """The newest point of each day before the newest day; `history` has the newest run first."""
    by_day = {point.as_of: point for point in reversed(history)}
    return [by_day[at] for at in sorted(by_day, reverse=True)[1:]]


def _risk(point: HistoryPoint) -> float | None:
    return point.churn_risk if point.detractor_risk is None else point.detractor_risk


def _last_answer(row: ScoreRow, zone: ZoneInfo) -> str:
    if row.last_score is None:
        return "never"
    when = f" on {day(row.last_answer_at, zone)}" if row.last_answer_at else ""
    return f"{row.last_score:g} ({row.band_now}){when}"


def _print_drivers(
    title: str, base: float | None, drivers: list[dict[str, Any]], console: Console
) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print()
    console.print(f"[bold]{title}[/] = {percent(base)} on average and these points:")
    widest = max((abs(d["points"]) for d in drivers), default=0) or 1.0
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(justify="right")
    for _ in range(3):
        table.add_column()
    plays = []
    for driver in drivers:
        points = driver["points"]
        bar = "█" * max(1, round(BAR * abs(points) / widest)) if abs(points) >= 0.0005 else "·"
        table.add_row(
            f"{100 * points:+.1f}",
            Text(bar, style="red" if points > 0 else "green"),
            Text(driver["label"]),
            Text(driver["sentence"], style="dim"),
        )
        if points > 0 and driver["actionable"] and driver["play"]:
            plays.append(driver["play"])
    console.print(table)
    for play in plays[:2]:
        console.print(Text(f"→ {play}", style="bold"))
