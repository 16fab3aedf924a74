"""`npsight erase`: an account and all that is kept of it."""

from __future__ import annotations

from typing import Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console


def erase_command(
    account: Annotated[str, typer.Argument(help="The account's key, letter by letter.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Erase all that is kept of an account: scores, follow-ups, posted facts, forecasts.

    Take it out of your tables first, or the next score reads it again. This cannot be undone.

    Example: npsight erase A000133 -c configs/demo.yaml
    """
    from npsight.config.load import load_project
    from npsight.jobs.erase import erase
    from npsight.service.accountkeys import as_stored

    console = make_console()
    project = load_project(config)
    key = as_stored(account.strip(), project)
    if not yes:
        typer.confirm(
            f"Erase all that {project.name} keeps of {key}? It cannot be undone", abort=True
        )
    found = erase(project, key)
    for table, count in sorted(found.rows.items()):
        console.print(f"{count:>8,}  {table}", highlight=False, markup=False)
    for file in found.files:
        named = file.relative_to(project.state_dir)
        console.print(f"          {named}", highlight=False, markup=False)
    for folder in found.removed:
        console.print(
            f"          {folder.name}/: removed, the next run makes it anew",
            highlight=False,
            markup=False,
        )
    console.print("Erased. Restart npsight serve where it runs: it holds facts in memory.")
    if not found.overwritten:
        console.print(
            "[bold yellow]![/] The store's file is in use, and deleted rows may still lie in it: "
            "stop the other npsight processes and run this again.",
            highlight=False,
        )
