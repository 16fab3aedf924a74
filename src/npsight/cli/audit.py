"""`npsight audit`: what was checked, and what knows too much."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, steps

if TYPE_CHECKING:
    from rich.console import Console

    from npsight.audit.findings import AuditReport, Finding

Rows = Annotated[
    int | None,
    typer.Option(
        "--rows",
        min=1,
        max=10_000,
        help="Accounts that the plain loops compute, on each day. Default: the project file's.",
    ),
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Also write the report there.", dir_okay=False)
]

_COLOURS = {"clean": "green", "look": "yellow", "leak": "red", "not judged": "dim"}


def audit_command(
    config: Config = DEFAULT_CONFIG, rows: Rows = None, json_file: JsonFile = None
) -> None:
    """Prove that no feature reads the future, and look for columns that know too much.

    Two proofs compute training days again, by copies that lack what came later and by plain loops.
    They believe what the project file says of times; the checks after them do not. A `leak` ends
    with exit code 9, and `npsight train` refuses, too; a `look` stops nothing. Each says the way
    out. What was not judged is said with the reason.

    Example: npsight audit -c configs/demo.yaml --rows 100 --json audit.json
    """
    from npsight.config.load import load_project
    from npsight.errors import LeakageError
    from npsight.jobs.audit import audit
    from npsight.jobs.audits.run import write_json

    console = make_console()
    project = load_project(config)
    with steps(console) as step:
        report = audit(project, step, rows=rows)
    if json_file is not None:
        write_json(report, json_file)
    print_audit(report, console)
    if not report.passed:
        raise LeakageError(
            f"{project.file.name}: the leakage audit failed",
            [finding.problem() for finding in report.leaks],
        )


def print_audit(report: AuditReport, console: Console) -> None:
    """The checks as a table, then every finding in a sentence."""
    from rich.table import Table

    table = Table(title=_scope(report), title_justify="left")
    table.add_column("check")
    table.add_column("looked at", justify="right")
    table.add_column("verdict")
    table.add_column("findings", justify="right")
    proofs = sum(check.unit == "values" for check in report.checks)
    for place, check in enumerate(report.checks, start=1):
        table.add_row(
            check.name,
            f"{check.compared:,} {check.unit}",
            f"[{_COLOURS[check.verdict]}]{check.verdict}[/]",
            str(len(check.findings) or ""),
            end_section=place == proofs,
        )
    console.print(table)
    for check in report.checks:
        if check.not_judged:
            left = "left out" if check.compared else "not judged"
            console.print(f"[dim]~ {check.name}: {left}: {check.not_judged}[/]", highlight=False)
    for finding in report.findings:
        _print_finding(finding, console)
    _print_verdict(report, console)


def _scope(report: AuditReport) -> str:
    """Whose audit, and how much it looked at."""
    of = f"Leakage audit of {report.project}"
    return f"{of}: {report.rows:,} rows of {report.days} days" if report.days else of


def _print_verdict(report: AuditReport, console: Console) -> None:
    days = ", ".join(f"{day:%Y-%m-%d}" for day in report.as_ofs)
    proofs = f"{report.rows_compared:,} values compared on {days}"
    if report.passed:
        console.print(f"[green]✓ nothing leaks[/]: {proofs}", highlight=False)
        looks = sum(finding.level == "look" for finding in report.findings)
        if looks:
            console.print(f"  {looks} to look at once a training: they stop nothing")
        return
    console.print(f"[red]✗ something leaks[/]: {proofs}", highlight=False)
    console.print("  Drop or date what is named; or, if it was known before, say why under")
    console.print("  `audit.accepted` of the project file.")


def _print_finding(finding: Finding, console: Console) -> None:
    from rich.markup import escape

    sign = "[red]✗ leak[/]" if finding.fails else "[yellow]! look[/]"
    if finding.accepted:
        sign = "[dim]accepted[/]"
    console.print(f"{sign} {escape(finding.what)}", highlight=False)
    way = f"accepted: {finding.accepted}" if finding.accepted else finding.remedy
    console.print(f"       → {escape(way)}", highlight=False)
