"""`npsight backtest`: is a model of these data worth using?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, say_engine, say_warnings, steps

if TYPE_CHECKING:
    from rich.console import Console

    from npsight.jobs.evaluations.found import Evaluation, NpsRow, Verdict

_COLOURS = {"better": "green", "no difference": "yellow", "worse": "red", "not judged": "dim"}


def backtest_command(config: Config = DEFAULT_CONFIG) -> None:
    """Say whether a model of these data is worth using, and write the report.

    Audits and fits as `npsight train` does, at every origin, and compares with what came later.
    Registers nothing.

    Example: npsight backtest -c configs/demo.yaml
    """
    from npsight.config.load import load_project
    from npsight.jobs.backtest import backtest

    console = make_console()
    project = load_project(config)
    with steps(console) as step:
        result = backtest(project, step)
    print_verdicts(result.found, console)
    say_warnings(result.warnings, console)
    say_engine(project, console)
    console.print(f"Report        {result.page}", highlight=False, soft_wrap=True)


def print_verdicts(found: Evaluation, console: Console) -> None:
    """The verdict of each target with what it rests on, then NPS."""
    for verdict in found.verdicts:
        _print_verdict(verdict, console)
    if found.nps:
        _print_nps(found.nps, console)
    console.print()


def _print_verdict(verdict: Verdict, console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    colour = "green" if verdict.worth == "worth using" else "yellow"
    console.print(f"\n[bold {colour}]{escape(verdict.headline)}[/]", highlight=False)
    if not verdict.against:
        for sentence in verdict.sentences:
            console.print(escape(sentence), highlight=False)
        return
    table = Table(
        title=f"Log loss over all origins, n = {verdict.rows:,} rows of "
        f"{verdict.accounts:,} accounts",
        title_justify="left",
    )
    table.add_column("against")
    for head in ("chosen (nats)", "baseline (nats)", "saved", "gain, 95 % interval (nats)"):
        table.add_column(head, justify="right")
    table.add_column("judged")
    for a in verdict.against:
        bounds = a.interval
        table.add_row(
            escape(f"{a.baseline}: {a.feature}" if a.feature else a.baseline),
            f"{a.loss:.4f}",
            f"{a.baseline_loss:.4f}",
            f"{100 * a.saved:.1f} %",
            f"{a.gap:+.4f}" + (f" ({bounds.low:+.4f} to {bounds.high:+.4f})" if bounds else ""),
            f"[{_COLOURS[a.judgement]}]{a.judgement}[/]",
        )
    console.print(table)
    # The last sentences say the table's figures in words; before them comes the list.
    for sentence in verdict.sentences[: -len(verdict.against)]:
        console.print(escape(sentence), highlight=False)


def _print_nps(rows: tuple[NpsRow, ...], console: Console) -> None:
    from rich.table import Table

    from npsight.models.contest import ALL

    several = any(row.origin == ALL for row in rows)
    table = Table(
        title="Foreseen NPS of those who answered: errors in NPS points, root mean square over "
        "origins",
        title_justify="left",
    )
    table.add_column("model")
    for head in ("answers", "company", "segment", "account"):
        table.add_column(head, justify="right")
    for row in rows:
        if several and row.origin != ALL:
            continue
        table.add_row(
            row.contender,
            f"{row.answers:,.0f}",
            f"{row.company_error:.1f}",
            "n/a" if row.segment_error is None else f"{row.segment_error:.1f}",
            f"{row.account_error:.1f}",
            style="bold" if row.contender == "chosen" else None,
        )
    console.print()
    console.print(table)
