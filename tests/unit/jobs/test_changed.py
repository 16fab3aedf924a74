"""What is made otherwise in one model than in another, in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from npsight.config.specs import FeatureSpec, OutcomeWindow
from npsight.jobs.changed import changed, differences

LOGINS = FeatureSpec(source="usage", aggregation="sum", measure="logins", window_days=30)


@dataclass(frozen=True)
class Made:
    """The part of a model that is compared in words."""

    specs: tuple[FeatureSpec, ...] = (LOGINS,)
    segment: str | None = "plan"
    trained_through: str = "2025-06-01T00:00:00"
    windows: dict[str, OutcomeWindow] = field(
        default_factory=lambda: {"detractor": OutcomeWindow(14, 90)}
    )


def test_what_is_alike_is_not_told():
    assert list(differences(Made(), Made())) == []


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        (
            {"trained_through": "2025-09-01T00:00:00"},
            "learned through 2025-09-01, before 2025-06-01",
        ),
        ({"segment": None}, "peers are by nothing, before by plan"),
        (
            {"windows": {"detractor": OutcomeWindow(14, 30)}},
            "detractor looks at 30 days after a gap of 14, before at 90 days after a gap of 14",
        ),
        ({"windows": {}}, "detractor looks at nothing, before at 90 days after a gap of 14"),
        ({"specs": ()}, "1 feature no longer read: usage__sum_logins__30d"),
        (
            {"specs": (LOGINS, replace(LOGINS, window_days=90), replace(LOGINS, window_days=7))},
            "2 features new: usage__sum_logins__7d, usage__sum_logins__90d",
        ),
        (
            {"specs": (replace(LOGINS, missing="zero"),)},
            "usage__sum_logins__30d: `missing` was unknown, now it is zero",
        ),
    ],
)
def test_each_difference_is_a_sentence(now, sentence):
    assert list(differences(Made(), replace(Made(), **now))) == [sentence]


def test_many_features_are_counted_and_some_named():
    specs = tuple(replace(LOGINS, window_days=days) for days in range(1, 12))
    (sentence,) = differences(Made(specs=()), Made(specs=specs))
    assert sentence.startswith("11 features new: ")
    assert sentence.endswith(" and 3 more")


def test_words_and_drivers_change_no_number():
    assert changed(LOGINS, replace(LOGINS, driver="other", label="log-ins")) == ""


def test_an_own_expression_is_known_by_its_file():
    own = replace(LOGINS, expression="own.py", expression_digest="a")
    said = changed(own, replace(own, expression_digest="b"))
    assert said == "the file of own.py has changed"
