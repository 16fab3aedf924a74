"""Stored inputs -> the frames that a model scores, typed by its own feature specs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from npsight.features.history import history_columns
from npsight.models.model import Model
from npsight.models.prior import HistoryPrior
from npsight.store import StoredInput

SEGMENT = "segment_"


def frames_of(
    model: Model, inputs: Sequence[StoredInput], as_of: datetime
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features now and one period before, one row an input, in order.

    Numbers are float64 with NaN for missing, categories and `segment_` objects with None. A
    feature that was not stored for any account is no column, so that the model refuses it by name.
    Decayed counts that were not stored are NaN, and so is what is predicted from them.
    """
    keys: dict[str, list[Any]] = {
        "account": [item.account for item in inputs],
        "as_of": [as_of] * len(inputs),
    }
    texts = {spec.name for spec in model.specs if spec.dtype == "category"} | {SEGMENT}
    numbers = {spec.name for spec in model.specs} - texts
    history = history_columns(_levels(model))
    stored = {key for item in inputs for key in item.features}
    wanted = [*sorted(stored & (numbers | texts)), *history]
    return (
        _frame(keys, [item.features for item in inputs], wanted, texts),
        _frame(keys, [item.past for item in inputs], wanted, texts),
    )


def _levels(model: Model) -> list[str]:
    """The levels of decayed counts that the model reads, none without a history prior."""
    priors = [part.prior for _, part in model.parts() if isinstance(part.prior, HistoryPrior)]
    return list(dict.fromkeys(level for prior in priors for level in prior.levels))


def _frame(
    keys: dict[str, list[Any]], rows: list[dict[str, Any]], names: list[str], texts: set[str]
) -> pd.DataFrame:
    columns: dict[str, Any] = dict(keys)
    for name in names:
        values = [row.get(name) for row in rows]
        if name in texts:
            columns[name] = pd.Series(values, dtype=object)
        else:
            columns[name] = np.array([_number(value) for value in values], dtype=np.float64)
    return pd.DataFrame(columns)


def _number(value: Any) -> float:
    """NaN for what is no number, so that one row's fault stays its own."""
    return float(value) if isinstance(value, (int, float)) else float("nan")
