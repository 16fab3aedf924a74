"""Numbers and names that tell accounts apart and say nothing of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.audit.identifiers import identifiers
from npsight.config.specs import FeatureSpec

NUMBER = FeatureSpec(source="accounts", aggregation="value", measure="n")
NAME = FeatureSpec(source="accounts", aggregation="value", measure="n", dtype="category")


def found(values, spec=NUMBER):
    return identifiers(pd.DataFrame({spec.name: values}), [spec])


def test_numbers_in_order_are_keys(rng):
    check = found(rng.permutation(np.arange(1000, 1100)).astype(float))
    (finding,) = check.findings
    assert (finding.level, finding.name) == ("look", "accounts.n")
    assert "one after another" in finding.what


def test_numbers_of_one_length_are_keys():
    rng = np.random.default_rng(1)
    check = found(
        rng.choice(np.arange(10_000_000, 99_999_999, 7), 200, replace=False).astype(float)
    )
    assert "same number of digits" in check.findings[0].what


@pytest.mark.parametrize(
    "values",
    [
        np.arange(100) * 1000.0 + 1000,  # revenue: whole and different, of several lengths
        np.arange(100) + 0.5,  # not whole
        np.repeat(np.arange(50.0), 2),  # not all different
        np.random.default_rng(2).lognormal(8, 1, 300).round(),
    ],
)
def test_amounts_are_no_keys(values):
    assert found(values).verdict == "clean"


def test_dense_up_to_twice_as_many_numbers():
    assert found(np.append(np.arange(99.0), 199.0)).findings
    assert not found(np.append(np.arange(99.0), 200.0)).findings


def test_a_name_for_every_second_account_is_one():
    many = [f"n{i // 2}" for i in range(100)]
    assert found(many, NAME).findings[0].figure == 0.5
    assert not found([f"n{i // 3}" for i in range(100)], NAME).findings


def test_missing_values_are_left_out():
    values = np.append(np.arange(1000.0, 1060.0), np.full(500, np.nan))
    assert found(values).findings
    assert not found(np.append(np.arange(49.0), np.full(500, np.nan))).findings


def test_other_features_are_not_asked(rng):
    spec = FeatureSpec(source="usage", aggregation="sum", measure="n")
    assert identifiers(pd.DataFrame({spec.name: np.arange(100.0)}), [spec]).compared == 0


def test_tiny_data_are_not_judged():
    check = found(np.arange(49.0))
    assert (check.verdict, check.not_judged) == ("not judged", "49 accounts, fewer than 50")


def test_without_attributes_it_says_so():
    check = identifiers(pd.DataFrame({"account": range(100)}), [])
    assert (check.verdict, check.not_judged) == ("not judged", "no feature reads an attribute")
