"""What stops learning is said with a way out that is open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_company import SmallCompany

from npsight.config.load import load_project
from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.errors import NothingToLearnError
from npsight.jobs.training.labels import ensure_learnable
from npsight.models.examples import Examples


def outcomes(events: int, count: int) -> Examples:
    """So many rows on two days, the first `events` of which are events."""
    days = pd.to_datetime(["2024-01-01", "2024-03-01"]).repeat(-(-count // 2))[:count]
    frame = pd.DataFrame({"account": [f"a{k}" for k in range(count)], "as_of": days})
    return Examples(
        frame=frame,
        share=(np.arange(count) < events).astype(float),
        weight=np.ones(count),
        known_at=np.full(count, np.datetime64("NaT", "us")),
        window=OutcomeWindow(7, 60),
    )


@pytest.fixture
def surveys(tmp_path) -> ProjectSpec:
    return load_project(SmallCompany(tmp_path).write())


@pytest.fixture
def both(tmp_path) -> ProjectSpec:
    company = SmallCompany(tmp_path)
    company.project["targets"]["churn"] = {
        "event": "no_activity", "activity": "usage", "horizon_days": 60}  # fmt: skip
    return load_project(company.write())


def refusal(project: ProjectSpec, name: str, rows: Examples) -> str:
    with pytest.raises(NothingToLearnError, match="nothing was trained") as caught:
        ensure_learnable(project, {name: rows})
    (problem,) = caught.value.problems
    return problem.remedy


@pytest.mark.parametrize("rows", [outcomes(0, 60), outcomes(3, 60)], ids=["one class", "few"])
def test_a_target_is_to_be_left_out_only_where_another_stays(surveys, both, rows):
    assert "leave" not in refusal(surveys, "detractor", rows)
    assert "leave targets.detractor and targets.nps out" in refusal(both, "detractor", rows)
    assert "leave targets.detractor out" in refusal(replace(both, nps=False), "detractor", rows)
    assert "leave targets.churn out" in refusal(both, "churn", rows)
    assert "leave" not in refusal(replace(both, detractor=None), "churn", rows)


def test_enough_of_both_is_no_obstacle(surveys):
    ensure_learnable(surveys, {"detractor": outcomes(40, 80)})
