"""A small model of every kind of part, fitted on made-up rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import NPS_HISTORY, DriverSpec, FeatureSpec
from npsight.features.history import BANDS, history_columns
from npsight.models.calibration import Calibration
from npsight.models.encoding import learn_schema
from npsight.models.linear import LinearProblem
from npsight.models.model import Model
from npsight.models.part import PartModel
from npsight.models.prior import HistoryPrior, Prior, RatePrior
from npsight.models.trees import TreeSettings, fit_trees

SPECS = (
    FeatureSpec(
        source="usage",
        aggregation="sum",
        measure="logins",
        window_days=30,
        driver="product_use",
        label="logins",
    ),
    FeatureSpec(
        source="usage",
        aggregation="trend",
        measure="logins",
        window_days=30,
        driver="product_use",
        label="logins",
    ),
    FeatureSpec(
        source="usage",
        aggregation="mean",
        measure="adoption",
        window_days=30,
        driver="product_use",
        label="adoption",
    ),
    FeatureSpec(
        source="tickets", aggregation="open", driver="support", label="open tickets", missing="zero"
    ),
    FeatureSpec(
        source="accounts",
        aggregation="value",
        measure="plan",
        driver="accounts",
        label="plan",
        dtype="category",
    ),
    FeatureSpec(
        source="responses",
        aggregation="last",
        measure="score",
        driver=NPS_HISTORY,
        label="last score",
    ),
    FeatureSpec(
        source="responses",
        aggregation="days_since_last",
        driver=NPS_HISTORY,
        label="days since the last answer",
    ),
    FeatureSpec(
        source="responses",
        aggregation="sum",
        measure="theme_price",
        window_days=365,
        driver=NPS_HISTORY,
        label="comments on price",
    ),
    FeatureSpec(
        source="invitations",
        aggregation="count",
        window_days=365,
        driver=NPS_HISTORY,
        label="invitations",
    ),
    FeatureSpec(
        source="invitations",
        aggregation="open",
        window_days=365,
        driver=NPS_HISTORY,
        label="unanswered",
    ),
)
DRIVERS = (
    DriverSpec("product_use", "Product use", True, "Walk them through it."),
    DriverSpec("support", "Support experience", True, "Call them."),
    DriverSpec("accounts", "Account profile", False),
    DriverSpec(NPS_HISTORY, "NPS history", False),
)


def rows(count: int, seed: int) -> pd.DataFrame:
    """Made-up accounts with every feature, some of them missing, and decayed counts."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "account": np.array([f"a{i}" for i in range(count)], dtype=object),
            "as_of": pd.Timestamp("2025-01-01", tz="UTC"),
            "segment_": rng.choice(np.array(["pro", "basic", ""], dtype=object), count),
            SPECS[0].name: np.round(rng.gamma(2, 100, count)),
            SPECS[1].name: np.clip(rng.normal(0, 0.6, count), -1, 1),
            SPECS[2].name: np.where(rng.random(count) < 0.1, np.nan, rng.random(count)),
            SPECS[3].name: rng.poisson(1, count).astype(float),
            SPECS[4].name: rng.choice(np.array(["pro", "basic", None], dtype=object), count),
            SPECS[5].name: np.where(rng.random(count) < 0.3, np.nan, rng.integers(0, 11, count)),
            SPECS[6].name: np.where(rng.random(count) < 0.3, np.nan, rng.gamma(2, 60, count)),
            SPECS[7].name: rng.poisson(0.4, count).astype(float),
            SPECS[8].name: rng.poisson(2, count).astype(float),
            SPECS[9].name: rng.poisson(1, count).astype(float),
        }
    )
    counts = {
        c: rng.gamma(1, 3.0 if c.startswith("own") else 60.0, count) for c in history_columns()
    }
    return pd.concat([frame, pd.DataFrame(counts)], axis=1)


def fit_part(name: str, train: pd.DataFrame, prior: Prior, trees: int, seed: int) -> PartModel:
    """A part whose learners follow logins, adoption, plan and the last score."""
    rng = np.random.default_rng(seed)
    chance = (
        0.1
        + 0.3 * (train[SPECS[0].name] < 150)
        + 0.2 * (train[SPECS[4].name] == "basic")
        + 0.2 * (train[SPECS[5].name].fillna(5) < 6)
        + 0.1 * (train[SPECS[2].name].fillna(0) < 0.3)
    )
    share = (chance > rng.random(len(train))).astype(float).to_numpy()
    start, schema = prior.log_odds(train), learn_schema(train, SPECS)
    weight, matrix = np.ones(len(train)), schema.encode(train)
    fitted = linear = None
    if trees:
        settings = TreeSettings(learning_rate=0.2)
        fitted = fit_trees(matrix, share, weight, start, schema, settings, trees)
        linear = LinearProblem(matrix, schema, share, weight, start).fit(5.0)
    return PartModel(
        name=name,
        prior=prior,
        prior_mean=float(start.mean()),
        schema=schema,
        calibration=Calibration(0.2, 0.9),
        linear=linear,
        linear_blend=0.25 if trees else 0.0,
        trees=fitted,
        tree_blend=0.75 if trees else 0.0,
        tree_count=trees,
    )


def history_prior(event: str) -> HistoryPrior:
    """A history prior with that band as its event."""
    return HistoryPrior((event,), BANDS, 0.3, 240, 240, 4.0, 20.0)


MakeModel = Callable[..., Model]


@pytest.fixture(scope="session")
def train() -> pd.DataFrame:
    """Rows that the models of these tests were fitted on."""
    return rows(1500, seed=1)


@pytest.fixture(scope="session")
def make_model(train: pd.DataFrame) -> MakeModel:
    """A model by the number of trees of each part; a negative number leaves the part out."""

    def make(detractor: int = 25, promoter: int = 25, churn: int = 25) -> Model:
        wanted: list[tuple[str, int, Prior]] = [
            ("detractor", detractor, history_prior("detractor")),
            ("promoter", promoter, history_prior("promoter")),
            ("churn", churn, RatePrior(0.2)),
        ]
        parts = {
            name: fit_part(name, train, prior, trees, seed=i) if trees >= 0 else None
            for i, (name, trees, prior) in enumerate(wanted)
        }
        return Model(
            project="tiny",
            spread=None,
            specs=SPECS,
            drivers=DRIVERS,
            segment="plan",
            windows={},
            trained_through="2025-01-01",
            **parts,
        )

    return make


@pytest.fixture(scope="session")
def model(make_model: MakeModel) -> Model:
    """Detractor, promoter and churn, each with trees."""
    return make_model()


@pytest.fixture(scope="session")
def now() -> pd.DataFrame:
    """Accounts to explain, none of them trained on."""
    return rows(80, seed=2)


@pytest.fixture(scope="session")
def past() -> pd.DataFrame:
    """The same accounts one period before."""
    return rows(80, seed=3)
