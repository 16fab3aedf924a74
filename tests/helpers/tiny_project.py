"""A small real project state: model, cached champion, one score run and its inputs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from npsight.config.specs import NPS_HISTORY, DriverSpec, FeatureSpec
from npsight.drivers.explain import explain
from npsight.drivers.peers import peers_of
from npsight.drivers.sentences import notes
from npsight.features.history import BANDS, history_columns
from npsight.models.bundle import golden_rows, pack, verify
from npsight.models.calibration import Calibration
from npsight.models.encoding import learn_schema
from npsight.models.intervals import NpsSpread
from npsight.models.model import Model
from npsight.models.part import PartModel
from npsight.models.prior import HistoryPrior, Prior, RatePrior
from npsight.models.trees import TreeSettings, fit_trees
from npsight.store import ScoreRow, ScoreRun, open_store, store_file
from npsight.tracking import write_cached

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
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
        source="tickets",
        aggregation="open",
        driver="support",
        label="open tickets",
        missing="zero",
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
)
DRIVERS = (
    DriverSpec("product_use", "Product use", True, "Walk them through it."),
    DriverSpec("support", "Support experience", True, "Call them."),
    DriverSpec("accounts", "Account profile", False),
    DriverSpec(NPS_HISTORY, "NPS history", False),
)
CONFIG = """\
project: tiny
state: state
tables:
  accounts: {path: accounts.csv, key: account}
  responses: {path: responses.csv, account: account, time: at, score: score}
targets: {detractor: {}, nps: {}}
"""


def rows(count: int, seed: int) -> pd.DataFrame:
    """Made-up accounts; some values are missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "account": np.array([f"a/{i} é" for i in range(count)], dtype=object),
            "segment_": rng.choice(np.array(["pro", "basic"], dtype=object), count),
            SPECS[0].name: np.where(rng.random(count) < 0.1, np.nan, rng.gamma(2, 100, count)),
            SPECS[1].name: rng.poisson(1, count).astype(float),
            SPECS[2].name: rng.choice(np.array(["pro", "basic", None], dtype=object), count),
            SPECS[3].name: np.where(rng.random(count) < 0.3, np.nan, rng.integers(0, 11, count)),
        }
    )
    counts = {c: rng.gamma(1, 3.0 if c.startswith("own") else 60, count) for c in history_columns()}
    return pd.concat([frame, pd.DataFrame(counts)], axis=1)


def tiny_model() -> Model:
    """Detractor, promoter and churn, each with trees."""
    train = rows(600, seed=1)
    priors: dict[str, Prior] = {
        "detractor": HistoryPrior(("detractor",), BANDS, 0.3, 240, 240, 4.0, 20.0),
        "promoter": HistoryPrior(("promoter",), ("passive", "promoter"), 0.4, 240, 240, 4.0, 20.0),
        "churn": RatePrior(0.2),
    }
    parts = {name: _part(name, prior, train, i) for i, (name, prior) in enumerate(priors.items())}
    spread = NpsSpread(20.0, 4.0)
    return Model(
        "tiny",
        **parts,
        spread=spread,
        specs=SPECS,
        drivers=DRIVERS,
        segment="plan",
        windows={},
        trained_through="2026-03-01",
    )


def _part(name: str, prior: Prior, train: pd.DataFrame, seed: int) -> PartModel:
    rng = np.random.default_rng(seed)
    chance = 0.2 + 0.4 * (train[SPECS[0].name] < 150) + 0.2 * (train[SPECS[2].name] == "basic")
    share = (chance > rng.random(len(train))).astype(float).to_numpy()
    start, schema = prior.log_odds(train), learn_schema(train, SPECS)
    settings = TreeSettings(learning_rate=0.2)
    matrix = schema.encode(train)
    trees = fit_trees(matrix, share, np.ones(len(train)), start, schema, settings, 15)
    return PartModel(
        name=name,
        prior=prior,
        prior_mean=float(start.mean()),
        schema=schema,
        trees=trees,
        tree_count=15,
        tree_blend=0.75,
        calibration=Calibration(0.2, 0.9),
    )


def make_project(folder: Path, count: int = 60) -> Path:
    """Write project file, cached champion and a score run made offline; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "tiny.yaml"
    config.write_text(CONFIG)
    (folder / "accounts.csv").write_text("account\n")
    (folder / "responses.csv").write_text("account,at,score\n")
    model = tiny_model()
    now, past = rows(count, seed=2), rows(count, seed=3)
    files = pack(model, golden_rows(now, SPECS), "# Card")
    write_cached(folder / "state", 7, files)
    run = ScoreRun(
        "run-1", "tiny", AS_OF, AS_OF, 7, verify(files), peers=peers_of(now, SPECS).to_json()
    )
    store = open_store(store_file(folder / "state"))
    store.write_run(run, _scores(model, now, past), _inputs(now, past))
    store.close()
    return config


def _inputs(now: pd.DataFrame, past: pd.DataFrame) -> list[tuple[str, dict[str, Any], Any]]:
    features = now.drop(columns="account").to_dict("records")
    before = past.drop(columns="account").to_dict("records")
    return list(zip(now["account"], features, before, strict=True))


def _scores(model: Model, now: pd.DataFrame, past: pd.DataFrame) -> list[ScoreRow]:
    predicted, explained = model.predict(now), explain(model, now)
    peers = peers_of(now, SPECS)
    told = notes(model, explained, now, past, peers, "detractor")
    low, high = model.spread.account_interval(predicted.detractor, predicted.promoter, 80)
    return [
        ScoreRow(
            account,
            AS_OF,
            name="Secret Name GmbH",
            band_now="passive",
            detractor_risk=predicted.detractor[i],
            promoter_prob=predicted.promoter[i],
            predicted_nps=predicted.nps[i],
            churn_risk=predicted.churn[i],
            nps_low_80=low[i],
            nps_high_80=high[i],
            base_risk=explained.risk.base,
            rank=i + 1,
            drivers=json.loads(json.dumps([vars_of(n) for n in told[i]])),
        )
        for i, account in enumerate(now["account"])
    ]


def vars_of(note: Any) -> dict[str, Any]:
    """A slotted dataclass as a dict."""
    return {name: getattr(note, name) for name in note.__slots__}
