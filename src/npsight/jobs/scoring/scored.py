"""Features -> what is stored of a scored account, the same however it came to be scored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from npsight.config.schema import Worklist
from npsight.drivers.explain import Explanation
from npsight.drivers.peers import Peers
from npsight.drivers.points import Points
from npsight.drivers.sentences import notes
from npsight.features.history import history_columns_of
from npsight.models.model import Model, Predictions
from npsight.store import ScoreRow
from npsight.worklist.bands import risk_level

Target = Literal["detractor", "churn"]


@dataclass(frozen=True)
class ScoreInputs:
    """What scoring reads from the tables, aligned by row: one row an account."""

    now: pd.DataFrame
    past: pd.DataFrame
    display: pd.DataFrame


def score_frame(
    worklist: Worklist, model: Model, inputs: ScoreInputs, predicted: Predictions
) -> pd.DataFrame:
    """One row an account, with what is displayed and what was predicted."""
    scores = inputs.display.drop(columns=["last_band"]).copy()
    scores["band_now"] = inputs.display["last_band"].fillna("silent").to_numpy()
    scores["segment"] = inputs.now["segment_"].replace("", None).to_numpy()
    count = len(scores)
    detractor, promoter = predicted.detractor, predicted.promoter
    for column, values in (
        ("detractor_risk", predicted.detractor),
        ("promoter_prob", predicted.promoter),
        ("predicted_nps", predicted.nps),
        ("churn_risk", predicted.churn),
        ("answer_prob", predicted.answer_prob),
        ("expected_answers", predicted.expected_answers),
    ):
        scores[column] = np.full(count, np.nan) if values is None else values
    for level in (80, 95):
        low = high = np.full(count, np.nan)
        if model.spread is not None and detractor is not None and promoter is not None:
            low, high = model.spread.account_interval(detractor, promoter, level)
        scores[f"nps_low_{level}"], scores[f"nps_high_{level}"] = low, high
    low = high = np.full(count, np.nan)
    if model.spread is not None and detractor is not None and promoter is not None:
        low, high = model.spread.risk_interval(detractor, promoter, 80)
    scores["risk_low_80"], scores["risk_high_80"] = low, high
    by_churn = worklist.target == "churn" or predicted.detractor is None
    risk = scores["churn_risk" if by_churn else "detractor_risk"]
    scores["risk_level"] = [risk_level(r, worklist) for r in risk]
    return scores


def notes_of(
    model: Model, explanation: Explanation, inputs: ScoreInputs, peers: Peers
) -> dict[Target, list[list[dict[str, Any]]]]:
    """Drivers in words of each row, for each target that the model has."""
    found: dict[Target, list[list[dict[str, Any]]]] = {}
    targets: list[tuple[Target, Points | None]] = [
        ("detractor", explanation.risk),
        ("churn", explanation.churn),
    ]
    for target, points in targets:
        if points is not None:
            told = notes(model, explanation, inputs.now, inputs.past, peers, target)
            found[target] = [[note.as_dict() for note in row] for row in told]
    return found


def score_rows(
    scores: pd.DataFrame,
    listed: pd.DataFrame,
    explanation: Explanation,
    told: dict[Target, list[list[dict[str, Any]]]],
) -> Iterator[ScoreRow]:
    """What is stored of each account; `listed` gives places on the worklist."""
    columns = ["account", "rank", "priority", "priority_reason", "within_capacity"]
    ranked = scores.merge(listed[columns], on="account", how="left")
    bases: dict[str, Any] = {
        "base_risk": explanation.risk.base if explanation.risk else None,
        "base_nps": explanation.nps.base if explanation.nps else None,
        "base_churn": explanation.churn.base if explanation.churn else None,
    }
    for i, fields in enumerate(_plain_records(ranked)):
        fields["rank"] = None if fields["rank"] is None else int(fields["rank"])
        yield ScoreRow(
            **fields,
            **bases,
            drivers=told["detractor"][i] if "detractor" in told else [],
            churn_drivers=told["churn"][i] if "churn" in told else [],
        )


def stored_inputs(
    model: Model, inputs: ScoreInputs
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Account, features and past features of each row."""
    history = history_columns_of(inputs.now.columns)
    columns = [spec.name for spec in model.specs] + history + ["segment_"]
    now, past = _plain_records(inputs.now[columns]), _plain_records(inputs.past[columns])
    yield from zip(inputs.now["account"], now, past, strict=True)


def _plain_records(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A row at a time; columns are made plain as a whole, which is many times faster."""
    names = [str(name) for name in frame.columns]
    columns = [_plain_column(column) for _, column in frame.items()]
    return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


def _plain_column(column: pd.Series) -> list[Any]:
    values = column.tolist()
    if column.dtype == np.float64:
        return [None if math.isnan(value) else value for value in values]
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    """None for every kind of missing; plain Python for the rest."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if isinstance(value, np.generic) else value
