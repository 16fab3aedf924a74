"""`npsight monitor`: forecasts that were acted on, held against what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from npsight.config.runtime import registry_uri
from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.errors import ConfigError, NotFoundError, Problem
from npsight.jobs.fit import windows
from npsight.jobs.forecasts import Forecast, kept_forecasts
from npsight.jobs.frames import FeatureBuilder, Progress, silent
from npsight.jobs.modelfigures import LevelFound, levels
from npsight.jobs.trainingdata import examples_of, open_tables
from npsight.models.bootstrap import Interval
from npsight.models.clustered import clustered_mean
from npsight.models.examples import Examples
from npsight.models.intervals import Z
from npsight.models.logits import Vector
from npsight.models.versus import Versus, versus
from npsight.tracking import Tracking

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
class TargetFound:
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
    against_prior
        Against the model's prior on the same rows.
    against_level
        Against each day's mean risk for everybody: its AUC gain is the AUC less 0.5.
    promised
        AUC in the backtests of the versions, weighed by their rows; None where unknown.
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
    against_prior: Versus
    against_level: Versus
    promised: float | None
    levels: tuple[LevelCame, ...]

    @property
    def verdict(self) -> Verdict:
        """Whether as much came as was forecast."""
        off = self.came - self.forecast
        if self.between.low <= self.forecast <= self.between.high or abs(off) <= self.tolerance:
            return "as forecast"
        return "more than forecast" if off > 0 else "less than forecast"

    @property
    def ranks(self) -> bool | None:
        """Whether the risk ranks accounts beyond chance; None where nothing can be said."""
        bounds = self.against_level.figures["auc"].interval
        return None if bounds is None else bounds.low > 0


@dataclass(frozen=True)
class NpsFound:
    """NPS of a day's accounts that answered, weighing by their answers."""

    as_of: datetime
    version: int
    answers: int
    forecast: float
    came: float


@dataclass(frozen=True)
class Monitored:
    """What came of the forecasts kept.

    Attributes
    ----------
    kept
        Their days.
    data_end
        The newest fact; a window that ends later is open.
    targets, nps
        What is known; a target without any outcome is left out.
    next_day
        Of each target without one, the first day to be judged, and when its window ends.
    left_out
        Why forecasts are never judged, a sentence each.
    outcomes
        Every forecast with its outcome: `target`, `as_of`, `account`, `version`, `risk`, `prior`,
        `came` (share of the event).
    """

    kept: tuple[datetime, ...]
    data_end: datetime
    targets: tuple[TargetFound, ...]
    nps: tuple[NpsFound, ...]
    next_day: Mapping[str, tuple[datetime, datetime]]
    left_out: tuple[str, ...]
    outcomes: pd.DataFrame


def monitor(project: ProjectSpec, progress: Progress = silent) -> Monitored:
    """Judge every forecast kept whose outcome window `[D + gap, D + gap + horizon)` has ended:
    `D + gap + horizon <= data_end`.

    Raises
    ------
    ConfigError
        The data are a snapshot.
    NotFoundError
        No forecast is kept.
    StateError
        One cannot be read.
    """
    if project.is_snapshot:
        problem = Problem(
            "is a snapshot, in which nothing comes later",
            "bring dated tables; npsight backtest says how good a model of a snapshot is",
            key=project.file.name,
        )
        raise ConfigError("nothing can be held against what came", [problem])
    progress("forecasts kept")
    kept = kept_forecasts(project)
    if not kept:
        raise NotFoundError(
            f"no forecast of {project.name} is kept\n"
            f"  → npsight score -c {project.file}; it keeps one a week, of days whose outcomes "
            "still lie ahead"
        )
    declared = windows(project)
    with open_tables(project, progress) as (builder, _):
        data_end = builder.facts.data_end
        progress(f"outcomes of {len(kept)} days")
        examples = _examples(builder, [f for f in kept if _ended(f, declared, data_end)])
    promised = _promised(project)
    found = [
        target
        for name in declared
        if (target := _target(project, name, examples, promised.get(name, {}))) is not None
    ]
    return Monitored(
        kept=tuple(forecast.as_of for forecast in kept),
        data_end=data_end,
        targets=tuple(found),
        nps=tuple(_nps(examples)),
        next_day=_next_days(kept, declared, data_end, {target.target for target in found}),
        left_out=tuple(_left_out(kept, declared)),
        outcomes=_outcomes(examples),
    )


def _ended(forecast: Forecast, declared: Mapping[str, OutcomeWindow], data_end: datetime) -> bool:
    """Whether any target of a forecast can be judged."""
    return any(
        forecast.windows.get(name) == window and forecast.as_of + window.end <= data_end
        for name, window in declared.items()
    )


def _examples(builder: FeatureBuilder, forecasts: Sequence[Forecast]) -> dict[str, Examples]:
    """Each target's forecasts with their outcome; the frame has those of `Forecast.rows`, the
    `version`, and of answers their counts.
    """
    if not forecasts:
        return {}
    frame = pd.concat([f.rows.assign(version=f.version) for f in forecasts], ignore_index=True)
    spine = builder.spine([forecast.as_of for forecast in forecasts])
    found = {}
    for name, rows in examples_of(builder, spine, frame).items():
        if name not in ("detractor", "churn") or f"risk_{name}" not in frame:
            continue
        told = [f.as_of for f in forecasts if f.windows.get(name) == rows.window]
        days = np.array(told, dtype="datetime64[us]")
        judged = np.isin(rows.as_of, days) & rows.frame[f"risk_{name}"].notna().to_numpy()
        if judged.any():
            found[name] = rows.where(judged)
    return found


def _target(
    project: ProjectSpec, name: str, examples: Mapping[str, Examples], promised: Mapping[int, float]
) -> TargetFound | None:
    rows = examples.get(name)
    if rows is None:
        return None
    risk, prior = (rows.frame[f"{kind}_{name}"].to_numpy(float) for kind in ("risk", "prior"))
    forecast = float(np.average(risk, weights=rows.weight))
    off, error = clustered_mean(rows.share - risk, rows.weight, rows.account)
    seed, versions = project.training.seed, rows.frame["version"].to_numpy()
    known = np.array([promised.get(version, np.nan) for version in versions.tolist()])
    return TargetFound(
        target=name,
        days=tuple(_days(rows, risk)),
        rows=len(rows),
        accounts=len(set(rows.account)),
        forecast=forecast,
        came=forecast + off,
        between=Interval(
            max(0.0, forecast + off - Z[95] * error), min(1.0, forecast + off + Z[95] * error)
        ),
        tolerance=project.training.gates.calibration,
        against_prior=versus(name, rows, risk, prior, seed),
        against_level=versus(name, rows, risk, _level_of_day(rows, risk), seed),
        promised=None if np.isnan(known).any() else float(known.mean()),
        levels=tuple(_levels(project, rows, risk)),
    )


def _by_day(
    rows: Examples,
) -> Iterator[tuple[datetime, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    for day in np.unique(rows.as_of):
        yield day.astype("datetime64[us]").item(), rows.as_of == day


def _days(rows: Examples, risk: Vector) -> Iterator[DayFound]:
    versions = rows.frame["version"].to_numpy()
    for day, which in _by_day(rows):
        weight = rows.weight[which]
        yield DayFound(
            as_of=day,
            version=int(versions[which][0]),
            rows=int(which.sum()),
            forecast=float(np.average(risk[which], weights=weight)),
            came=float(np.average(rows.share[which], weights=weight)),
        )


def _level_of_day(rows: Examples, risk: Vector) -> Vector:
    level = np.empty(len(rows))
    for _, which in _by_day(rows):
        level[which] = np.average(risk[which], weights=rows.weight[which])
    return level


def _levels(project: ProjectSpec, rows: Examples, risk: Vector) -> Iterator[LevelCame]:
    limits = project.worklist
    edges = [np.inf, limits.high_risk, limits.medium_risk, -np.inf]
    found = levels(risk, rows.share, rows.weight, limits.high_risk, limits.medium_risk)
    for k, level in enumerate(found):
        held = (risk >= edges[k + 1]) & (risk < edges[k])
        mean = float(np.average(risk[held], weights=rows.weight[held])) if held.any() else None
        yield LevelCame(mean, level)


def _nps(examples: Mapping[str, Examples]) -> Iterator[NpsFound]:
    rows = examples.get("detractor")
    if rows is None or "nps" not in rows.frame:
        return
    counts = {c: rows.frame[c].to_numpy(float) for c in ("answers", "promoters", "detractors")}
    foreseen = rows.frame["nps"].to_numpy(float)
    for day, which in _by_day(rows):
        if np.isnan(foreseen[which]).any():
            continue
        answers = counts["answers"][which]
        net = (counts["promoters"] - counts["detractors"])[which].sum()
        yield NpsFound(
            as_of=day,
            version=int(rows.frame["version"].to_numpy()[which][0]),
            answers=int(answers.sum()),
            forecast=float(np.average(foreseen[which], weights=answers)),
            came=float(100 * net / answers.sum()),
        )


def _outcomes(examples: Mapping[str, Examples]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "target": name,
                "as_of": rows.as_of,
                "account": rows.account,
                "version": rows.frame["version"].to_numpy(),
                "risk": rows.frame[f"risk_{name}"].to_numpy(),
                "prior": rows.frame[f"prior_{name}"].to_numpy(),
                "came": rows.share,
            }
        )
        for name, rows in examples.items()
    ]
    columns = ["target", "as_of", "account", "version", "risk", "prior", "came"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts).sort_values(columns[:3], ignore_index=True)


def _promised(project: ProjectSpec) -> dict[str, dict[int, float]]:
    """AUC in the backtest of each version that the registry has, by target."""
    tracking = Tracking(project.name, project.state_dir, registry_uri(), project.file)
    found: dict[str, dict[int, float]] = {"detractor": {}, "churn": {}}
    for info in tracking.versions():
        for name, by_version in found.items():
            figure = info.metrics.get(f"{name}_chosen_auc")
            if figure is not None:
                by_version[info.version] = figure
    return found


def _next_days(
    kept: Sequence[Forecast],
    declared: Mapping[str, OutcomeWindow],
    data_end: datetime,
    told: set[str],
) -> dict[str, tuple[datetime, datetime]]:
    waiting = {}
    for name, window in declared.items():
        days = [
            forecast.as_of
            for forecast in kept
            if forecast.windows.get(name) == window and forecast.as_of + window.end > data_end
        ]
        if days and name not in told:
            waiting[name] = (min(days), min(days) + window.end)
    return waiting


def _left_out(kept: Sequence[Forecast], declared: Mapping[str, OutcomeWindow]) -> Iterator[str]:
    for name, window in declared.items():
        other = [f for f in kept if name in f.windows and f.windows[name] != window]
        if other:
            was = other[-1].windows[name]
            yield (
                f"{name}: {len(other)} of {len(kept)} forecasts have another window (gap "
                f"{was.gap_days}, horizon {was.horizon_days} days) than the project file (gap "
                f"{window.gap_days}, horizon {window.horizon_days})"
            )
