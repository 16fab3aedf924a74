"""Forecasts kept from a run of scoring, to be held against what comes: one file a day."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.errors import StateError
from npsight.jobs.files import write_atomically
from npsight.models.logits import probability
from npsight.models.model import Model, Predictions

FOLDER = "forecasts"
EVERY = timedelta(days=7)
"""At most one forecast is kept in so long."""
MOST = 160
"""About three years of weeks."""
_NAME = "%Y-%m-%dT%H%M%SZ.parquet"
_NOTE = b"npsight"


@dataclass(frozen=True)
class Forecast:
    """What was foreseen on a day.

    Attributes
    ----------
    as_of
        UTC, without a zone.
    version
        Registry version of the model that foresaw it.
    windows
        The outcome window of each target.
    rows
        One row an account: `account`, `as_of` (datetime64[us], UTC); for each target `risk_…` and
        `prior_…`, what the model's prior alone would have said (float64); `nps` where it is
        foreseen, −100 to 100.
    """

    as_of: datetime
    version: int
    windows: Mapping[str, OutcomeWindow]
    rows: pd.DataFrame


def forecast_of(
    version: int, model: Model, as_of: datetime, now: pd.DataFrame, predicted: Predictions
) -> Forecast:
    """The forecast of a run: `now` are the features it read, aligned with `predicted`."""
    rows = now[["account", "as_of"]].reset_index(drop=True)
    for target, part in (("detractor", model.detractor), ("churn", model.churn)):
        if part is not None:
            rows[f"risk_{target}"] = getattr(predicted, target)
            rows[f"prior_{target}"] = probability(part.prior.log_odds(now))
    if predicted.nps is not None:
        rows["nps"] = predicted.nps
    return Forecast(as_of, version, model.windows, rows)


def is_foresight(forecast: Forecast, data_end: datetime) -> bool:
    """Whether nothing of any outcome window `[as_of + gap, …)` was known to anybody: the newest
    fact of the tables, from which models too were learned, lies at or before its start.
    """
    gaps = [window.gap_days for window in forecast.windows.values()]
    return data_end <= forecast.as_of + timedelta(days=min(gaps))


def keep_forecast(project: ProjectSpec, forecast: Forecast, data_end: datetime) -> bool:
    """Keep it, if it is foresight and none was kept within a week before it; says whether it was.

    One of the same as_of is replaced. The oldest beyond `MOST` are deleted. Of a snapshot none is
    kept.

    Raises
    ------
    StateError
        The folder cannot be written; what was kept before stays.
    """
    if project.is_snapshot or not forecast.windows or not is_foresight(forecast, data_end):
        return False
    folder = project.state_dir / FOLDER
    kept = dict(_files(folder))
    if any(timedelta(0) < forecast.as_of - day < EVERY for day in kept):
        return False
    try:
        write_atomically(folder / f"{forecast.as_of:{_NAME}}", _to_bytes(forecast))
        for day in sorted(kept)[: max(0, len({*kept, forecast.as_of}) - MOST)]:
            kept[day].unlink(missing_ok=True)
    except OSError as error:
        raise StateError(
            f"{folder}: the forecast cannot be kept ({error.strerror})\n"
            "  → check free space and permissions there, then score again"
        ) from None
    return True


def kept_forecasts(project: ProjectSpec) -> list[Forecast]:
    """Every forecast kept, by day.

    Raises
    ------
    StateError
        A file cannot be read.
    """
    return [_read(day, file) for day, file in sorted(_files(project.state_dir / FOLDER))]


def _files(folder: Path) -> Iterator[tuple[datetime, Path]]:
    for file in folder.glob("*.parquet") if folder.is_dir() else ():
        try:
            yield datetime.strptime(file.name, _NAME).replace(tzinfo=UTC).replace(tzinfo=None), file
        except ValueError:
            continue


def _to_bytes(forecast: Forecast) -> bytes:
    windows = {t: [w.gap_days, w.horizon_days] for t, w in forecast.windows.items()}
    note = json.dumps({"version": forecast.version, "windows": windows}).encode()
    table = pa.Table.from_pandas(forecast.rows, preserve_index=False)
    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata({**(table.schema.metadata or {}), _NOTE: note}),
        buffer,
        compression="zstd",
    )
    return buffer.getvalue()


def _read(as_of: datetime, file: Path) -> Forecast:
    try:
        table = pq.read_table(file)
        note = json.loads(table.schema.metadata[_NOTE])
        windows = {t: OutcomeWindow(gap, days) for t, (gap, days) in note["windows"].items()}
        rows = table.to_pandas()
        rows["as_of"] = np.datetime64(as_of, "us")
        return Forecast(as_of, int(note["version"]), windows, rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{file} cannot be read: {type(error).__name__}\n"
            "  → delete it; its day is then not judged"
        ) from None
