"""What-if scores of a real company: raw answers and features by name give what scoring gave."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from api_client import api_client
from command_line import npsight
from small_company import SmallCompany

from npsight.config.load import load_project
from npsight.service.state import ServingState, load_state
from npsight.tracking.cache import read_cached

SCORES = ("detractor_risk", "promoter_prob", "predicted_nps", "base_risk")
FEATURES = [
    {"source": "responses", "measure": "score", "aggregate": ["mean", "last", "first", "min", "max"],
     "windows": 90, "driver": "nps_history"},
    {"source": "responses", "aggregate": ["count", "days_since_last", "days_since_first"],
     "windows": 90, "driver": "nps_history"},
    {"source": "responses", "aggregate": "count", "where": {"band": "detractor"}, "windows": 90,
     "driver": "nps_history"},
]  # fmt: skip


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """Trained and scored, with every feature that answers alone decide."""
    made = SmallCompany(tmp_path_factory.mktemp("whatif"))
    made.project["features"] += FEATURES
    made.write()
    npsight("train", "-c", made.config).succeeded()
    npsight("score", "-c", made.config).succeeded()
    return made


@pytest.fixture(scope="module")
def state(company: SmallCompany) -> Iterator[ServingState]:
    loaded = load_state(company.config)
    yield loaded
    loaded.store.close()


def answers_of(company: SmallCompany) -> dict[str, list[dict[str, object]]]:
    """Account to its raw answers, as the file has them."""
    found: dict[str, list[dict[str, object]]] = {}
    for _, account, day, score in company.tables["answers"][1:]:
        answer = {"score": float(score), "occurred_at": f"{day}T00:00:00Z"}
        found.setdefault(str(account), []).append(answer)
    return found


def test_raw_answers_give_the_scores_that_the_whole_pipeline_gives(
    company: SmallCompany, state: ServingState
) -> None:
    """Decayed counts, levels of the segment and the features of answers are all computed anew."""
    answers, run = answers_of(company), state.store.latest_run(state.project)
    inputs = state.store.inputs(run.id)
    others = [s.name for s in state.model.specs if s.source != "responses"]
    rows = [
        {
            "id": account,
            "segment": kept.features["segment_"],
            "answers": answers.get(account, []),
            "features": [_named(name, kept.features[name]) for name in reversed(others)],
        }
        for account, kept in inputs.items()
    ]
    with api_client(state) as client:
        body = {"rows": rows, "drivers": True}
        results = client.post("/v1/score/features", json=body).json()["results"]
    assert {r["status"] for r in results} == {"ok"}
    assert len(results) == len(inputs) > 50
    stored = {row.account: row for row in state.store.scores(run.id)}
    for result in results:
        row = stored[result["id"]]
        for name in SCORES:
            assert result["score"][name] == pytest.approx(getattr(row, name), abs=1e-9)
        assert result["score"]["band_now"] == row.band_now
        assert [d["points"] for d in result["score"]["drivers"]] == pytest.approx(
            [d["points"] for d in row.drivers], abs=1e-9
        )
        assert result["features_total"] == len(state.model.specs)


def _named(name: str, value: object) -> dict[str, object]:
    return {"name": name, "text" if isinstance(value, str) else "number": value}


def test_an_accounts_own_answers_change_nothing_and_another_one_does(
    company: SmallCompany, state: ServingState
) -> None:
    answers = answers_of(company)
    account = next(iter(answers))
    # Newer than any other: an answer counts as the last one by when it happened.
    newest = state.store.latest_run(state.project).as_of - timedelta(hours=1)
    worse = [*answers[account], {"score": 0.0, "occurred_at": newest.isoformat()}]
    rows = [
        {"id": "same", "account": account, "answers": answers[account]},
        {"id": "as stored", "account": account},
        {"id": "worse", "account": account, "answers": worse},
        {"id": "silent", "account": account, "answers": []},
        {"id": "moved", "account": account, "segment": "basic"},
    ]
    with api_client(state) as client:
        answer = client.post("/v1/score/features", json={"rows": rows}).json()
    by_id = {result["id"]: result for result in answer["results"]}
    risk = {name: result["score"]["detractor_risk"] for name, result in by_id.items()}
    before = by_id["same"]["before"]["detractor_risk"]
    assert risk["same"] == pytest.approx(before, abs=1e-9)
    assert risk["as stored"] == before
    assert risk["worse"] != pytest.approx(before, abs=1e-6)
    assert by_id["worse"]["score"]["band_now"] == "detractor"
    assert by_id["silent"]["score"]["band_now"] == "silent"
    assert risk["moved"] != before
    assert {r["before"]["detractor_risk"] for r in answer["results"]} == {before}


def test_the_model_says_what_a_what_if_caller_needs(
    company: SmallCompany, state: ServingState
) -> None:
    with api_client(state) as client:
        told = client.get("/v1/model").json()
    assert told["segments"] == ["basic", "pro"]
    assert [t["name"] for t in told["targets"]] == ["detractor", "nps"]
    assert told["targets"][0]["gap_days"] == 7
    assert {f["name"] for f in told["features"]} == {s.name for s in state.model.specs}
    plan = next(f for f in told["features"] if f["name"] == "accounts__value_plan")
    assert plan["kind"] == "category"
    assert set(plan["categories"]) <= {"basic", "pro"}
    project = load_project(company.config)
    found = read_cached(project.state_dir)
    assert found is not None
    assert told["card"] == found[1]["card.md"].decode()
    assert told["trained_through"].endswith("Z")
    assert told["as_of_age_days"] > 0
    assert Path(company.config).exists()
