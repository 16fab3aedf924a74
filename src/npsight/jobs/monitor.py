"""`npsight monitor`: forecasts that were acted on, held against what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from npsight.config.runtime import registry_uri
from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.errors import ConfigError, ForecastMissedError, NotFoundError, Problem
from npsight.jobs.building.frames import Progress, silent
from npsight.jobs.scoring.came import Came, by_day, came_of, judged, risk_of
from npsight.jobs.scoring.forecasts import Forecast, kept_forecasts
from npsight.jobs.training.fit import windows
from npsight.jobs.training.trainingdata import open_tables
from npsight.models.examples import Examples
from npsight.models.logits import Vector
from npsight.models.versus import Versus, versus
from npsight.tracking import Tracking

_TRAIN = "train again, and hold the new version against this one: npsight compare; docs/monitor.md"


@dataclass(frozen=True)
class TargetFound:
    """A target's forecasts whose outcome is known.

    Attributes
    ----------
    against_prior
        Against the model's prior on the same rows.
    against_level
        Against each day's mean risk for everybody: its AUC gain is the AUC less 0.5.
    promised
        AUC in the backtests of the versions, weighed by their rows; None where unknown.
    """

    came: Came
    against_prior: Versus
    against_level: Versus
    promised: float | None

    @property
    def target(self) -> str:
        """Its name."""
        return self.came.target

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


def ensure_right(project: ProjectSpec, found: Monitored) -> None:
    """Raise where more came than forecast, or a risk no longer ranks accounts.

    Less than forecast is what success of calls looks like, and raises nothing; nor does what
    cannot be judged yet.

    Raises
    ------
    ForecastMissedError
        Each such target, with its figures.
    """
    problems = []
    for target in found.targets:
        came = target.came
        if came.verdict == "more than forecast":
            what = f"forecast {came.forecast:.1%}, came {came.came:.1%}"
            problems.append(Problem(f"more came than forecast: {what}", _TRAIN, key=target.target))
        if target.ranks is False:
            what = "its risk ranks accounts no better than chance"
            problems.append(Problem(what, _TRAIN, key=target.target))
    if problems:
        raise ForecastMissedError(
            f"{project.file.name}: the model in use is not right any more", problems
        )


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
        examples = judged(builder, kept)
    promised = _promised(project)
    found = [_target(project, name, rows, promised[name]) for name, rows in examples.items()]
    return Monitored(
        kept=tuple(forecast.as_of for forecast in kept),
        data_end=data_end,
        targets=tuple(found),
        nps=tuple(_nps(examples)),
        next_day=_next_days(kept, declared, data_end, {target.target for target in found}),
        left_out=tuple(_left_out(kept, declared)),
        outcomes=_outcomes(examples),
    )


def _target(
    project: ProjectSpec, name: str, rows: Examples, promised: Mapping[int, float]
) -> TargetFound:
    risk, prior = risk_of(name, rows), rows.frame[f"prior_{name}"].to_numpy(np.float64)
    seed, versions = project.training.seed, rows.frame["version"].to_numpy()
    known = np.array([promised.get(version, np.nan) for version in versions.tolist()])
    return TargetFound(
        came=came_of(project, name, rows),
        against_prior=versus(name, rows, risk, prior, seed),
        against_level=versus(name, rows, risk, _level_of_day(rows, risk), seed),
        promised=None if np.isnan(known).any() else float(known.mean()),
    )


def _level_of_day(rows: Examples, risk: Vector) -> Vector:
    level = np.empty(len(rows))
    for _, which in by_day(rows):
        level[which] = np.average(risk[which], weights=rows.weight[which])
    return level


def _nps(examples: Mapping[str, Examples]) -> Iterator[NpsFound]:
    rows = examples.get("detractor")
    if rows is None or "nps" not in rows.frame:
        return
    counts = {c: rows.frame[c].to_numpy(float) for c in ("answers", "promoters", "detractors")}
    foreseen = rows.frame["nps"].to_numpy(float)
    for day, which in by_day(rows):
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
