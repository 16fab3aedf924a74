"""`npsight impact`: what calling achieved, as the page says it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, percent

if TYPE_CHECKING:
    from rich.console import Console

    from npsight.jobs.impact import Measured


def impact_command(config: Config = DEFAULT_CONFIG) -> None:
    """Show what follow-ups achieved: by the hold-out, and without it by who was called.

    Example: npsight impact -c configs/demo.yaml
    """
    from npsight.config.load import load_project
    from npsight.jobs.impact import impact
    from npsight.jobs.impactwords import (
        answering_words,
        effects_words,
        headline,
        observational_words,
        power_words,
    )
    from npsight.store import open_project_store

    console = make_console()
    project = load_project(config)
    with closing(open_project_store(project)) as store:
        report = impact(project, store)
    found = report.measured
    console.print(f"\n[bold]{headline(report)}[/]", highlight=False)
    for told in (power_words(found), answering_words(found)):
        if told is not None:
            console.print(told, highlight=False)
    if found.arms:
        _print_arms(found, console)
    for name, words, meaning in effects_words(found):
        console.print(f"{name}: {words}. [dim]{meaning}[/]", highlight=False)
    if report.has_answers:
        console.print(
            f"\nWithout an experiment (observational, see docs/impact.md): "
            f"{observational_words(found)}",
            highlight=False,
        )


def _print_arms(found: Measured, console: Console) -> None:
    from rich.table import Table

    table = Table(title="The two groups", title_justify="left", title_style="bold")
    headings = ("group", "enrolled", "under way", "over", "contacted", "answered", "detractors")
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="left" if k == 0 else "right")
    for arm in found.arms:
        counts = (arm.enrolled, arm.running, arm.ended, arm.contacted, arm.answered)
        table.add_row(arm.name, *(f"{count:,}" for count in counts), percent(arm.detractors))
    console.print(table)
