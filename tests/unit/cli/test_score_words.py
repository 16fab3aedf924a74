"""What `npsight score` says beside its numbers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from npsight.cli import score as command
from npsight.errors import ConfigError, Problem
from npsight.jobs import score as job
from npsight.jobs.score import ScoreResult
from npsight.store import ScoreRun


@pytest.fixture
def scored(monkeypatch, capsys):
    """What is printed of a run of 2 March 2026 with these further findings."""
    at = datetime(2026, 3, 2)
    run = ScoreRun("r", "p", at, at, 1, "d")
    project = SimpleNamespace(engine=None)
    monkeypatch.setattr("npsight.config.load.load_project", lambda _: project)
    monkeypatch.setattr(command, "say_engine", lambda *_: None)

    def printed(**found) -> str:
        result = ScoreResult(run, 5, 2, None, None, None, None, **found)
        monkeypatch.setattr(job, "score", lambda *_: result)
        command.score_command("npsight.yaml", None, None, None)
        return " ".join(capsys.readouterr().out.split())

    return printed


@pytest.mark.parametrize(("newer", "said"), [(1, "1 fact known"), (1234, "1,234 facts known")])
def test_facts_that_came_later_are_said_with_the_way_to_have_them(scored, newer, said):
    out = scored(newer=newer)
    assert f"{said} since 2026-03-02 00:00 UTC" in out
    assert "not in it; score with --as-of 20" in out


def test_nothing_is_said_where_all_facts_are_in_it(scored):
    assert "not in it" not in scored()


def test_holes_are_said(scored):
    gone = Problem("no account has a row between [a] and b", "export it again", key="tables.x")
    out = scored(warnings=(gone,))
    assert "! tables.x: no account has a row between [a] and b" in out
    assert "export it again" in out


@pytest.mark.parametrize("name", ["scores.xlsx", "scores.XLS", "scores.ods"])
def test_a_workbook_is_refused_before_anything_is_scored(scored, monkeypatch, name):
    scored()
    monkeypatch.setattr(job, "score", lambda *_: pytest.fail("it was scored"))
    with pytest.raises(ConfigError, match=r"name a \.csv, which Excel opens too, or a \.parquet"):
        command.score_command("npsight.yaml", None, Path(name), None)
