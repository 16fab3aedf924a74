"""`npsight worklist`: whom to call this week, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsight.cli.common import (
    DEFAULT_CONFIG,
    Config,
    make_console,
    money,
    percent,
    say_unranked,
    signed,
)

if TYPE_CHECKING:
    from rich.console import Console

    from npsight.config.specs import ProjectSpec
    from npsight.store import ScoreRow, ScoreRun

COLOURS = {"high": "red", "medium": "yellow", "low": "green"}


def worklist_command(
    config: Config = DEFAULT_CONFIG,
    owner: Annotated[str | None, typer.Option(help="Only this owner's accounts.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many accounts to show.")] = 12,
) -> None:
    """Print the ranked list of the latest scores.

    Example: npsight worklist -c configs/demo.yaml --owner "Ada Park" --top 12
    """
    from npsight.config.load import load_project
    from npsight.errors import NotFoundError
    from npsight.jobs.export import latest
    from npsight.jobs.scoring.unranked import unranked_parts

    project = load_project(config)
    run, rows = latest(project, ranked_only=True)
    if owner is not None:
        owners = sorted({row.owner for row in rows if row.owner})
        rows = [row for row in rows if row.owner == owner]
        if not rows:
            some = ", ".join(owners[:8]) or "none has an owner"
            raise NotFoundError(f"no listed account belongs to {owner!r}\n  → owners are: {some}")
    console = make_console()
    print_worklist(project, run, rows, top, console)
    ranked_by = "churn" if _by_churn(project) else "detractor"
    say_unranked([p for p in unranked_parts(project, run) if p == ranked_by], console)


def _by_churn(project: ProjectSpec) -> bool:
    return project.worklist.target == "churn" or project.detractor is None


def print_worklist(
    project: ProjectSpec, run: ScoreRun, rows: list[ScoreRow], top: int, console: Console
) -> None:
    """The first `top` rows as a table, each with its two main reasons below."""
    from rich.table import Table
    from rich.text import Text

    has_nps = any(row.predicted_nps is not None for row in rows)
    by_churn = _by_churn(project)
    table = Table(
        title=f"Worklist of {project.name}, as of {run.as_of:%Y-%m-%d}",
        title_justify="left",
        title_style="bold",
        show_lines=True,
        expand=True,
    )
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("account and why", ratio=1)
    table.add_column("now", no_wrap=True)
    table.add_column("churn risk" if by_churn else "risk", justify="right", no_wrap=True)
    if has_nps:
        table.add_column("next NPS", justify="right", no_wrap=True)
    for row in rows[:top]:
        risk = row.churn_risk if by_churn else row.detractor_risk
        cells: list[Any] = [
            str(row.rank),
            _account(row, by_churn),
            row.band_now or "–",
            Text(percent(risk), style=COLOURS.get(row.risk_level or "", "")),
        ]
        if has_nps:
            cells.append(signed(row.predicted_nps))
        table.add_row(*cells)
    console.print(table)
    listed = "1 account is" if len(rows) == 1 else f"{len(rows):,} accounts are"
    this_week = sum(bool(row.within_capacity) for row in rows)
    console.print(
        f"{listed} listed, {this_week:,} within this week's capacity of "
        f"{project.worklist.capacity} for each owner. Why one of them: npsight explain ACCOUNT "
        f"-c {_shown(project.file)}",
        highlight=False,
        soft_wrap=True,
    )


def _shown(file: Path) -> str:
    """The path as it can be typed where the user is."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def _account(row: ScoreRow, by_churn: bool) -> Any:
    from rich.text import Text

    text = Text(row.name or row.account, style="bold")
    if row.name:
        text.append(f"  {row.account}", style="dim not bold")
    facts = [
        row.owner,
        None if row.revenue is None else f"revenue {money(row.revenue)}",
        None if row.renewal_at is None else f"renews {row.renewal_at:%Y-%m-%d}",
    ]
    known = " · ".join(fact for fact in facts if fact)
    if known:
        text.append(f"\n{known}", style="dim not bold")
    drivers = row.churn_drivers if by_churn else row.drivers
    raising = [d for d in drivers if d["points"] > 0][:2]
    for driver in raising:
        text.append(f"\n{driver['sentence']}", style="not bold")
        text.append(f"  {_points(driver['points'])}", style="dim not bold")
    return text


def _points(points: float) -> str:
    """`+39 points` of a risk, which no line break parts from their number."""
    shown = f"{100 * points:+.0f}"
    return f"{shown}\u00a0point{'' if shown == '+1' else 's'}"
