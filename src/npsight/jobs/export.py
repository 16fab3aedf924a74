"""The latest scores as a CSV or Parquet file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from npsight.config.runtime import registry_uri
from npsight.config.specs import ProjectSpec
from npsight.jobs.files import cell, check_format, write_frame
from npsight.jobs.training.survival import curve_for
from npsight.models.bundle import unpack
from npsight.store import ScoreRow, ScoreRun, open_project_store
from npsight.tracking import Tracking


def latest(project: ProjectSpec, ranked_only: bool = False) -> tuple[ScoreRun, list[ScoreRow]]:
    """The latest run and its rows, by rank. Raises NotFoundError where nothing was scored."""
    with closing(open_project_store(project)) as store:
        run = store.latest_run(project.name)
        return run, store.scores(run.id, ranked_only=ranked_only)


def export(
    project: ProjectSpec,
    path: Path,
    run: ScoreRun | None = None,
    churn_horizon: int | None = None,
) -> int:
    """Write the scores of all accounts; the file appears whole or not at all.

    `run` is the latest unless given. CSV cells that a spreadsheet would run as a formula get a
    leading apostrophe; drivers are JSON. With `churn_horizon` a column `churn_risk_<days>d` holds
    the risk of a loss in `[as_of + gap, as_of + gap + days)`, by the model of the run. Returns the
    number of accounts.
    """
    check_format(path)
    if run is None:
        run, rows = latest(project)
    else:
        with closing(open_project_store(project)) as store:
            rows = store.scores(run.id)
    frame = pd.DataFrame(_records(run, rows, spreadsheet=path.suffix == ".csv"))
    if churn_horizon is not None:
        _add_churn_within(frame, project, run, churn_horizon)
    write_frame(frame, path)
    return len(frame)


def _add_churn_within(
    frame: pd.DataFrame, project: ProjectSpec, run: ScoreRun, horizon_days: int
) -> None:
    tracking = Tracking(project.name, project.state_dir, registry_uri(), project.file)
    _, files = tracking.load_bundle(run.model_version)
    curve = curve_for(unpack(files), project, horizon_days)
    risk = pd.to_numeric(frame["churn_risk"]).to_numpy(np.float64)
    place = list(frame.columns).index("churn_risk") + 1
    frame.insert(place, f"churn_risk_{horizon_days}d", curve.probability(risk, horizon_days))


def _records(
    run: ScoreRun, rows: Iterable[ScoreRow], spreadsheet: bool
) -> Iterable[dict[str, Any]]:
    for row in rows:
        record = asdict(row)
        record["drivers"] = json.dumps(record["drivers"], ensure_ascii=False)
        record["churn_drivers"] = json.dumps(record["churn_drivers"], ensure_ascii=False)
        record |= {"model_version": run.model_version, "run_id": run.id}
        yield {name: cell(value, spreadsheet) for name, value in record.items()}
