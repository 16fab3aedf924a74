"""A simulated company's truth beside the newest backtest origin: how far from the ceiling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.errors import NotFoundError
from npsight.jobs.building.frames import silent
from npsight.jobs.train import BACKTEST_FILE
from npsight.jobs.training.trainingdata import open_tables
from npsight.models.logits import Vector
from npsight.models.metrics import auc, calibration_error

SILENT_DAYS = 180


@dataclass(frozen=True)
class TruthReport:
    """Detractor risk of the newest origin, against what the simulation knows.

    AUCs are over the answers of the origin's outcome window: of the model, which saw nothing at
    or after as_of; of the true probability on the day of as_of, which is all that can be known
    on that day; and of the true probability at the moment of each answer, which has seen what
    happened in between. `share_of_ceiling` is how far the model gets from 0.5 to the truth on
    the day, `share_at_answer` to the truth at the answer.

    Calibration errors compare predictions with the true probability of an answer in the window:
    for all accounts, and for those that gave no answer in the 180 days before as_of.
    `calibration_error_answers` compares with the answers themselves, where chance alone gives a
    perfect model about `chance_error_answers`.
    """

    as_of: str
    answers: int
    accounts: int
    silent_accounts: int
    auc_model: float
    auc_on_the_day: float
    auc_at_answer: float
    share_of_ceiling: float
    share_at_answer: float
    calibration_error: float
    calibration_error_silent: float
    calibration_error_answers: float
    chance_error_answers: float


def compare_with_truth(project: ProjectSpec, truth_dir: Path) -> TruthReport:
    """Compare the predictions of `npsight train` with `truth*.parquet` of `npsight simulate`.

    Raises
    ------
    NotFoundError
        No backtest, or no truth, is there to compare.
    """
    predictions = _read(project.state_dir / BACKTEST_FILE, "run `npsight train` first")
    truth = _read(truth_dir / "truth.parquet", "run `npsight simulate` with truth")
    given = _read(truth_dir / "truth_answers.parquet", "run `npsight simulate` with truth")
    as_of = predictions["as_of"].iloc[0]
    level = _on_day(truth, as_of)
    everyone = predictions.merge(level, left_on="account", right_on="account_id")
    rows = _answers(project, as_of).merge(
        given[["survey_id", "p_detractor"]].rename(
            columns={"survey_id": "response_id", "p_detractor": "true_at_answer"}
        ),
        on="response_id",
    )
    rows = rows.merge(everyone, on="account")
    observed = (rows["band"] == "detractor").to_numpy(np.float64)
    # An account-window weighs 1, as in training.
    answers = rows.groupby("account")["band"].transform("size").to_numpy(np.float64)
    weight = np.asarray(1.0 / answers, dtype=np.float64)
    model = _auc(rows["detractor"], observed, weight)
    on_the_day = _auc(rows["p_detractor"], observed, weight)
    at_answer = _auc(rows["true_at_answer"], observed, weight)
    since = everyone["responses__days_since_last"].to_numpy(np.float64)
    quiet = ~(since <= SILENT_DAYS)
    predicted = rows["detractor"].to_numpy(np.float64)
    return TruthReport(
        as_of=f"{as_of:%Y-%m-%d}",
        answers=len(rows),
        accounts=len(everyone),
        silent_accounts=int(quiet.sum()),
        auc_model=model,
        auc_on_the_day=on_the_day,
        auc_at_answer=at_answer,
        share_of_ceiling=(model - 0.5) / (on_the_day - 0.5),
        share_at_answer=(model - 0.5) / (at_answer - 0.5),
        calibration_error=_level_error(everyone),
        calibration_error_silent=_level_error(everyone[quiet]),
        calibration_error_answers=calibration_error(predicted, observed, weight),
        chance_error_answers=_chance_error(predicted, weight),
    )


def _answers(project: ProjectSpec, as_of: pd.Timestamp) -> pd.DataFrame:
    """The answers of the origin's outcome window `[as_of + gap, as_of + gap + horizon)`."""
    target = project.detractor
    if target is None:
        raise NotFoundError(f"{project.file.name} has no `detractor` target to compare")
    with open_tables(project, silent) as (builder, _):
        answers = builder.backend.to_pyarrow(
            builder.facts.sources["responses"].select(
                "response_id", "account", "occurred_at", "band"
            )
        ).to_pandas()
    start = as_of + timedelta(days=target.gap_days)
    end = start + timedelta(days=target.horizon_days)
    return answers[(answers["occurred_at"] >= start) & (answers["occurred_at"] < end)]


def _read(path: Path, remedy: str) -> pd.DataFrame:
    if not path.exists():
        raise NotFoundError(f"{path.name} is not there\n  → {remedy}")
    return pd.read_parquet(path)


def _on_day(truth: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """The truth of the last written day at or before as_of (it is written every few days)."""
    day = pd.to_datetime(truth["day"]).dt.tz_localize(None)
    newest = day[day <= as_of].max()
    return truth.loc[day == newest, ["account_id", "p_detractor", "p_detractor_next"]]


def _auc(predicted: pd.Series, observed: Vector, weight: Vector) -> float:
    found = auc(predicted.to_numpy(np.float64), observed, weight)
    return float("nan") if found is None else found


def _level_error(rows: pd.DataFrame) -> float:
    predicted = rows["detractor"].to_numpy(np.float64)
    truth = np.asarray(rows["p_detractor_next"], dtype=np.float64)
    return calibration_error(predicted, truth, np.ones(len(rows)))


def _chance_error(predicted: Vector, weight: Vector) -> float:
    """Mean calibration error of a perfect model on answers drawn from its own predictions."""
    rng = np.random.default_rng(0)
    draws = [
        calibration_error(
            predicted, (rng.random(len(predicted)) < predicted).astype(np.float64), weight
        )
        for _ in range(50)
    ]
    return float(np.mean(draws))
