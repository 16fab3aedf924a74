"""`npsight init`: propose a first project file from tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from npsight.cli.common import make_console


def init_command(
    source: Annotated[
        Path,
        typer.Option(
            "--from", help="Folder with CSV, Excel, JSON, Parquet or DuckDB files, or one of them."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Project file to write.")] = Path(
        "npsight.yaml"
    ),
    force: Annotated[
        bool, typer.Option("--force", help="Replace the project file if it exists.")
    ] = False,
) -> None:
    """Look at tables and write a project file that says what they probably are.

    Example: npsight init --from exports -o npsight.yaml
    """
    from npsight.errors import ConfigError, Problem
    from npsight.jobs.proposal.propose import propose

    if output.exists() and not force:
        raise ConfigError(
            f"{output}: exists already",
            [Problem("it would be overwritten", "choose another --output, or add --force")],
        )
    console = make_console()
    with console.status("looking at the tables") as status:
        text = propose(source, output.parent, status.update)
    write_whole(output, text)
    verify = text.count("VERIFY:")
    console.print(f"Wrote {output}: {verify} lines to verify.", highlight=False, soft_wrap=True)
    left_out = text.count("# left out: ")
    if left_out:
        noun = "table or file is" if left_out == 1 else "tables or files are"
        console.print(f"{left_out} {noun} left out: the lines `left out` say why.", highlight=False)
    if "\n  responses:\n" not in text:
        console.print(
            "No survey was found: no table has an account, a time and a column of numbers that is "
            "named as a score. If one holds answers, map it under `tables.responses` "
            "(docs/project-file.md); without answers only churn can be foreseen.",
            highlight=False,
            soft_wrap=True,
        )
    console.print("Next:", highlight=False)
    console.print(f"  1. read it through and correct the lines marked VERIFY: {output}")
    console.print(f"  2. npsight check --config {output}", highlight=False)
    console.print(f"  3. npsight train --config {output}", highlight=False)


def write_whole(file: Path, text: str) -> None:
    """Write a file so that it appears whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
