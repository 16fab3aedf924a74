"""Feature lines -> features: names, expansion, and those of the NPS history."""

from __future__ import annotations

import pytest
from base_project import BASE, FEATURE

from npsight.config.specs import NPS_HISTORY, FeatureSpec, ProjectSpec


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (FeatureSpec(source="tickets", aggregation="count"), "tickets__count"),
        (FeatureSpec(source="tickets", aggregation="count", window_days=30), "tickets__count__30d"),
        (
            FeatureSpec(source="tickets", aggregation="count", window_days=30,
                        where=(("severity", "high"),)),
            "tickets__count__severity_high__30d",
        ),
        (
            FeatureSpec(source="usage", aggregation="ratio", measure="errors", per="logins",
                        window_days=7),
            "usage__ratio_errors_per_logins__7d",
        ),
        (
            FeatureSpec(source="tickets", aggregation="count",
                        where=(("category", "How to?"), ("severity", "É"))),
            "tickets__count__category_how_to__severity_blank",
        ),
        (FeatureSpec(source="accounts", aggregation="value", measure="plan"),
         "accounts__value_plan"),
    ],
)  # fmt: skip
def test_names_are_derived_from_the_definition(spec, name):
    assert spec.name == name


def declared(project: ProjectSpec) -> list[FeatureSpec]:
    return [spec for spec in project.features if spec.driver != NPS_HISTORY]


def test_a_line_expands_to_each_aggregate_and_window(load):
    line = (
        "{source: usage, measure: logins, aggregate: [sum, trend, count], windows: [30, 90], "
        "where: {kind: a}, driver: use, label: log-ins, unit: h, monotone: decreasing}"
    )
    found = declared(load(BASE.replace(FEATURE, line)))
    assert [spec.name for spec in found] == [
        "usage__sum_logins__kind_a__30d",
        "usage__sum_logins__kind_a__90d",
        "usage__trend_logins__kind_a__30d",
        "usage__trend_logins__kind_a__90d",
        "usage__count__kind_a__30d",
        "usage__count__kind_a__90d",
    ]
    assert [spec.missing for spec in found] == ["zero"] * 2 + ["unknown"] * 2 + ["zero"] * 2
    assert {(s.driver, s.label, s.unit, s.monotone, s.where) for s in found} == {
        ("use", "log-ins", "h", -1, (("kind", "a"),))
    }


def test_attributes_have_no_window_and_keep_their_kind(load):
    text = BASE.replace("{plan: category}, static: [plan]",
                        "{plan: category, seats: number}, static: [plan, seats]")  # fmt: skip
    lines = (
        "{source: accounts, aggregate: value, measure: plan}\n"
        "  - {source: accounts, aggregate: value, measure: seats}"
    )
    found = declared(load(text.replace(FEATURE, lines)))
    assert [(s.name, s.dtype, s.window_days, s.driver) for s in found] == [
        ("accounts__value_plan", "category", None, "accounts"),
        ("accounts__value_seats", "number", None, "accounts"),
    ]


def test_nps_history_is_always_included(load):
    own = [spec for spec in load(BASE).features if spec.driver == NPS_HISTORY]
    assert [spec.name for spec in own] == [
        "responses__last_score",
        "responses__mean_score__365d",
        "responses__days_since_last",
        "responses__count__365d",
        "responses__count__band_detractor__365d",
    ]
    text = BASE.replace("score: score}", "score: score, comment: text, invited_at: sent}")
    names = [spec.name for spec in load(text).features]
    assert "responses__last_sentiment" in names
    assert "responses__sum_theme_price__365d" in names
    assert "invitations__open__365d" in names


@pytest.mark.parametrize(
    ("bands", "scale"),
    [
        ("", None),
        (", bands: {scale: [0, 10], detractor: [0, 6], promoter: [9, 10]}", None),
        (", bands: {scale: [1, 5], detractor: [1, 3], promoter: [5, 5]}", (1, 5)),
        (
            ", bands: [{scale: [1, 5], detractor: [1, 3], promoter: [5, 5], valid_to: 2024-07-01},"
            " {scale: [0, 10], detractor: [0, 6], promoter: [9, 10], valid_from: 2024-07-01}]",
            None,
        ),
    ],
)
def test_scores_know_the_one_scale_that_is_not_0_to_10(load, bands, scale):
    text = BASE.replace("score: score}", f"score: score{bands}}}")
    known = {spec.name: spec.scale for spec in load(text).features if spec.scale}
    assert known == (
        {"responses__last_score": scale, "responses__mean_score__365d": scale} if scale else {}
    )


def test_a_declared_feature_replaces_the_one_of_the_history(load):
    line = "{source: responses, measure: score, aggregate: last, driver: mood, label: mark}"
    project = load(BASE.replace(FEATURE, line))
    (last,) = [spec for spec in project.features if spec.name == "responses__last_score"]
    assert (last.driver, last.label) == ("mood", "mark")


def test_drivers_that_are_not_declared_are_made(load):
    project = load(BASE + "drivers: {usage: {label: Product use, play: Call.}}\n")
    assert [(d.key, d.label, d.actionable) for d in project.drivers] == [
        ("usage", "Product use", True),
        ("nps_history", "NPS history", False),
    ]
    assert project.driver("usage").play == "Call."
    with pytest.raises(KeyError, match="nowhere"):
        project.driver("nowhere")
