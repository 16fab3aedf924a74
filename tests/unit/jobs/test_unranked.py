"""A list that is ranked by a risk without skill says so; one by another model says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from command_line import npsight
from tiny_project import SPECS, make_project, rows, tiny_model

from npsight.models.bundle import golden_rows, pack
from npsight.tracking import write_cached


@pytest.fixture
def config(tmp_path):
    return make_project(tmp_path)


def cache(config, version: int, without_skill: str) -> None:
    model = tiny_model()
    part = replace(getattr(model, without_skill), has_skill=False)
    model = replace(model, **{without_skill: part})
    files = pack(model, golden_rows(rows(40, 1), SPECS), "# Card")
    write_cached(config.parent / "state", version, files)


def test_a_list_ranked_by_skill_says_nothing(config):
    assert "does not rank" not in npsight("worklist", "-c", config).succeeded().out


def test_a_list_ranked_by_a_risk_without_skill_says_so(config):
    cache(config, 7, "detractor")
    assert "The detractor risk does not rank accounts" in npsight("worklist", "-c", config).out


def test_a_risk_that_does_not_rank_the_list_is_not_mentioned(config):
    cache(config, 7, "churn")
    assert "does not rank" not in npsight("worklist", "-c", config).succeeded().out


def test_another_champion_says_nothing_of_this_run(config):
    cache(config, 8, "detractor")
    assert "does not rank" not in npsight("worklist", "-c", config).succeeded().out
