"""Numbers and labels as a reader sees them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.specs import FeatureSpec
from npsight.drivers.shown import capital, label_of, moved, rounded, show, tidy, whole


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "", "0"),
        (-0.00001, "", "0"),
        (-0.001, "", "-0.001"),
        (0.00042, "", "0.0004"),
        (0.0314, "h", "0.031 h"),
        (0.314, "", "0.31"),
        (0.6, "", "0.6"),
        (0.999, "", "1"),
        (3.0, "", "3"),
        (3.14, "", "3.1"),
        (-3.14, "", "-3.1"),
        (9.96, "", "10"),
        (12.6, "", "13"),
        (1240.4, "h", "1,240 h"),
        (48_000, "$", "$48,000"),
        (-48_000, "€", "-€48,000"),
        (48_000, "USD", "48,000 USD"),
        (62, "%", "62 %"),
        (1, "days", "1 day"),
        (-1, "days", "-1 day"),
        (2, "days", "2 days"),
        (999_999.7, "", "1 million"),
        (1_234_567, "", "1.23 million"),
        (123_456_789, "", "123 million"),
        (2_500_000_000, "", "2.5 billion"),
        (3e12, "", "3,000 billion"),
        (1e18, "", "1.00e+18"),
    ],
)
def test_values(value, unit, text):
    assert show(float(rounded(value)), unit) == text


@given(a=st.floats(-1e12, 1e12), b=st.floats(-1e12, 1e12))
def test_rounding_never_turns_an_order_round(a, b):
    low, high = rounded(np.array(sorted((a, b))))
    assert low <= high


@given(a=st.floats(-1e14, 1e14), b=st.floats(-1e14, 1e14))
def test_values_that_read_the_same_are_unchanged(a, b):
    first, second = rounded(np.array([a, b])).tolist()
    if show(first) == show(second):
        assert moved(first, second) == "unchanged"


@pytest.mark.parametrize("function", [rounded, whole])
def test_infinities_are_missing(function):
    assert np.isnan(function(np.array([np.inf, -np.inf, np.nan]))).all()


def test_days_are_cut_not_rounded():
    assert whole(np.array([0.9, 37.99, -0.9])).tolist() == [0.0, 37.0, 0.0]


def test_moves():
    assert [moved(2, 1), moved(1, 2), moved(1, 1)] == ["rose", "fell", "unchanged"]


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("API calls", "API calls"),
        (" two\n lines\u202e ", "two lines"),
        ("", "high resolution hours"),
        ("\x00", "high resolution hours"),
    ],
)
def test_labels(label, text):
    where = (("severity", "high"),)
    assert (
        label_of(
            FeatureSpec(
                source="t", aggregation="sum", measure="resolution_hours", where=where, label=label
            )
        )
        == text
    )


def test_long_text_is_cut_and_a_capital_changes_one_letter():
    assert tidy("abcdef", 4) == "abc…"
    assert tidy("abcd", 4) == "abcd"
    assert capital("aPI calls") == "API calls"
    assert capital("") == ""
