"""The team's MLflow: asked before a long training, and not needed to score."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from command_line import npsight
from small_company import SmallCompany

from npsight.tracking import Tracking

STATE = 8
AWAY = {"NPSIGHT_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


@pytest.fixture
def copied(tmp_path, small: SmallCompany) -> SmallCompany:
    """A trained and scored company of one's own."""
    company = SmallCompany(tmp_path)
    company.write()
    shutil.copytree(small.state, company.state)
    return company


@pytest.mark.parametrize("command", ["train", "backtest"])
def test_long_work_asks_first_whether_its_result_can_be_kept(copied, command):
    said = npsight(command, "-c", copied.config, environment=AWAY)
    said.failed(STATE, "http://127.0.0.1:9", "nothing answers there", "check that it is running")
    assert "reading" not in said.out


def test_scoring_goes_on_with_the_champion_used_last(copied):
    said = npsight("score", "-c", copied.config, environment=AWAY).succeeded().out
    assert "with model version 1" in said
    assert "nothing answers there): version 1 was used, the champion that was used here" in said
    assert "stands in" in npsight("segments", "-c", copied.config, environment=AWAY).out
    shutil.rmtree(copied.state / "champion")
    npsight("score", "-c", copied.config, environment=AWAY).failed(STATE, "nothing answers there")


def test_a_deleted_run_is_told_and_a_trained_one_describes_itself(tmp_path):
    company = SmallCompany(tmp_path)
    npsight("train", "-c", company.write()).succeeded()
    again = npsight("train", "-c", company.config).succeeded().out
    assert "It is the very model of version 1" in again
    tracking = Tracking("small", company.state)
    run = tracking._client.get_run(tracking.versions()[0].run_id)
    assert run.info.run_name.startswith("train through 2024-")
    assert "Version 2 of npsight-small. Learned from" in run.data.tags["mlflow.note.content"]
    assert run.inputs.dataset_inputs[0].dataset.name == "small"
    first = tracking.versions()[1].run_id
    with sqlite3.connect(company.state / "mlflow.db") as connection:
        said = "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?"
        connection.execute(said, (first,))
    connection.close()
    listed = npsight("models", "-c", company.config).succeeded().out
    assert "champion, run deleted" in listed
    assert f"mlflow runs restore --run-id {first}" in listed
