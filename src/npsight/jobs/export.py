"""The latest scores as a CSV or Parquet file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.errors import ConfigError, Problem
from npsight.store import ScoreRow, ScoreRun, open_store, store_file

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def latest(project: ProjectSpec, ranked_only: bool = False) -> tuple[ScoreRun, list[ScoreRow]]:
    """The latest run and its rows, by rank. Raises NotFoundError where nothing was scored."""
    with closing(open_store(store_file(project.state_dir))) as store:
        run = store.latest_run(project.name)
        return run, store.scores(run.id, ranked_only=ranked_only)


def export(project: ProjectSpec, path: Path, run: ScoreRun | None = None) -> int:
    """Write the scores of all accounts; the file appears whole or not at all.

    `run` is the latest unless given. CSV cells that a spreadsheet would run as a formula get a
    leading apostrophe; drivers are JSON. Returns the number of accounts.
    """
    check_format(path)
    if run is None:
        run, rows = latest(project)
    else:
        with closing(open_store(store_file(project.state_dir))) as store:
            rows = store.scores(run.id)
    frame = pd.DataFrame(_records(run, rows, spreadsheet=path.suffix == ".csv"))
    write_frame(frame, path)
    return len(frame)


def check_format(path: Path) -> None:
    """Raises ConfigError where a table file cannot be written under this name."""
    if path.suffix not in (".csv", ".parquet"):
        raise ConfigError(
            f"{path}: cannot be written",
            [Problem(f"`{path.suffix}` is no known format", "name a .csv or .parquet file")],
        )


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a .csv or .parquet file that appears whole or not at all; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        if path.suffix == ".csv":
            frame.to_csv(temporary, index=False)
        else:
            frame.to_parquet(temporary, index=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _records(
    run: ScoreRun, rows: Iterable[ScoreRow], spreadsheet: bool
) -> Iterable[dict[str, Any]]:
    for row in rows:
        record = asdict(row)
        record["drivers"] = json.dumps(record["drivers"], ensure_ascii=False)
        record["churn_drivers"] = json.dumps(record["churn_drivers"], ensure_ascii=False)
        record |= {"model_version": run.model_version, "run_id": run.id}
        yield {name: cell(value, spreadsheet) for name, value in record.items()}


def cell(value: Any, spreadsheet: bool) -> Any:
    """A value as it is written: in a spreadsheet, no text that it would run as a formula."""
    if spreadsheet and isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    if spreadsheet and isinstance(value, datetime):
        return value.isoformat()
    return value
