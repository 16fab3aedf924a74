"""What came of kept forecasts: each beside its outcome, by day and by risk level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.jobs.building.frames import FeatureBuilder
from npsight.jobs.evaluations.modelfigures import LevelFound, levels
from npsight.jobs.scoring.forecasts import Forecast
from npsight.jobs.training.fit import windows
from npsight.jobs.training.trainingdata import examples_of
from npsight.models.bootstrap import Interval
from npsight.models.clustered import clustered_mean
from npsight.models.examples import Examples
from npsight.models.intervals import Z
from npsight.models.logits import Vector

Verdict = Literal["as forecast", "more than forecast", "less than forecast"]


@dataclass(frozen=True)
class DayFound:
    """One day's forecasts whose outcome is known: how many, their mean risk, the share that came.

    `version` is the model's that foresaw them.
    """

    as_of: datetime
    version: int
    rows: int
    forecast: float
    came: float


@dataclass(frozen=True)
class LevelCame:
    """A risk level of the worklist: what was forecast on average (None of none), and what came."""

    forecast: float | None
    found: LevelFound


@dataclass(frozen=True)
class Came:
    """A target's forecasts whose outcome is known.

    Attributes
    ----------
    days
        By day, rising; a day whose window has ended without any outcome has no entry.
    rows, accounts
        Forecasts, and the accounts they are of.
    forecast, came
        Mean risk, and observed share of the event.
    between
        95 % interval of the share that came, by the chance among accounts.
    tolerance
        A difference up to here is none.
    levels
        High, medium and low.
    """

    target: str
    days: tuple[DayFound, ...]
    rows: int
    accounts: int
    forecast: float
    came: float
    between: Interval
    tolerance: float
    levels: tuple[LevelCame, ...]

    @property
    def verdict(self) -> Verdict:
        """Whether as much came as was forecast."""
        off = self.came - self.forecast
        if self.between.low <= self.forecast <= self.between.high or abs(off) <= self.tolerance:
            return "as forecast"
        return "more than forecast" if off > 0 else "less than forecast"


def has_ended(
    forecast: Forecast, declared: Mapping[str, OutcomeWindow], data_end: datetime
) -> bool:
    """Whether any target of a forecast can be judged: its window is the declared one, and
    `D + gap + horizon <= data_end`.
    """
    return any(
        forecast.windows.get(name) == window and forecast.as_of + window.end <= data_end
        for name, window in declared.items()
    )


def judged(builder: FeatureBuilder, kept: Sequence[Forecast]) -> dict[str, Examples]:
    """Each target's forecasts whose outcome window `[D + gap, D + gap + horizon)` has ended, with
    their outcome. The frame has the columns of `Forecast.rows`, the `version`, and of answers
    their counts.
    """
    declared, data_end = windows(builder.project), builder.facts.data_end
    forecasts = [forecast for forecast in kept if has_ended(forecast, declared, data_end)]
    if not forecasts:
        return {}
    frame = pd.concat([f.rows.assign(version=f.version) for f in forecasts], ignore_index=True)
    spine = builder.spine([forecast.as_of for forecast in forecasts])
    found = {}
    for name, rows in examples_of(builder, spine, frame).items():
        if name not in declared or f"risk_{name}" not in frame:
            continue
        told = [f.as_of for f in forecasts if f.windows.get(name) == rows.window]
        days = np.array(told, dtype="datetime64[us]")
        known = np.isin(rows.as_of, days) & rows.frame[f"risk_{name}"].notna().to_numpy()
        if known.any():
            found[name] = rows.where(known)
    return found


def came_of(project: ProjectSpec, name: str, rows: Examples) -> Came:
    """What came of a target's `judged` forecasts, of which there is at least one."""
    risk = risk_of(name, rows)
    forecast = float(np.average(risk, weights=rows.weight))
    off, error = clustered_mean(rows.share - risk, rows.weight, rows.account)
    half = Z[95] * error
    return Came(
        target=name,
        days=tuple(_days(rows, risk)),
        rows=len(rows),
        accounts=len(set(rows.account)),
        forecast=forecast,
        came=forecast + off,
        between=Interval(max(0.0, forecast + off - half), min(1.0, forecast + off + half)),
        tolerance=project.training.gates.calibration,
        levels=tuple(_levels(project, rows, risk)),
    )


def risk_of(name: str, rows: Examples) -> Vector:
    """What was foreseen of each row."""
    risk: Vector = rows.frame[f"risk_{name}"].to_numpy(np.float64)
    return risk


def by_day(rows: Examples) -> Iterator[tuple[datetime, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    """Each day, rising, and which rows are of it."""
    for day in np.unique(rows.as_of):
        yield day.astype("datetime64[us]").item(), rows.as_of == day


def _days(rows: Examples, risk: Vector) -> Iterator[DayFound]:
    versions = rows.frame["version"].to_numpy()
    for day, which in by_day(rows):
        weight = rows.weight[which]
        yield DayFound(
            as_of=day,
            version=int(versions[which][0]),
            rows=int(which.sum()),
            forecast=float(np.average(risk[which], weights=weight)),
            came=float(np.average(rows.share[which], weights=weight)),
        )


def _levels(project: ProjectSpec, rows: Examples, risk: Vector) -> Iterator[LevelCame]:
    limits = project.worklist
    edges = [np.inf, limits.high_risk, limits.medium_risk, -np.inf]
    found = levels(risk, rows.share, rows.weight, limits.high_risk, limits.medium_risk)
    for k, level in enumerate(found):
        held = (risk >= edges[k + 1]) & (risk < edges[k])
        mean = float(np.average(risk[held], weights=rows.weight[held])) if held.any() else None
        yield LevelCame(mean, level)
