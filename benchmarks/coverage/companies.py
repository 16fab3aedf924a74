"""One simulated company: forecast at several days by what was known before each, and compare.

The forecasts are those of the backtest: the models of an origin are fitted on the rows whose
outcome was known before it. Their spread is fitted as `npsight train` fits it, on the forecast
errors of the four newest origins whose windows had ended before the day: at the end of the data
the same function gets the same four origins' errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from npsight.config.load import load_project
from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.jobs.building.frames import silent
from npsight.jobs.training.fit import Fitted, fit_project
from npsight.jobs.training.trainingdata import open_tables, training_data
from npsight.models.coverage import Check, checks
from npsight.models.intervals import NpsForecast
from npsight.models.npsday import NpsDay, first_days
from npsight.models.spread import fit_spread
from npsight.simulate import SimulationSettings, simulate

PROJECT = Path(__file__).parents[2] / "configs" / "demo.yaml"
EVALUATED = 3
USED = 4
"""Origins whose errors make a spread, as `training.origins` has it."""
APART = 1
"""Origins between a day and the newest whose window has ended before it: gap and horizon are
longer than a period.
"""


@dataclass(frozen=True)
class Truth:
    """The NPS if everyone answered, beside the truth and what surveys of responders say.

    `true` is the mean over living accounts of their true expected NPS in the outcome window;
    `responders` what that window's survey reported, `last_known` what the newest survey reported
    that had ended before the day.
    """

    forecast: NpsForecast
    true: float
    responders: float
    last_known: float


@dataclass(frozen=True)
class Forecast:
    """All comparisons of one company on one day."""

    seed: int
    as_of: str
    checks: tuple[Check, ...]
    truth: Truth


def company(seed: int, accounts: int) -> list[Forecast]:
    """Simulate, prepare, build, train and compare one company, in a folder that is removed."""
    with TemporaryDirectory(prefix="npsight-coverage-") as folder:
        data = Path(folder) / "var" / "demo" / "data"
        data.parent.mkdir(parents=True)
        simulate(data, SimulationSettings(accounts=accounts, seed=seed))
        fitted, window = _trained(Path(folder))
        return list(_forecasts(seed, fitted, window, pd.read_parquet(data / "truth.parquet")))


def _trained(folder: Path) -> tuple[Fitted, OutcomeWindow]:
    file = folder / "configs" / "demo.yaml"
    file.parent.mkdir()
    file.write_text(PROJECT.read_text())
    project = _with_origins(load_project(file))
    project.state_dir.mkdir(parents=True, exist_ok=True)
    with open_tables(project, silent) as (builder, _):
        examples = training_data(builder).examples
    # Churn has no part in NPS.
    examples = {name: rows for name, rows in examples.items() if name != "churn"}
    return fit_project(project, examples, silent), examples["response"].window


def _with_origins(project: ProjectSpec) -> ProjectSpec:
    """Enough origins for each evaluated day to have `USED` before it."""
    changed = {"origins": EVALUATED + USED + APART, "threads": 1}
    return replace(project, training=project.training.model_copy(update=changed))


def _forecasts(
    seed: int, fitted: Fitted, window: OutcomeWindow, truth: pd.DataFrame
) -> Iterator[Forecast]:
    origins = first_days(fitted.days)
    response = fitted.response
    assert response is not None
    days_of = pd.to_datetime(truth["day"]).dt.tz_localize(None)
    for day in origins[-EVALUATED:]:
        past = known_before(fitted.days, day.as_of, window)
        model = response.models[[origin.origin for origin in origins].index(day.origin)]
        spread = fit_spread(past, window, model.dispersion)
        everyone = spread.everyone(day.detractor, day.promoter, day.segment)
        newest = days_of[days_of <= pd.Timestamp(day.as_of)].max()
        alive = response.examples.between(day.as_of, day.as_of).account
        yield Forecast(
            seed=seed,
            as_of=day.origin,
            checks=tuple(checks(day, spread)),
            truth=Truth(
                forecast=everyone,
                true=_true_nps(truth[days_of == newest], alive),
                responders=_reported(day),
                last_known=_reported(past[-1]),
            ),
        )


def known_before(
    days: tuple[NpsDay, ...], as_of: np.datetime64, window: OutcomeWindow
) -> list[NpsDay]:
    """The days of the `USED` newest origins whose outcome windows had all ended at `as_of`."""

    def ended(day: NpsDay) -> bool:
        return bool(day.as_of + np.timedelta64(window.end) <= as_of)

    whole = {day.origin for day in days} - {day.origin for day in days if not ended(day)}
    newest = sorted(whole)[-USED:]
    return [day for day in days if day.origin in newest]


def _true_nps(truth: pd.DataFrame, alive: np.ndarray) -> float:
    rows = truth[truth["account_id"].isin(alive)]
    return float(100 * (rows["p_promoter_next"] - rows["p_detractor_next"]).mean())


def _reported(day: NpsDay) -> float:
    reported = day.reported
    if reported is None:
        raise ValueError(f"nobody answered in the window of {day.as_of}: take more accounts")
    return reported
