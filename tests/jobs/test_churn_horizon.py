"""Churn by any horizon, on the trained demo company."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import npsight

from npsight.config.load import load_project
from npsight.jobs.scoring.champion import champion

MODEL_HORIZON = 90


@pytest.fixture(scope="module")
def curve(demo_config: Path):
    return champion(load_project(demo_config)).model.churn_curve


def column(config: Path, to: Path, days: int) -> tuple[list[float], list[float]]:
    """The model's own churn risk, and that within so many days, of an exported file."""
    npsight("export", to, "-c", config, "--churn-horizon", str(days)).succeeded()
    with to.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]).index(f"churn_risk_{days}d") == list(rows[0]).index("churn_risk") + 1
    return [float(r["churn_risk"]) for r in rows], [float(r[f"churn_risk_{days}d"]) for r in rows]


def test_training_stores_a_curve(curve):
    assert curve.model_horizon_days == MODEL_HORIZON
    assert curve.longest_days >= MODEL_HORIZON
    assert list(curve.cumulative) == sorted(curve.cumulative)
    assert sum(curve.lost) > 0


def test_the_models_own_horizon_changes_nothing(demo_config, tmp_path):
    own, within = column(demo_config, tmp_path / "s.csv", MODEL_HORIZON)
    assert own == within


def test_risk_grows_with_the_horizon(demo_config, curve, tmp_path):
    own, month = column(demo_config, tmp_path / "a.csv", 30)
    _, longest = column(demo_config, tmp_path / "b.csv", curve.longest_days)
    assert np.all(np.array(month) <= np.array(own))
    assert np.all(np.array(own) <= np.array(longest))
    assert np.mean(month) < np.mean(own)
    np.testing.assert_allclose(month, curve.probability(np.array(own), 30), rtol=1e-9)


def test_scoring_says_it_too(demo_config, tmp_path):
    shutil.copytree(demo_config.parent, tmp_path / "own", ignore=shutil.ignore_patterns("data"))
    config = tmp_path / "own" / "demo.yaml"
    table = tmp_path / "s.csv"
    done = npsight("score", "-c", config, "--churn-horizon", "60", "-o", table).succeeded()
    assert "within 60 days." in done.out
    assert "churn_risk_60d" in table.read_text().splitlines()[0]


def test_beyond_the_data_nothing_is_scored(demo_config, curve):
    failed = npsight("score", "-c", demo_config, "--churn-horizon", "3000")
    failed.failed(2, "--churn-horizon", f"ask for 1 to {curve.longest_days} days")


def test_a_company_without_churn_says_so(small, tmp_path):
    failed = npsight("export", tmp_path / "s.csv", "-c", small.config, "--churn-horizon", "30")
    failed.failed(2, "the model foresees no churn")
    assert not (tmp_path / "s.csv").exists()


def test_the_segments_show_the_curve(demo_config, tmp_path):
    whole = tmp_path / "s.json"
    done = npsight("segments", "-c", demo_config, "--by", "plan", "--json", whole).succeeded()
    assert "Mean churn risk within 30 days" in done.out
    by = json.loads(whole.read_text())["churn_by_horizon"]
    assert [row["churn_risk"] for row in by] == sorted(row["churn_risk"] for row in by)
    assert by[0]["horizon_days"] == 30
