"""The served model's own trees of detractor risk, and nothing around them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import lightgbm
import numpy as np

MODEL = "BENCH_MODEL"
"""Environment variable with the model file's path."""


class Scorer:
    """A booster that is called with one row."""

    def __init__(self) -> None:
        self.booster = lightgbm.Booster(model_str=Path(os.environ[MODEL]).read_text())

    def risk(self, features: Sequence[float]) -> float:
        """Probability of the event."""
        return float(self.booster.predict(np.array([features]))[0])
