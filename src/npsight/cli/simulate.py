"""`npsight simulate` and `npsight truth`: the demo company, and how near its truth a model is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, percent


def simulate_command(
    to: Annotated[Path, typer.Option("--to", help="Folder to write.")] = Path("var/demo/data"),
    accounts: Annotated[int, typer.Option(min=10, help="How many accounts.")] = 2000,
    days: Annotated[int, typer.Option(min=30, help="How many days.")] = 1095,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same company.")] = 7,
    truth: Annotated[bool, typer.Option(help="Also write the true probabilities.")] = True,
    dirt: Annotated[bool, typer.Option(help="Plant the faults that real exports have.")] = True,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Day at whose 00:00 UTC the data end. Not given: today or up to six days ago, "
            "for the same company whole weeks later.",
        ),
    ] = None,
) -> None:
    """Write the tables of a made-up B2B SaaS firm whose truth is known.

    Example: npsight simulate --to var/demo/data --accounts 2000 --seed 7
    """
    from rich.progress import Progress

    from npsight.simulate import SimulationSettings, recent_start, simulate

    console = make_console()
    try:
        settings = SimulationSettings(
            accounts=accounts,
            days=days,
            start=(
                until.date() - timedelta(days=days)
                if until is not None
                else recent_start(days, datetime.now(UTC).date())
            ),
            seed=seed,
            truth=truth,
            dirt=dirt,
        )
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("simulating", total=None)
            summary = simulate(
                to, settings, lambda done, total: bar.update(task, completed=done, total=total)
            )
    except (ValueError, FileExistsError) as error:
        raise typer.BadParameter(str(error)) from None
    total = sum(summary.rows.values())
    console.print(
        f"Wrote {total:,} rows of {accounts:,} accounts to {to}, up to {settings.end}",
        highlight=False,
        soft_wrap=True,
    )


def truth_command(
    config: Config = DEFAULT_CONFIG,
    truth: Annotated[Path, typer.Option(help="Folder that `npsight simulate` wrote.")] = Path(
        "var/demo/data"
    ),
) -> None:
    """Compare the newest backtest of a simulated company with what is true.

    Example: npsight truth -c configs/demo.yaml --truth var/demo/data
    """
    from npsight.config.load import load_project
    from npsight.jobs.truth import SILENT_DAYS, compare_with_truth

    r = compare_with_truth(load_project(config), truth)
    console = make_console()
    console.print(f"[bold]Against the truth[/], origin {r.as_of}, {r.answers:,} later answers:")
    console.print(
        f"  detractor AUC   model {r.auc_model:.3f} · true probability on the day "
        f"{r.auc_on_the_day:.3f} · at the moment of the answer {r.auc_at_answer:.3f}"
    )
    console.print(
        f"  way from 0.5 to the truth: [bold]{percent(r.share_of_ceiling)}[/] "
        f"({r.share_of_ceiling:.3f}) on the day; {r.share_at_answer:.3f} at the answer"
    )
    console.print(
        f"  calibration error against the true level: [bold]{r.calibration_error:.3f}[/] over "
        f"{r.accounts:,} accounts; [bold]{r.calibration_error_silent:.3f}[/] over "
        f"{r.silent_accounts:,} silent ones (no answer for {SILENT_DAYS} days)"
    )
    console.print(
        f"  calibration error on the answers themselves: {r.calibration_error_answers:.3f} "
        f"(a perfect model would show about {r.chance_error_answers:.3f} by chance)"
    )
