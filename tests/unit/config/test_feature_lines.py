"""Lines under `features`: what each key needs, what it makes, and every fault of theirs."""

from __future__ import annotations

import hashlib
import textwrap
from dataclasses import asdict
from pathlib import Path

import pytest

from npsight.config.aggregations import AGGREGATIONS
from npsight.config.expand import expand
from npsight.config.load import load_project
from npsight.config.schema import Feature
from npsight.config.specs import NPS_HISTORY, FeatureSpec, ProjectSpec
from npsight.errors import ConfigError, Problem

BASE = """\
project: demo
timezone: UTC
tables:
  accounts:
    path: accounts.csv
    key: id
    attributes: {plan: category, seats: number}
    static: [plan, seats]
    segments: [plan]
  activity:
    usage: {path: usage.csv, account: id, time: day, measures: [logins], categories: [kind, channel]}
    visits: {path: visits.csv, account: id, time: day}
    meetings: {path: m.csv, account: id, time: at, known_at: booked, scheduled: true}
  subscriptions: {path: s.csv, account: id, started_at: from, ended_at: to}
targets:
  churn: {event: subscription_end}
features:
  - {source: usage, aggregate: count}
"""
LINE = "{source: usage, aggregate: count}"
OWN = (
    "def nights(facts):\n    return facts.count()\n\n\ndef days(facts):\n    return facts.count()\n"
)


@pytest.fixture
def load(tmp_path: Path):
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("x = 1\ndef nights(facts)\n")
    (tmp_path / "empty.py").write_text("class nights: ...\n")
    (tmp_path / "nul.py").write_bytes(b"\0")

    def load(*lines: str, base: str = BASE) -> ProjectSpec:
        assert LINE in base
        file = tmp_path / "p.yaml"
        file.write_text(textwrap.dedent(base).replace(LINE, "\n  - ".join(lines)))
        return load_project(file, {})

    return load


def specs(project: ProjectSpec) -> list[FeatureSpec]:
    return [spec for spec in project.features if spec.driver != NPS_HISTORY]


def names(project: ProjectSpec) -> list[str]:
    return [spec.name for spec in specs(project)]


CASES = {
    # name: (line, key, what, remedy)
    "no such source": (
        "{source: usages, aggregate: count}",
        "source", "there is no source `usages`", "did you mean `usage`?",
    ),
    "where of no category": (
        "{source: usage, aggregate: count, where: {kinds: a}}",
        "where.kinds", "`usage` has no category `kinds`", "did you mean `kind`?",
    ),
    "by of no category": (
        "{source: usage, aggregate: count, by: {colour: [a]}}",
        "by.colour", "`usage` has no category `colour`", "use one of: channel, kind",
    ),
    "distinct of no category": (
        "{source: usage, aggregate: distinct, category: kinds}",
        "category", "`usage` has no category `kinds`", "did you mean `kind`?",
    ),
    "categories of a source without any": (
        "{source: visits, aggregate: distinct, category: kind}",
        "category", "`visits` has no category `kind`", "there is none to choose from",
    ),
    "by beside where": (
        "{source: usage, aggregate: count, where: {kind: a}, by: {kind: [a, b]}}",
        "by.kind", "`kind` stands under `where` too", "keep one of the two",
    ),
    "by of nothing": (
        "{source: usage, aggregate: count, by: {kind: []}}",
        "by.kind", "needs different values", "list each value of interest once",
    ),
    "by of one value twice": (
        "{source: usage, aggregate: count, by: {kind: [a, b, a]}}",
        "by.kind", "needs different values", "list each value of interest once",
    ),
    "no such measure": (
        "{source: usage, aggregate: sum, measure: login}",
        "measure", "`usage` has no measure `login`", "did you mean `logins`?",
    ),
    "no such aggregation": (
        "{source: usage, aggregate: cuont}",
        "aggregate", "there is no aggregation `cuont`", "did you mean `count`?",
    ),
    "an aggregation of facts on accounts": (
        "{source: accounts, aggregate: slope, measure: seats}",
        "aggregate", "`slope` does not fit `accounts`", "use one of: age, days_until_renewal, value",
    ),
    "an aggregation of accounts on facts": (
        "{source: usage, aggregate: value, measure: logins}",
        "aggregate", "`value` does not fit `usage`", "use one of: count, days_since_first",
    ),
    **{
        f"{name} of nothing": (
            f"{{source: usage, aggregate: {name}}}",
            "aggregate", f"`{name}` needs a `measure`", "name the measure to aggregate",
        )
        for name in ("sum", "mean", "std", "min", "max", "first", "last", "slope")
    },
    **{
        f"{name} without window": (
            f"{{source: usage, aggregate: {name}}}",
            "aggregate", f"`{name}` needs `windows`", "give the length to compare, such as [90]",
        )
        for name in ("trend", "vs_usual")
    },
    "share of all": (
        "{source: usage, aggregate: share}",
        "aggregate", "`share` needs `where` or `by`", "say which facts the share is of",
    ),
    "ratio to nothing": (
        "{source: usage, aggregate: ratio, measure: logins}",
        "per", "`ratio` needs a measure to divide by", "use one of: logins",
    ),
    "distinct of nothing": (
        "{source: usage, aggregate: distinct}",
        "aggregate", "`distinct` needs a `category`", "use one of: channel, kind",
    ),
    "distinct where there is no category": (
        "{source: visits, aggregate: distinct}",
        "aggregate", "`distinct` needs a `category`", "map a text column under `categories`",
    ),
    **{
        f"{name} without an end": (
            f"{{source: usage, aggregate: {name}}}",
            "aggregate", f"`{name}` needs `ended_at` on `usage`", "map the column of the end",
        )
        for name in ("open", "oldest_open", "mean_duration", "max_duration", "days_until_end")
    },
    "next of what is not booked": (
        "{source: usage, aggregate: days_until_next}",
        "aggregate", "`days_until_next` needs `scheduled: true` on `usage`", "map `known_at`",
    ),
    "next of subscriptions": (
        "{source: subscriptions, aggregate: days_until_next}",
        "aggregate", "needs `scheduled: true` on `subscriptions`", "its times may lie ahead",
    ),
    "renewal without its column": (
        "{source: accounts, aggregate: days_until_renewal}",
        "aggregate", "needs `accounts.renewal_at`", "map the renewal column",
    ),
    "own without an expression": (
        "{source: usage, aggregate: own}",
        "aggregate", "`own` needs an `expression`", "such as `features.py:nights`",
    ),
    "an expression that is no file and function": (
        "{source: usage, aggregate: own, expression: nights}",
        "expression", "not of the form asked for", "`file.py:function`",
    ),
    "an expression without its file": (
        "{source: usage, aggregate: own, expression: 'nowhere.py:nights'}",
        "expression", "nowhere.py", "docs/own-features.md",
    ),
    "an expression in a folder": (
        "{source: usage, aggregate: own, expression: 'sub/own.py:nights'}",
        "expression", "cannot read ", "write the function there",
    ),
    "an expression without its function": (
        "{source: usage, aggregate: own, expression: 'own.py:evenings'}",
        "expression", "own.py defines no function `evenings` (it defines: nights, days)", "write",
    ),
    "an expression that is a class": (
        "{source: usage, aggregate: own, expression: 'empty.py:nights'}",
        "expression", "defines no function `nights` (it defines: none)", "write the function",
    ),
    "an expression of no Python": (
        "{source: usage, aggregate: own, expression: 'broken.py:nights'}",
        "expression", "broken.py, line 2: is no Python: expected ':'", "write the function",
    ),
    "an expression of no text": (
        "{source: usage, aggregate: own, expression: 'nul.py:nights'}",
        "expression", "is no Python: ", "write the function",
    ),
    "per without ratio": (
        "{source: usage, aggregate: sum, measure: logins, per: logins}",
        "per", "`per` is for `ratio`, which the line does not aggregate by", "add `ratio`",
    ),
    "a window of an attribute": (
        "{source: accounts, aggregate: value, measure: plan, windows: 30}",
        "windows", "`value` is of the day itself and looks back over no window", "drop `windows`",
    ),
    "a window of what lies ahead": (
        "{source: meetings, aggregate: days_until_next, windows: [30, 90]}",
        "windows", "`days_until_next` is of the day itself", "drop `windows`",
    ),
    "category without distinct": (
        "{source: usage, aggregate: count, category: kind}",
        "category", "`category` is for `distinct`", "drop it, or add `distinct`",
    ),
    "expression without own": (
        "{source: usage, aggregate: count, expression: 'own.py:nights'}",
        "expression", "`expression` is for `own`", "drop it, or add `own` to `aggregate`",
    ),
    "a place of a word": (
        "{source: accounts, aggregate: value, measure: plan, against: segment}",
        "against", "`plan` is no number", "use a number attribute",
    ),
    "a place among others than the segment": (
        "{source: usage, aggregate: count, against: market}",
        "against", "must be one of 'segment'", "choose",
    ),
}  # fmt: skip


def fault(load, *lines: str, **rest: str) -> list[Problem]:
    with pytest.raises(ConfigError, match="in the project file") as caught:
        load(*lines, **rest)
    return list(caught.value.problems)


@pytest.mark.parametrize(("line", "key", "what", "remedy"), CASES.values(), ids=CASES)
def test_a_fault_of_a_line(load, line, key, what, remedy):
    (problem,) = fault(load, line)
    assert problem.where == "p.yaml:18"
    assert problem.key == f"features[0].{key}"
    assert what in problem.what
    assert remedy in problem.remedy


def test_a_place_needs_segments(load):
    base = BASE.replace("    segments: [plan]\n", "")
    (problem,) = fault(load, "{source: usage, aggregate: count, against: segment}", base=base)
    assert (problem.key, problem.what) == ("features[0].against", "needs `accounts.segments`")
    assert problem.remedy == "name the attribute that makes segments"


def test_faults_of_several_lines_come_together(load):
    lines = [
        "{source: usage, aggregate: [share, distinct, own]}",
        LINE,
        "{source: visits, aggregate: days_until_next, by: {kind: [a]}}",
    ]
    assert [p.key for p in fault(load, *lines)] == [
        *["features[0].aggregate"] * 3,
        "features[2].by.kind",
        "features[2].aggregate",
    ]


def test_one_feature_declared_by_where_and_by_is_noticed(load):
    lines = [
        "{source: usage, aggregate: count, where: {kind: a}}",
        "{source: usage, aggregate: count, by: {kind: [a, b]}}",
    ]
    (problem,) = fault(load, *lines)
    assert problem.what == "declares `usage__count__kind_a` a second time"


# --- What a line makes --------------------------------------------------------------------------


def test_by_makes_a_feature_of_each_value_for_each_window(load):
    line = "{source: usage, aggregate: count, windows: [7, 30], by: {kind: [a, b]}, label: visits}"
    found = specs(load(line))
    assert [spec.name for spec in found] == [
        "usage__count__kind_a__7d",
        "usage__count__kind_b__7d",
        "usage__count__kind_a__30d",
        "usage__count__kind_b__30d",
    ]
    assert [spec.label for spec in found] == ["a visits", "b visits"] * 2


def test_by_is_the_same_as_a_line_for_each_value(load):
    by = load("{source: usage, aggregate: count, by: {kind: [a, b]}, where: {channel: x}}")
    each = load(
        "{source: usage, aggregate: count, where: {channel: x, kind: a}}",
        "{source: usage, aggregate: count, where: {channel: x, kind: b}}",
    )
    assert names(by) == names(each)
    assert [s.where for s in specs(by)] == [s.where for s in specs(each)]


def test_two_categories_of_by_make_every_pair(load):
    line = "{source: usage, aggregate: count, by: {kind: [a, b], channel: x}}"
    assert names(load(line)) == [
        "usage__count__channel_x__kind_a",
        "usage__count__channel_x__kind_b",
    ]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("{source: usage, aggregate: distinct, category: kind, windows: 30}", "usage__distinct_kind__30d"),
        ("{source: usage, aggregate: share, where: {kind: a}}", "usage__share__kind_a"),
        ("{source: usage, aggregate: share, measure: logins, where: {kind: a}}", "usage__share_logins__kind_a"),
        ("{source: usage, aggregate: vs_usual, measure: logins, windows: 7}", "usage__vs_usual_logins__7d"),
        ("{source: usage, aggregate: own, expression: 'own.py:nights', windows: 30}", "usage__own_nights__30d"),
        ("{source: usage, aggregate: sum, measure: logins, windows: 30, against: segment}", "usage__sum_logins__30d__vs_segment"),
        ("{source: accounts, aggregate: age, against: segment}", "accounts__age__vs_segment"),
        ("{source: meetings, aggregate: days_until_next}", "meetings__days_until_next"),
        ("{source: subscriptions, aggregate: days_until_end}", "subscriptions__days_until_end"),
    ],
)  # fmt: skip
def test_names(load, line, name):
    assert names(load(line)) == [name]


def test_windows_reach_only_the_aggregates_that_look_back(load):
    line = "{source: meetings, aggregate: [count, days_until_next], windows: 30}"
    assert names(load(line)) == ["meetings__count__30d", "meetings__days_until_next"]


def test_a_key_reaches_only_the_aggregate_that_it_is_for(load):
    line = (
        "{source: usage, aggregate: [count, ratio, distinct, own], measure: logins, per: logins, "
        "category: kind, expression: 'own.py:days'}"
    )
    assert names(load(line)) == [
        "usage__count",
        "usage__ratio_logins_per_logins",
        "usage__distinct_kind",
        "usage__own_days",
    ]


def test_a_number_and_its_place_stand_beside_each_other(load):
    number, place = specs(
        load(
            "{source: usage, aggregate: count}",
            "{source: usage, aggregate: count, against: segment}",
        )
    )
    assert (number.against, place.against) == ("", "segment")


def test_every_aggregation_has_a_default_for_missing_that_a_line_can_change():
    for name, aggregation in AGGREGATIONS.items():
        line = {"source": "accounts" if aggregation.on == "accounts" else "usage"}
        given = {**line, "aggregate": name}
        (default,) = expand(Feature.model_validate(given), None)
        assert default.missing == aggregation.missing
        other = "zero" if aggregation.missing == "unknown" else "unknown"
        (changed,) = expand(Feature.model_validate({**given, "missing": other}), None)
        assert changed.missing == other


# --- Own expressions ----------------------------------------------------------------------------


def test_the_digest_of_the_file_is_part_of_the_feature(load, tmp_path):
    line = "{source: usage, aggregate: [own, count], expression: 'own.py:nights'}"
    own, count = specs(load(line))
    assert (own.expression, count.expression) == ("own.py:nights", "")
    assert own.expression_digest == hashlib.sha256(OWN.encode()).hexdigest()
    assert count.expression_digest == ""
    (tmp_path / "own.py").unlink()
    with pytest.raises(ConfigError, match="cannot read"):
        load_project(tmp_path / "p.yaml", {})


def test_another_file_is_another_feature_under_the_same_name(load, tmp_path):
    line = "{source: usage, aggregate: own, expression: 'own.py:nights'}"
    (before,) = specs(load(line))
    (tmp_path / "own.py").write_text(OWN + "# a remark\n")
    (after,) = specs(load_project(tmp_path / "p.yaml", {}))
    assert before.name == after.name
    assert before != after
    assert asdict(before)["expression_digest"] != asdict(after)["expression_digest"]


def test_nothing_of_the_file_is_run_when_the_project_file_is_read(load, tmp_path):
    (tmp_path / "bomb.py").write_text("def f(facts): ...\nraise SystemExit(1)\n")
    assert names(load("{source: usage, aggregate: own, expression: 'bomb.py:f'}")) == [
        "usage__own_f"
    ]
