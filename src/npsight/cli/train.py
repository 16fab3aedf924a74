"""`npsight train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, say_engine, say_warnings, steps

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from npsight.jobs.train import TrainResult
    from npsight.jobs.training.fit import Fitted, PartResult


def train_command(config: Config = DEFAULT_CONFIG) -> None:
    """Train, backtest and register a model; the first one whose gates pass becomes champion.

    Data in which no target can be foreseen end with exit code 10, and nothing is registered.

    Example: npsight train -c configs/demo.yaml
    """
    from npsight.config.load import load_project
    from npsight.jobs.train import train

    console = make_console()
    project = load_project(config)
    with steps(console) as step:
        result = train(project, step)
    if project.is_snapshot:
        from npsight.jobs.training.card import NO_TIME

        console.print(f"\n[bold yellow]![/] {NO_TIME.replace('**', '')}", highlight=False)
    print_training(result, console, config)
    say_warnings(result.warnings, console)
    say_engine(project, console)


def print_training(result: TrainResult, console: Console, config: Path) -> None:
    """Figures by origin, then what was registered."""
    for part in result.fitted.parts.values():
        _print_part(part, console)
    if result.fitted.nps:
        _print_nps(result.fitted, console)
    console.print()
    _print_gates(result, console)
    console.print(f"Model digest  {result.digest}", highlight=False)
    console.print(f"Registered as version {result.version}, [bold]{result.alias}[/]")
    if result.alias == "challenger":
        _print_way_on(result, console, config)
    console.print(f"Model card    {result.card_file}", highlight=False, soft_wrap=True)
    console.print(f"Report        {result.page}", highlight=False, soft_wrap=True)


def _print_gates(result: TrainResult, console: Console) -> None:
    """What failed and what was not judged, then the counts."""
    from rich.markup import escape

    report = result.gates
    for mark, gates in (("[bold red]✗[/]", report.failed), ("~", report.having("not judged"))):
        for gate in gates:
            console.print(f"{mark} {escape(f'{gate.name}: {gate.sentence}')}", highlight=False)
    counts = f"Gates: {len(report.having('passed'))} passed"
    if report.failed:
        counts += f", {len(report.failed)} failed"
    beside = len(report.having("not judged"))
    if beside:
        counts += f", {beside} {'does' if beside == 1 else 'do'} not apply"
    console.print(counts, highlight=False)


def _print_way_on(result: TrainResult, console: Console, config: Path) -> None:
    command = f"npsight promote -c {config} --version {result.version}"
    if result.same_as is not None:
        console.print(
            f"It is the very model of version {result.same_as}: nothing that it could learn from "
            "has changed since, so promoting it changes nothing but its number.",
            highlight=False,
            soft_wrap=True,
        )
    if result.gates.passed:
        console.print(f"Make it the champion with: {command}", highlight=False, soft_wrap=True)
        return
    console.print(
        "It is not the champion, for the gates above failed. Mend what they name and train again, "
        f"or read the card and insist with: {command} --force",
        highlight=False,
        soft_wrap=True,
    )


def _print_part(part: PartResult, console: Console) -> None:
    from rich.table import Table

    from npsight.jobs.training.card import TITLES, contender_name, describe, number, quality_rows

    table = Table(
        title=f"{TITLES[part.name]}: {describe(part)}", title_justify="left", title_style="bold"
    )
    table.add_column("origin")
    table.add_column("model")
    for heading in ("rows", "events", "AUC", "Brier", "log loss", "ECE", "lift 10 %"):
        table.add_column(heading, justify="right")
    seen = None
    for label, contender, q in quality_rows(part):
        if seen not in (None, label):
            table.add_section()
        table.add_row(
            "" if seen == label else label,
            contender_name(contender, part),
            f"{q.rows:,}",
            f"{q.events:,.0f}",
            number(q.auc, 3),
            f"{q.brier:.4f}",
            f"{q.log_loss:.4f}",
            f"{q.calibration_error:.3f}",
            number(q.lift, 2),
            style="bold" if contender == "chosen" else None,
        )
        seen = label
    console.print()
    console.print(table)
    console.print(f"[dim]{part.fitted.selection.reason}[/]")
    if part.skill.shown:
        console.print(f"[dim]{part.skill.sentence()}[/]")
    else:
        title = TITLES[part.name]
        console.print(
            f"[bold yellow]![/] {title} does not rank accounts: {part.skill.sentence()}",
            highlight=False,
        )


def _print_nps(fitted: Fitted, console: Console) -> None:
    from rich.table import Table

    table = Table(
        title="Next-period NPS of those who answered, in NPS points",
        title_justify="left",
        title_style="bold",
    )
    for heading in ("origin", "model"):
        table.add_column(heading)
    for heading in ("observed", "predicted", "company error", "account RMSE"):
        table.add_column(heading, justify="right")
    for origin, errors in zip(fitted.parts["detractor"].origins, fitted.nps, strict=True):
        for i, (contender, e) in enumerate(errors.items()):
            table.add_row(
                origin.label if i == 0 else "",
                contender,
                f"{e.observed:+.1f}",
                f"{e.predicted:+.1f}",
                f"{e.company:.1f}",
                f"{e.account:.1f}",
                style="bold" if contender == "chosen" else None,
            )
        table.add_section()
    console.print()
    console.print(table)
