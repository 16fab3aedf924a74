"""Features that stopped arriving, and those that have shifted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.audit.population import population, stability_index
from npsight.config.specs import FeatureSpec

MEAN = FeatureSpec(source="usage", aggregation="mean", measure="m")
COUNT = FeatureSpec(source="tickets", aggregation="count", missing="zero")
PLAN = FeatureSpec(source="accounts", aggregation="value", measure="plan", dtype="category")
AGE = FeatureSpec(source="accounts", aggregation="age")
DAYS = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])


def rows(spec, *days):
    """A frame with these values on rising days."""
    frames = [pd.DataFrame({"as_of": DAYS[i], spec.name: v}) for i, v in enumerate(days)]
    return pd.concat(frames, ignore_index=True)


def test_a_feature_that_always_arrived_and_is_gone_fails(rng):
    train = rows(MEAN, rng.random(200), rng.random(200))
    check = population(train, rows(MEAN, np.full(150, np.nan)), [MEAN])
    (found,) = check.findings
    assert (found.level, found.name, found.figure) == ("leak", MEAN.name, 1.0)
    assert "stopped arriving" in found.what


def test_one_that_comes_and_goes_is_worth_a_look(rng):
    train = rows(MEAN, rng.random(200), np.full(200, np.nan), rng.random(200))
    check = population(train, rows(MEAN, np.full(150, np.nan)), [MEAN])
    assert [f.level for f in check.findings] == ["look"]


def test_one_row_that_still_has_it_is_no_stop(rng):
    now = np.full(150, np.nan)
    now[0] = 0.5
    check = population(rows(MEAN, rng.random(200)), rows(MEAN, now), [MEAN])
    assert all("stopped" not in f.what for f in check.findings)


def test_a_count_stops_at_zero(rng):
    train = rows(COUNT, rng.integers(1, 9, 200).astype(float))
    check = population(train, rows(COUNT, np.zeros(150)), [COUNT])
    assert check.findings[0].level == "leak"


def test_a_count_that_is_mostly_zero_may_be_all_zero(rng):
    train = rows(COUNT, (rng.random(200) < 0.02).astype(float))
    assert population(train, rows(COUNT, np.zeros(150)), [COUNT]).verdict == "clean"


def test_a_shift_is_worth_a_look_and_none_is_none(rng):
    train = rows(MEAN, rng.normal(0, 1, 2_000))
    check = population(train, rows(MEAN, rng.normal(1, 1, 2_000)), [MEAN])
    (found,) = check.findings
    assert (found.level, found.threshold) == ("look", 0.25)
    assert population(train, rows(MEAN, rng.normal(0, 1, 2_000)), [MEAN]).verdict == "clean"


def test_few_rows_scatter_and_are_given_more_room(rng):
    for _ in range(20):
        train, now = rows(MEAN, rng.normal(0, 1, 100)), rows(MEAN, rng.normal(0, 1, 100))
        assert population(train, now, [MEAN]).verdict == "clean"


def test_age_is_spared(rng):
    train, now = rows(AGE, rng.random(500) * 100), rows(AGE, rng.random(500) * 100 + 90)
    assert population(train, now, [AGE]).verdict == "clean"
    assert population(train.rename(columns={AGE.name: MEAN.name}),
                      now.rename(columns={AGE.name: MEAN.name}), [MEAN]).verdict == "look"  # fmt: skip


def test_categories_shift_by_their_names():
    before = rows(PLAN, ["gold"] * 500 + ["free"] * 500)
    after = rows(PLAN, ["gold"] * 100 + ["new"] * 900)
    assert population(before, after, [PLAN]).findings[0].level == "look"
    assert population(before, before, [PLAN]).verdict == "clean"


def test_the_index_of_known_shares():
    before = pd.Series(["a"] * 50 + ["b"] * 50)
    now = pd.Series(["a"] * 80 + ["b"] * 20)
    expected = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert stability_index(before, now, category=True) == pytest.approx(expected)
    assert stability_index(before, before, category=True) == 0


def test_missing_is_a_group_of_its_own():
    before = pd.Series([1.0] * 50 + [np.nan] * 50)
    now = pd.Series([1.0] * 100)
    assert stability_index(before, now, category=False) > 2


def test_tiny_data_are_not_judged(rng):
    check = population(rows(MEAN, rng.random(99)), rows(MEAN, rng.random(500)), [MEAN])
    assert check.verdict == "not judged"
    assert "fewer than 100" in check.not_judged
