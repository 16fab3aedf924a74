"""Feature frame -> matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import FeatureSpec
from npsight.errors import ModelIntegrityError
from npsight.models.encoding import FeatureSchema, learn_schema

PLAN = FeatureSpec(source="accounts", aggregation="value", measure="plan", dtype="category")
LOGINS = FeatureSpec(source="usage", aggregation="sum", measure="logins", monotone=-1)
GAPS = FeatureSpec(source="usage", aggregation="mean", measure="errors")
FLAT = FeatureSpec(source="usage", aggregation="count")


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            PLAN.name: np.array(["pro", "basic", None, "pro"], dtype=object),
            LOGINS.name: [1.0, 2.0, 3.0, 10.0],
            GAPS.name: [np.nan, 0.5, 1.5, 2.5],
            FLAT.name: [7.0] * 4,
        }
    )


@pytest.fixture
def schema(frame) -> FeatureSchema:
    return learn_schema(frame, (PLAN, LOGINS, GAPS, FLAT))


def test_what_is_learned(schema):
    assert schema.names == (PLAN.name, LOGINS.name, GAPS.name)
    assert schema.categories == (("basic", "pro"), None, None)
    assert schema.monotone == (0, -1, 0)
    assert schema.fills == (None, 2.5, None)
    assert schema.categorical == [0]


def test_encoding(schema, frame):
    np.testing.assert_array_equal(
        schema.encode(frame),
        [[1, 1, np.nan], [0, 2, 0.5], [np.nan, 3, 1.5], [1, 10, 2.5]],
    )


def test_columns_are_bound_by_name(schema, frame):
    turned = frame[frame.columns[::-1]].assign(other=1)
    np.testing.assert_array_equal(schema.encode(turned), schema.encode(frame))


@pytest.mark.parametrize("value", ["platinum", "PRO", "", None, np.nan])
def test_an_unknown_category_is_missing(schema, frame, value):
    frame[PLAN.name] = np.array([value] * 4, dtype=object)
    assert np.isnan(schema.encode(frame)[:, 0]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, None, "many"])
def test_a_gap_that_training_never_saw_is_filled(schema, frame, value):
    frame[LOGINS.name] = np.array([value] * 4, dtype=object)
    frame[GAPS.name] = np.array([value] * 4, dtype=object)
    matrix = schema.encode(frame)
    assert set(matrix[:, 1]) == {2.5}
    assert np.isnan(matrix[:, 2]).all()


def test_every_missing_column_is_named(schema, frame):
    with pytest.raises(
        ModelIntegrityError,
        match=rf"lack 2 of the model's features: {LOGINS.name}, {GAPS.name}\n  → score with",
    ):
        schema.encode(frame[[PLAN.name]])


def test_no_rows(schema, frame):
    assert schema.encode(frame.head(0)).shape == (0, 3)


def test_a_column_with_one_value_and_gaps_varies(frame):
    frame[FLAT.name] = [7.0, None, 7.0, None]
    assert learn_schema(frame, (FLAT,)).names == (FLAT.name,)
