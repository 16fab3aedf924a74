"""`npsight score` and `npsight export`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import (
    DEFAULT_CONFIG,
    Config,
    make_console,
    percent,
    say_engine,
    say_unranked,
    say_warnings,
    steps,
)

if TYPE_CHECKING:
    from npsight.models.intervals import NpsForecast

ChurnHorizon = Annotated[
    int | None,
    typer.Option(
        "--churn-horizon",
        min=1,
        help="Also the churn risk within so many days after the gap, whatever the horizon "
        "trained on.",
    ),
]


def score_command(
    config: Config = DEFAULT_CONFIG,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="UTC instant to score for. Default: the midnight after the last fact, "
            "but not after the midnight that begins today: facts of today are then left out.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write a .csv or .parquet file.")
    ] = None,
    churn_horizon: ChurnHorizon = None,
    hold: Annotated[
        bool,
        typer.Option(
            help="Take features of a table that was not loaded for long as they were on its last "
            "day, so that not every account seems to have gone silent.",
        ),
    ] = True,
) -> None:
    """Score every account with the champion: risk, NPS, drivers, place on the worklist.

    Example: npsight score -c configs/demo.yaml -o scores.csv
    """
    from npsight.config.load import load_project
    from npsight.jobs.export import export
    from npsight.jobs.files import check_format
    from npsight.jobs.score import score

    if output is not None:
        check_format(output)
    console = make_console()
    project = load_project(config)
    with steps(console) as step:
        result = score(project, as_of, step, churn_horizon, hold)
    run = result.run
    console.print(
        f"\nScored [bold]{result.accounts:,}[/] accounts as of {run.as_of:%Y-%m-%d} with model "
        f"version {run.model_version}; {result.listed:,} are on the worklist."
    )
    if result.survey is not None:
        console.print(
            f"Next-period NPS as the survey will report it: {_nps(result.survey)}, from about "
            f"{result.survey.answers:,.0f} answers.",
            soft_wrap=True,
        )
    if result.everyone is not None:
        console.print(
            f"Next-period NPS if everyone answered: {_nps(result.everyone)}.", soft_wrap=True
        )
    if result.detractor_risk is not None:
        console.print(f"Mean detractor risk {percent(result.detractor_risk)}.")
    if result.churn_risk is not None:
        within = ""
        if result.churn_within is not None:
            within = f"; {percent(result.churn_within)} within {churn_horizon} days"
        console.print(f"Mean churn risk {percent(result.churn_risk)}{within}.", highlight=False)
    say_unranked(result.unranked, console)
    if result.hindsight is not None:
        console.print(
            f"[bold yellow]![/] Model version {run.model_version} learned from days up to "
            f"{result.hindsight:%Y-%m-%d}, and so from what came after {run.as_of:%Y-%m-%d}: these "
            "numbers are hindsight and no test of the model. A test: npsight backtest.",
            highlight=False,
        )
    say_warnings(result.warnings, console)
    if result.newer:
        facts = "1 fact" if result.newer == 1 else f"{result.newer:,} facts"
        are = "is" if result.newer == 1 else "are"
        console.print(
            f"{facts} known since {run.as_of:%Y-%m-%d %H:%M} UTC {are} not in it; score with "
            f"--as-of {datetime.now(UTC):%Y-%m-%dT%H:%M:%S} to have them in.",
            highlight=False,
            soft_wrap=True,
        )
    say_engine(project, console)
    if output is not None:
        count = export(project, output, run, churn_horizon)
        console.print(f"Wrote {count:,} accounts to {output}", highlight=False, soft_wrap=True)


def _nps(forecast: NpsForecast) -> str:
    return (
        f"[bold]{forecast.nps:+.0f}[/] (80 %: {forecast.low_80:+.0f} to {forecast.high_80:+.0f}, "
        f"95 %: {forecast.low_95:+.0f} to {forecast.high_95:+.0f})"
    )


def export_command(
    output: Annotated[Path, typer.Argument(help="A .csv or .parquet file.")],
    config: Config = DEFAULT_CONFIG,
    churn_horizon: ChurnHorizon = None,
) -> None:
    """Write the latest scores of all accounts to a file.

    Example: npsight export scores.parquet -c configs/demo.yaml
    """
    from npsight.config.load import load_project
    from npsight.jobs.export import export

    count = export(load_project(config), output, churn_horizon=churn_horizon)
    make_console().print(f"Wrote {count:,} accounts to {output}", highlight=False, soft_wrap=True)
