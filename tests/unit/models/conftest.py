"""Made-up rows for models: features, decayed counts, and outcomes whose chance is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import FeatureSpec, OutcomeWindow
from npsight.features.history import history_columns
from npsight.models.examples import Examples

WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)
FIRST = datetime(2024, 1, 1)
SPECS = (
    FeatureSpec(source="usage", aggregation="sum", measure="logins", window_days=30,
                driver="use"),
    FeatureSpec(source="usage", aggregation="mean", measure="adoption", driver="use"),
    FeatureSpec(source="accounts", aggregation="value", measure="plan", driver="accounts",
                dtype="category"),
)  # fmt: skip
LOGINS, ADOPTION, PLAN = (spec.name for spec in SPECS)
MakeExamples = Callable[..., Examples]


@pytest.fixture(scope="session")
def specs() -> tuple[FeatureSpec, ...]:
    return SPECS


@pytest.fixture(scope="session")
def make_examples() -> MakeExamples:
    """`days` as_of dates 30 days apart for each of some accounts; risk falls with logins."""

    def make(accounts: int = 120, days: int = 12, seed: int = 0, effect: float = 1.5) -> Examples:
        rng = np.random.default_rng(seed)
        count = accounts * days
        as_of = np.repeat([FIRST + timedelta(days=30 * d) for d in range(days)], accounts)
        logins = rng.gamma(2, 50, count)
        chance = 1 / (1 + np.exp(effect * (np.log1p(logins) - 4.4)))
        frame = pd.DataFrame(
            {
                "account": np.tile([f"a{i:03d}" for i in range(accounts)], days).astype(object),
                "as_of": as_of.astype("datetime64[us]"),
                LOGINS: logins,
                ADOPTION: np.where(rng.random(count) < 0.2, np.nan, rng.random(count)),
                PLAN: rng.choice(np.array(["basic", "pro", None], dtype=object), count),
            }
        )
        counts = {column: np.zeros(count) for column in history_columns()}
        frame = pd.concat([frame, pd.DataFrame(counts)], axis=1)
        return Examples(
            frame=frame,
            share=(rng.random(count) < chance).astype(float),
            weight=np.ones(count),
            known_at=np.full(count, np.datetime64("NaT", "us")),
            window=WINDOW,
        )

    return make


@pytest.fixture(scope="session")
def examples(make_examples: MakeExamples) -> Examples:
    return make_examples()
