"""Features that tell the outcome only when they are read in the last days."""

from __future__ import annotations

import numpy as np

from npsight.audit.alone import out_of_time
from npsight.audit.shifted import vanishing
from npsight.config.specs import FeatureSpec

A = FeatureSpec(source="usage", aggregation="last", measure="a")
B = FeatureSpec(source="usage", aggregation="last", measure="b")
C = FeatureSpec(source="usage", aggregation="last", measure="c")


def judged(examples_of, rng, lost, specs=(A, B, C), each=600, noise=0.7):
    """Three features tell the outcome; earlier, `lost` of them are noise."""
    noisy = lambda y: y + rng.normal(0, noise, len(y))  # noqa: E731
    rows = examples_of(each=each, **{spec.name: noisy for spec in specs})
    splits = out_of_time(rows, 1)
    earlier = splits[0].test.frame.copy()
    for spec in lost:
        earlier[spec.name] = rng.normal(0, 1, len(earlier))
    return vanishing("detractor", [(splits[0], earlier)], specs, 14)


def test_one_that_vanishes_while_others_stay_is_named(examples_of, rng):
    check = judged(examples_of, rng, lost=[A])
    (found,) = check.findings
    assert (found.name, found.level, check.compared) == (A.name, "look", 3)
    assert found.figure > 0.6
    assert "14 days earlier" in found.what


def test_none_is_named_where_all_stay(examples_of, rng):
    assert judged(examples_of, rng, lost=[]).verdict == "clean"


def test_none_is_named_where_all_vanish(examples_of, rng):
    assert judged(examples_of, rng, lost=[A, B, C]).verdict == "clean"


def test_one_that_few_events_make_strong_is_not_named(examples_of, rng):
    # An AUC of about 0.65 in 25 events: as likely 0.55, and as likely weak a gap earlier.
    assert judged(examples_of, rng, lost=[A], each=80, noise=1.8).verdict == "clean"
    assert judged(examples_of, rng, lost=[A], each=80, noise=0.3).verdict == "look"


def test_a_weak_feature_is_not_judged(examples_of, rng):
    noise = lambda y: rng.normal(0, 1, len(y))  # noqa: E731
    strong = lambda y: y + rng.normal(0, 0.7, len(y))  # noqa: E731
    rows = examples_of(each=600, **{A.name: noise, B.name: strong, C.name: strong})
    split = out_of_time(rows, 1)[0]
    check = vanishing("churn", [(split, split.test.frame)], [A, B, C], 14)
    assert (check.verdict, check.compared) == ("clean", 2)


def test_one_strong_feature_has_nothing_to_be_compared_with(examples_of, rng):
    check = judged(examples_of, rng, lost=[A], specs=(A,))
    assert check.verdict == "not judged"
    assert "compared with the others" in check.not_judged


def test_too_few_events_are_said():
    check = vanishing("churn", [], [A], 14)
    assert (check.verdict, check.not_judged) == ("not judged", "too few events")


def test_missing_rows_of_the_earlier_day_count_as_missing(examples_of, rng):
    strong = lambda y: y + rng.normal(0, 0.7, len(y))  # noqa: E731
    rows = examples_of(each=600, **{A.name: strong, B.name: strong})
    split = out_of_time(rows, 1)[0]
    earlier = split.test.frame.assign(**{A.name: np.nan})
    check = vanishing("churn", [(split, earlier)], [A, B], 14)
    assert [f.name for f in check.findings] == [A.name]
