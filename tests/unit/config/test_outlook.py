"""Goals and benchmarks of a project file: every fault with its line and the way out."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from npsight.config.load import load_project
from npsight.errors import ConfigError, Problem

BASE = """\
project: demo
timezone: UTC
tables:
  accounts: {path: a.csv, key: id, attributes: {plan: category, seats: number}, static: [plan, seats]}
  responses: {path: answers.csv, account: id, time: at, score: score}
targets: {detractor: {}, nps: {}}
"""
GOALS = """\
goals:
  - {nps: 40, by: 2026-12-31}
  - {nps: 30, by: 2026-12-31, attribute: plan, value: pro, version: everyone}
"""
BENCHMARKS = """\
benchmarks:
  - {attribute: plan, value: pro, nps: 41, source: "A survey of 2024, https://example.org", year: 2024}
"""


def load(folder: Path, text: str):
    file = folder / "p.yaml"
    file.write_text(text, encoding="utf-8")
    return load_project(file, {})


def problems(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(ConfigError, match="in the project file") as caught:
        load(folder, text)
    return list(caught.value.problems)


def test_goals_and_benchmarks_are_read(tmp_path):
    project = load(tmp_path, BASE + GOALS + BENCHMARKS)
    whole, part = project.goals
    assert (whole.nps, whole.by, whole.attribute, whole.version) == (
        40, date(2026, 12, 31), None, "reported",
    )  # fmt: skip
    assert (part.attribute, part.value, part.version) == ("plan", "pro", "everyone")
    (benchmark,) = project.benchmarks
    assert (benchmark.attribute, benchmark.value, benchmark.nps) == ("plan", "pro", 41)


def test_without_them_there_are_none(tmp_path):
    project = load(tmp_path, BASE)
    assert (project.goals, project.benchmarks) == ((), ())


FAULTS = {
    "no source": (
        BENCHMARKS.replace('source: "A survey of 2024, https://example.org", ', ""),
        8, "benchmarks[0].source", "`source` is missing", "Who published it",
    ),
    "blank source": (
        BENCHMARKS.replace('"A survey of 2024, https://example.org"', '" "'),
        8, "benchmarks[0].source", "not of the form asked for", "Who published it",
    ),
    "blank value": (
        BENCHMARKS.replace("value: pro", 'value: ""'),
        8, "benchmarks[0].value", "not of the form asked for", "as it stands in the table",
    ),
    "NPS above the scale": (
        BENCHMARKS.replace("nps: 41", "nps: 100.5"),
        8, "benchmarks[0].nps", "less than or equal to 100", "published NPS",
    ),
    "NPS below the scale": (
        GOALS.replace("nps: 40", "nps: -100.5"),
        8, "goals[0].nps", "greater than or equal to -100", "The NPS to reach",
    ),
    "a number to group by": (
        BENCHMARKS.replace("attribute: plan", "attribute: seats"),
        8, "benchmarks[0].attribute", "`seats` is no category attribute", "use one of: plan",
    ),
    "no such attribute": (
        GOALS.replace("attribute: plan", "attribute: plann"),
        9, "goals[1].attribute", "`plann` is no category attribute", "did you mean `plan`?",
    ),
    "attribute alone": (
        GOALS.replace(", value: pro", ""),
        9, "goals[1]", "names `attribute` without `value`", "both for a segment",
    ),
    "value alone": (
        GOALS.replace(", attribute: plan", ""),
        9, "goals[1]", "names `value` without `attribute`", "both for a segment",
    ),
    "no such day": (
        GOALS.replace("by: 2026-12-31}", 'by: "2026-13-31"}', 1),
        8, "goals[0].by", "should be a valid date", "A day of the period",
    ),
    "no such version": (
        GOALS.replace("version: everyone", "version: all"),
        9, "goals[1].version", "must be one of 'reported' or 'everyone'", "choose one",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "what", "remedy"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_with_its_line_and_remedy(tmp_path, text, line, key, what, remedy):
    (problem,) = problems(tmp_path, BASE + text)
    assert (problem.where, problem.key) == (f"p.yaml:{line}", key)
    assert what in problem.what
    assert remedy in problem.remedy


@pytest.mark.parametrize("edge", [-100, 100])
def test_the_ends_of_the_scale_are_allowed(tmp_path, edge):
    assert load(tmp_path, BASE + GOALS.replace("nps: 40", f"nps: {edge}")).goals[0].nps == edge


def test_a_goal_needs_a_forecast_of_nps(tmp_path):
    (problem, _) = problems(tmp_path, BASE.replace(", nps: {}", "") + GOALS)
    assert (problem.where, problem.key) == ("p.yaml:8", "goals[0]")
    assert "needs the target `nps`" in problem.what


def test_all_faults_are_named_at_once_beside_those_of_other_sections(tmp_path):
    wrong = BASE.replace("timezone: UTC", "timezone: Berlin")
    wrong += GOALS.replace(", value: pro", "") + BENCHMARKS.replace("nps: 41", "nps: 400")
    assert [p.key for p in problems(tmp_path, wrong)] == [
        "timezone",
        "goals[1]",
        "benchmarks[0].nps",
    ]


def test_without_accounts_there_is_nothing_to_group_by(tmp_path):
    lines = [line for line in BASE.splitlines(True) if "accounts:" not in line]
    (problem,) = problems(tmp_path, "".join(lines) + BENCHMARKS)
    assert "there is none to choose from" in problem.remedy
