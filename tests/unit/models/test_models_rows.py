"""Rows of plain values score as the same rows of a frame do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tiny_project import SPECS, rows, tiny_model

from npsight.drivers.explain import explain
from npsight.errors import ModelIntegrityError
from npsight.models.model import SEGMENT
from npsight.models.rows import Layout, absent, array_rows, rows_of


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def frame():
    """1,000 accounts; values are missing, infinite, or of a category nobody has seen."""
    found = rows(1000, seed=9)
    found.loc[:50, SPECS[2].name] = "never seen"
    found.loc[40:90, SPECS[1].name] = np.inf
    found.loc[80:120, [spec.name for spec in SPECS if spec.dtype == "number"]] = np.nan
    return found


def records(frame):
    """As the store gives them back: plain values and None."""
    return [
        {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
        for row in frame.to_dict("records")
    ]


def same(found, expected):
    for name in ("detractor", "promoter", "nps", "churn"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=0, atol=1e-12
        )


def test_1000_accounts_score_as_their_frame_does(model, frame):
    plain = array_rows(model.layout, records(frame))
    same(model.predict(plain), model.predict(frame))


def test_the_order_of_columns_does_not_matter(model, frame):
    shuffled = frame[np.random.default_rng(3).permutation(frame.columns)]
    layout = Layout(model.layout.numbers[::-1], model.layout.texts[::-1])
    expected = model.predict(frame)
    same(model.predict(shuffled), expected)
    same(model.predict(array_rows(layout, records(shuffled))), expected)


def test_an_account_scores_alone_as_among_others(model, frame):
    expected = model.predict(frame)
    for place in (0, 45, 85, 500):
        alone = model.predict(array_rows(model.layout, records(frame.iloc[[place]])))
        assert alone.detractor[0] == pytest.approx(expected.detractor[place], abs=1e-12)


def test_driver_points_are_those_of_the_frame(model, frame):
    some = frame.iloc[:60]
    found = explain(model, array_rows(model.layout, records(some)))
    expected = explain(model, some)
    np.testing.assert_allclose(found.risk.values, expected.risk.values, rtol=0, atol=1e-12)
    same(found.predicted, model.predict(some))


def test_a_column_that_is_not_there_is_named(model, frame):
    name = SPECS[0].name
    layout = model.layout.without({name})
    with pytest.raises(ModelIntegrityError, match=name):
        model.predict(array_rows(layout, records(frame.iloc[:3])))


def test_values_of_the_wrong_kind_are_missing(model):
    layout = Layout(("a", "b"), ("t",))
    found = array_rows(layout, [{"a": "7", "b": 3, "t": 5}, {"a": None, "t": "x"}])
    np.testing.assert_array_equal(
        found.numbers(("b", None, "a")), [[3, np.nan, np.nan], [np.nan] * 3]
    )
    assert found.texts("t") == [None, "x"]


def test_numbers_are_a_copy():
    found = array_rows(Layout(("a",), ()), [{"a": 1.0}])
    found.numbers(("a",))[:] = 9
    assert found.numbers(("a",))[0, 0] == 1.0


def test_picked_rows_keep_their_texts():
    found = array_rows(Layout(("a",), ("t",)), [{"a": i, "t": str(i)} for i in range(4)])
    picked = found.where(np.array([False, True, False, True]))
    assert picked.texts("t") == ["1", "3"]
    assert picked.numbers(("a",)).ravel().tolist() == [1.0, 3.0]
    assert found.where(np.ones(4, dtype=bool)) is found


def test_missing_texts():
    assert [absent(v) for v in (None, np.nan, pd.NA, "", "x")] == [True, True, True, False, False]


def test_the_layout_holds_what_the_model_reads(model):
    assert SEGMENT in model.layout.texts
    assert set(model.layout.columns) >= {spec.name for spec in SPECS}
    assert "own__detractor__hl240" in model.layout.numbers


def test_a_frame_is_wrapped_and_rows_are_not(frame):
    wrapped = rows_of(frame)
    assert rows_of(wrapped) is wrapped
    assert len(wrapped) == 1000
