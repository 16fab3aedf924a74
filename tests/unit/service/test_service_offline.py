"""Offline and HTTP scores of 1,000 accounts agree, whatever their inputs look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from api_client import api_client
from tiny_project import AS_OF, SPECS, make_project, rows

from npsight.service.state import load_state
from npsight.store import ScoreRow, ScoreRun

COUNT = 1000


@pytest.fixture(scope="module")
def frame():
    """Values are missing or infinite, and categories are such as training never saw."""
    found = rows(COUNT, seed=21)
    found.loc[100:199, SPECS[2].name] = "never seen"
    found.loc[150:249, SPECS[1].name] = np.inf
    found.loc[200:299, [spec.name for spec in SPECS if spec.dtype == "number"]] = np.nan
    return found


@pytest.mark.parametrize("drivers", [False, True])
def test_1000_accounts_score_over_http_as_offline(tmp_path: Path, frame, drivers: bool) -> None:
    state = load_state(make_project(tmp_path, count=5))
    shuffled = frame[np.random.default_rng(5).permutation(frame.columns)]
    features = shuffled.drop(columns="account").to_dict("records")
    run = ScoreRun("run-2", "tiny", AS_OF.replace(day=2), AS_OF, 7, state.digest)
    items = zip(frame["account"], features, features, strict=True)
    scores = [ScoreRow(account, run.as_of) for account in frame["account"]]
    state.store.write_run(run, scores, items)
    expected = state.model.predict(frame)
    low, high = state.model.spread.account_interval(expected.detractor, expected.promoter, 80)
    with api_client(state) as client:
        body = {"accounts": list(frame["account"]), "drivers": drivers}
        results = client.post("/v1/score", json=body).json()["results"]
        alone = [
            client.post("/v1/score", json={"accounts": [account]}).json()["results"][0]
            for account in frame["account"][::97]
        ]
    state.store.close()
    assert {result["status"] for result in results} == {"ok"}
    for name, values in (
        ("detractor_risk", expected.detractor),
        ("promoter_prob", expected.promoter),
        ("predicted_nps", expected.nps),
        ("churn_risk", expected.churn),
    ):
        found = [result[name] for result in results]
        np.testing.assert_allclose(found, values, rtol=0, atol=1e-9)
        few = [result[name] for result in alone]
        np.testing.assert_allclose(few, values[::97], rtol=0, atol=1e-9)
    bounds = [tuple(result["nps_interval_80"].values()) for result in results]
    np.testing.assert_allclose(bounds, np.column_stack([low, high]), rtol=0, atol=1e-9)
    if drivers:
        sums = [r["base_risk"] + sum(d["points"] for d in r["drivers"]) for r in results]
        np.testing.assert_allclose(sums, expected.detractor, rtol=0, atol=1e-9)
