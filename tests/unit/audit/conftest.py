"""Labelled rows made of numbers, for the tests of suspicion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import OutcomeWindow
from npsight.models.examples import Examples

DAYS = pd.date_range("2024-01-01", periods=8, freq="60D").as_unit("us")
EACH = 200


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def examples_of(rng: np.random.Generator) -> Callable[..., Examples]:
    """Rows of eight days, whose outcome is 1 with a probability of 0.3, and columns made of it."""

    def make(each: int = EACH, **columns: Callable[[np.ndarray], object]) -> Examples:
        count = len(DAYS) * each
        share = (rng.random(count) < 0.3).astype(float)
        frame = pd.DataFrame(
            {
                "account": [f"a{i:03d}" for i in range(each)] * len(DAYS),
                "as_of": np.repeat(DAYS.to_numpy(), each),
                **{name: value(share) for name, value in columns.items()},
            }
        )
        known = frame["as_of"].to_numpy("datetime64[us]") + np.timedelta64(31, "D")
        return Examples(frame, share, np.ones(count), known, OutcomeWindow(0, 30))

    return make
