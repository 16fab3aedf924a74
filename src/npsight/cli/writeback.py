"""`npsight writeback`: scores into Salesforce and HubSpot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console

if TYPE_CHECKING:
    from rich.console import Console

    from npsight.jobs.writeback import Plan
    from npsight.outgoing.report import WritebackReport

writeback_app = typer.Typer(
    help="Write the latest scores into a CRM: updates only, never new records.\n\n"
    "Example: npsight writeback salesforce -c configs/demo.yaml --to bulk",
    rich_markup_mode="rich",
    no_args_is_help=True,
)
FAILED = 1
"""Exit code where a record was refused; everything else was written."""

Everything = Annotated[
    bool,
    typer.Option(
        "--all", help="All accounts, not only those whose numbers changed since the last sending."
    ),
]
Failures = Annotated[
    Path | None,
    typer.Option("--failures", help="Write the refused records and their reasons to this CSV."),
]


@writeback_app.command("salesforce")
def salesforce_command(
    config: Config = DEFAULT_CONFIG,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write files for Bulk API 2.0 to this new folder.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send them to Salesforce.")] = False,
    everything: Everything = False,
    failures: Failures = None,
) -> None:
    """Update Salesforce records by Bulk API 2.0, from files or at once.

    Example: npsight writeback salesforce -c configs/demo.yaml --to bulk
    """
    from npsight.config.load import load_project
    from npsight.jobs.bulkfiles import write_bulk_files
    from npsight.jobs.writeback import plan_writeback

    if (to is None) == (not send):
        raise typer.BadParameter("give either --to FOLDER or --send")
    console = make_console()
    project = load_project(config)
    settings = project.writeback.salesforce
    if to is not None:
        plan = plan_writeback(project, "salesforce", everything)
        parts = write_bulk_files(plan, settings.id_field, to)
        console.print(
            f"Wrote {len(plan.records):,} records in {len(parts)} files, and manifest.json, to "
            f"{to}",
            highlight=False,
            soft_wrap=True,
        )
        _say_left_out(plan, console)
        return

    from npsight.config.outside import salesforce_access
    from npsight.outgoing.http import Sender
    from npsight.outgoing.salesforce import send_to_salesforce
    from npsight.outgoing.targets import TargetPolicy
    from npsight.store import forget_written, open_project_store

    access = salesforce_access()
    with (
        closing(open_project_store(project)) as store,
        Sender(TargetPolicy.from_environment()) as sender,
    ):
        if everything:
            forget_written(store, project.name, "salesforce")
        plan = plan_writeback(project, "salesforce", everything)
        with _bar(console, len(plan.records)) as advance:
            report = send_to_salesforce(plan, settings, access, sender, store, advance)
    _end(plan, report, failures, console)


@writeback_app.command("hubspot")
def hubspot_command(
    config: Config = DEFAULT_CONFIG,
    everything: Everything = False,
    failures: Failures = None,
) -> None:
    """Update properties of HubSpot companies; a run that was stopped goes on where it was.

    Example: npsight writeback hubspot -c configs/demo.yaml --failures refused.csv
    """
    from npsight.config.load import load_project
    from npsight.config.outside import hubspot_access
    from npsight.jobs.writeback import plan_writeback
    from npsight.outgoing.http import Sender
    from npsight.outgoing.hubspot import send_to_hubspot
    from npsight.outgoing.targets import TargetPolicy
    from npsight.store import forget_written, open_project_store

    console = make_console()
    project = load_project(config)
    access = hubspot_access()
    with (
        closing(open_project_store(project)) as store,
        Sender(TargetPolicy.from_environment()) as sender,
    ):
        if everything:
            forget_written(store, project.name, "hubspot")
        plan = plan_writeback(project, "hubspot", everything)
        with _bar(console, len(plan.records)) as advance:
            settings = project.writeback.hubspot
            report = send_to_hubspot(plan, settings, access, sender, store, advance)
    _end(plan, report, failures, console)


@contextmanager
def _bar(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("sending", total=total)
        yield lambda done: bar.advance(task, done)


def _end(plan: Plan, report: WritebackReport, failures: Path | None, console: Console) -> None:
    console.print(
        f"[bold]{report.updated:,}[/] records updated, {len(report.failed):,} refused.",
        highlight=False,
    )
    for code, count in report.reasons.items():
        console.print(f"  {count:,} {code}", highlight=False, markup=False)
    _say_left_out(plan, console)
    if failures is not None:
        _write_failures(report, failures)
        console.print(f"Wrote the refused records to {failures}", highlight=False, soft_wrap=True)
    elif report.failed:
        console.print("Which they are is told with --failures FILE.csv.")
    if report.failed:
        raise typer.Exit(FAILED)


def _say_left_out(plan: Plan, console: Console) -> None:
    said = (
        (plan.unchanged, "accounts are as they were sent before"),
        (plan.without_id, "accounts have no usable id of the CRM"),
        (plan.several, "accounts have more than one id of the CRM"),
        (plan.shared, "accounts have the id of another account"),
    )
    for count, what in said:
        if count:
            console.print(f"Not written: {count:,} {what}.", highlight=False)
    if plan.without_id:
        console.print(
            f"  → name the column that has its ids: `writeback.{plan.system}.id_column`",
            highlight=False,
            soft_wrap=True,
        )


def _write_failures(report: WritebackReport, path: Path) -> None:
    import csv

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["account", "id", "reason"])
        for record, code in report.failed.values():
            writer.writerow([record.account, record.id, code])
