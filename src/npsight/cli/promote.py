"""`npsight promote` and `npsight models`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, minute, zone_of

if TYPE_CHECKING:
    from npsight.tracking import VersionInfo

FIGURES_OF = ("detractor", "churn")


def promote_command(
    config: Config = DEFAULT_CONFIG,
    version: Annotated[
        int | None, typer.Option(min=1, help="Version to promote. Default: the challenger.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Promote against the gates.")] = False,
) -> None:
    """Make a registered version the champion; an older version rolls back.

    A version that a gate failed is refused (exit code 5) with every figure; see docs/gates.md.

    Example: npsight promote -c configs/demo.yaml --version 1
    """
    from npsight.config.load import load_project
    from npsight.jobs.promote import promote

    done = promote(load_project(config), version, force)
    console = make_console()
    for note in done.notes:
        console.print(f"[bold yellow]![/] {note}", highlight=False)
    before = "none" if done.before is None else f"version {done.before}"
    console.print(f"Champion: version {done.after} (before: {before}). Score again to use it.")


def models_command(
    config: Config = DEFAULT_CONFIG,
    export: Annotated[
        Path | None, typer.Option(help="Also write the champion's bundle and card to this folder.")
    ] = None,
) -> None:
    """List the registered versions, their aliases and figures. `npsight compare` holds two of them
    against each other.

    Example: npsight models -c configs/demo.yaml --export models
    """
    from rich.table import Table

    from npsight.config.load import load_project
    from npsight.config.runtime import registry_uri
    from npsight.tracking import Tracking

    project = load_project(config)
    versions = Tracking(project.name, project.state_dir, registry_uri()).versions()
    zone = zone_of(project)
    table = Table(title=f"Models of {project.name}", title_justify="left")
    for heading in ("version", "alias", "made", "learned through", "digest", "gates"):
        table.add_column(heading)
    for part in FIGURES_OF:
        table.add_column(f"{part} AUC")
    for info in versions:
        table.add_row(
            str(info.version),
            ", ".join(_standing(info)),
            minute(info.created_at, zone),
            info.params.get("as_of_last", "–")[:10],
            (info.digest or "")[:12],
            _gates(info),
            *(_figure(info.metrics.get(f"{part}_chosen_auc")) for part in FIGURES_OF),
        )
    console = make_console()
    console.print(table)
    for info in versions:
        if info.run_deleted and info.aliases:
            console.print(f"[bold yellow]![/] {_deleted(info)}", highlight=False, soft_wrap=True)
    if export is not None:
        from npsight.jobs.promote import export_bundle

        target = export_bundle(project, export)
        console.print(f"Wrote {target}", highlight=False, soft_wrap=True)


def _standing(info: VersionInfo) -> Iterator[str]:
    yield from info.aliases
    if info.is_interrupted:
        yield "interrupted"
    if info.run_deleted:
        yield "run deleted"


def _deleted(info: VersionInfo) -> str:
    if not info.status:
        return (
            f"The MLflow run of version {info.version} is gone, and its files with it: only "
            "machines that have used it still can. Promote another version."
        )
    return (
        f"The MLflow run of version {info.version} was deleted; its files stay until `mlflow gc`. "
        f"Undo it with: mlflow runs restore --run-id {info.run_id}"
    )


def _gates(info: VersionInfo) -> str:
    failed = info.metrics.get("gates_failed")
    if failed is None:
        return "–"
    return "passed" if failed == 0 else f"{failed:.0f} failed"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
