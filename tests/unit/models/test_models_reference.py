"""How far features have moved: by hand, at each boundary, and never without a reason."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.specs import FeatureSpec
from npsight.models.reference import (
    FLOOR,
    Reference,
    grouping,
    limit_of,
    moved,
    reference_of,
    stability_index,
)

NUMBER = FeatureSpec(
    source="usage", aggregation="sum", measure="logins", window_days=30, driver="u", label="logins"
)
PLAN = FeatureSpec(
    source="accounts", aggregation="value", measure="plan", driver="a", label="plan",
    dtype="category",
)  # fmt: skip
AGE = FeatureSpec(source="accounts", aggregation="age", driver="a", label="age")


def frame(numbers, plans=None, ages=None, day="2026-03-01"):
    size = len(numbers)
    return pd.DataFrame(
        {
            "as_of": pd.Timestamp(day),
            NUMBER.name: np.asarray(numbers, dtype=float),
            PLAN.name: np.array(plans or ["pro"] * size, dtype=object),
            AGE.name: np.asarray(ages if ages is not None else numbers, dtype=float),
        }
    )


def test_a_number_on_an_edge_belongs_to_the_lower_group():
    made = grouping(pd.Series([float(n) for n in range(1, 12)]), category=False)
    assert made.edges == pytest.approx((2, 3, 4, 5, 6, 7, 8, 9, 10))
    assert made.counts == (2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0)
    assert list(made.of(pd.Series([2.0, 2.0000001, np.nan, 99.0]))) == [
        1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1,
    ]  # fmt: skip


def test_an_unknown_category_and_a_missing_one_are_groups_of_their_own():
    made = grouping(pd.Series(["a", "b", "b", None], dtype=object), category=True)
    assert (made.names, made.counts) == (("a", "b"), (1, 2, 0, 1))
    assert list(made.of(pd.Series(["a", "c", "d", None], dtype=object))) == [1, 0, 2, 1]
    assert made.missing == 0.25


def test_a_column_without_any_value_has_one_group():
    made = grouping(pd.Series([np.nan, np.nan]), category=False)
    assert (made.edges, made.counts, made.missing) == ((), (0, 2), 1.0)


def test_the_index_by_hand():
    then, now = np.array([50.0, 50.0, 0.0]), np.array([80.0, 20.0, 0.0])
    expected = 0.3 * math.log(0.8 / 0.5) - 0.3 * math.log(0.2 / 0.5)
    assert stability_index(then, now) == pytest.approx(expected)
    gone = stability_index(np.array([100.0, 0.0]), np.array([0.0, 100.0]))
    assert gone == pytest.approx(2 * (1 - FLOOR) * math.log(1 / FLOOR))


def test_few_rows_are_allowed_more():
    assert limit_of(100_000, 100_000) == 0.25
    assert limit_of(100, 100) == pytest.approx(0.6)


def test_what_moved_is_told_from_what_did_not():
    rng = np.random.default_rng(1)
    then = frame(rng.normal(size=500), ["pro", "basic"] * 250, rng.normal(size=500))
    now = frame(rng.normal(1.5, 1, 500), ["pro", "new"] * 250, rng.normal(9, 1, 500))
    found = {m.feature: m for m in moved(reference_of(then, [NUMBER, PLAN, AGE]), now,
                                         [NUMBER, PLAN, AGE])}  # fmt: skip
    assert found[NUMBER.name].moved is True
    assert found[PLAN.name].moved is True
    assert found[PLAN.name].unknown == 0.5
    assert found[AGE.name].moved is None
    assert found[AGE.name].index > 2
    same = moved(reference_of(then, [NUMBER, PLAN]), then, [NUMBER, PLAN])
    assert [(m.index, m.moved) for m in same] == [(0.0, False), (0.0, False)]


def test_of_fewer_than_a_hundred_rows_nothing_is_said():
    values = np.arange(100, dtype=float)
    reference = reference_of(frame(values), [NUMBER])
    assert moved(reference, frame(values[:99]), [NUMBER])[0].moved is None
    assert moved(reference, frame(values), [NUMBER])[0].moved is False


def test_the_reference_is_of_the_newest_day_alone():
    both = pd.concat([frame([1.0] * 5, day="2026-01-01"), frame([2.0] * 3, day="2026-03-01")])
    found = reference_of(both, [NUMBER])
    assert (found.day, found.rows) == ("2026-03-01", 3)
    assert found.features[NUMBER.name].edges == (2.0,)


def test_a_feature_that_the_reference_does_not_know_is_left_out():
    reference = reference_of(frame([1.0]), [NUMBER])
    assert [m.feature for m in moved(reference, frame([1.0]), [NUMBER, PLAN])] == [NUMBER.name]


columns = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=60)


@given(then=columns, now=columns)
def test_every_row_is_in_one_group_and_the_index_is_never_negative(then, now):
    made = grouping(pd.Series(then, dtype=float), category=False)
    counts = made.of(pd.Series(now, dtype=float))
    assert sum(made.counts) == len(then)
    assert counts.sum() == len(now)
    assert counts[-1] == sum(value is None for value in now)
    assert stability_index(np.array(made.counts, dtype=float), counts) >= 0


@given(then=columns)
def test_it_is_read_back_from_json_as_it_was(then):
    found = reference_of(frame([np.nan if v is None else v for v in then]), [NUMBER, PLAN])
    again = Reference.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
