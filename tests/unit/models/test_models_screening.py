"""Screening: what stays, what goes, and that accounts count, not rows."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from npsight.config.specs import OutcomeWindow
from npsight.models.encoding import FeatureSchema
from npsight.models.examples import Examples
from npsight.models.screening import ALWAYS_LOOKED_AT, LEAST_KEPT, chances, screened

DAYS = 12


def examples(columns: dict[str, np.ndarray], share: np.ndarray, accounts: int) -> Examples:
    days = [datetime(2025, 1, 1) + timedelta(days=30 * d) for d in range(DAYS)]
    frame = pd.DataFrame(
        {
            "account": np.tile([f"A{a}" for a in range(accounts)], DAYS),
            "as_of": np.repeat(np.array(days, dtype="datetime64[us]"), accounts),
            **columns,
        }
    )
    return Examples(
        frame,
        share,
        np.ones(len(frame)),
        np.full(len(frame), np.datetime64("NaT", "us")),
        OutcomeWindow(14, 90),
    )


def schema_of(names: list[str], categories: dict[str, tuple[str, ...]]) -> FeatureSchema:
    return FeatureSchema(
        tuple(names),
        tuple(categories.get(n) for n in names),
        tuple(0 for _ in names),
        tuple(None for _ in names),
    )


def drawn(accounts: int, noises: int, seed: int = 0):
    """Outcomes that hang on four features of different kinds, among noise of two kinds."""
    rng = np.random.default_rng(seed)
    rows = accounts * DAYS
    line, both_ends = rng.standard_normal(rows), rng.standard_normal(rows)
    gap = rng.random(rows) < 0.3
    plan = rng.choice(["basic", "pro"], rows)
    raw = -1 + 0.8 * line + 0.8 * (both_ends**2 - 1) + 1.2 * gap + 0.9 * (plan == "pro")
    share = (rng.random(rows) < 1 / (1 + np.exp(-raw))).astype(float)
    columns = {"line": line, "both": both_ends, "gap": np.where(gap, np.nan, 1.0), "plan": plan}
    for k in range(noises):
        fixed = np.tile(rng.standard_normal(accounts), DAYS)
        columns[f"n{k}"] = fixed if k % 2 else rng.standard_normal(rows)
    schema = schema_of(list(columns), {"plan": ("basic", "pro")})
    return examples(columns, share, accounts), schema


def test_few_features_are_all_looked_at():
    rows, schema = drawn(40, ALWAYS_LOOKED_AT - 4)
    assert screened(schema, rows, np.zeros(len(rows))) == schema


def test_many_accounts_judge_for_themselves():
    rows, schema = drawn(700, 30)
    assert screened(schema, rows, np.zeros(len(rows))) == schema


def test_every_kind_of_signal_stays_and_hardly_any_noise():
    rows, schema = drawn(200, 600)
    kept = screened(schema, rows, np.full(len(rows), -0.5)).names
    assert {"line", "both", "gap", "plan"} <= set(kept)
    assert len(kept) <= LEAST_KEPT + 4


def test_the_order_of_columns_and_their_kinds_are_kept():
    rows, schema = drawn(200, 600)
    kept = screened(schema, rows, np.full(len(rows), -0.5))
    assert [n for n in schema.names if n in kept.names] == list(kept.names)
    assert dict(zip(kept.names, kept.categories, strict=True))["plan"] == ("basic", "pro")


def test_what_the_prior_explains_already_is_no_news():
    rows, schema = drawn(400, 0)
    line = rows.frame["line"].to_numpy()
    told = chances(schema.encode(rows.frame), schema, rows.share - 0.5, _codes(rows))
    raw = -1 + 0.8 * line
    known = rows.share - 1 / (1 + np.exp(-raw))
    left = chances(schema.encode(rows.frame), schema, known - known.mean(), _codes(rows))
    assert told[0] < 1e-12
    assert left[0] > 1e-6


def _codes(rows: Examples) -> np.ndarray:
    return np.unique(rows.account, return_inverse=True)[1]


@pytest.mark.parametrize("fixed", [False, True])
def test_p_values_of_noise_are_even_though_accounts_repeat_themselves(fixed):
    """Account levels that stay the same would fool a test that takes rows for independent."""
    rng = np.random.default_rng(4)
    accounts, noises = 150, 400
    level = np.tile(rng.normal(0, 2, accounts), DAYS)
    share = (rng.random(accounts * DAYS) < 1 / (1 + np.exp(-level))).astype(float)
    draw = (accounts, noises) if fixed else (accounts * DAYS, noises)
    data = rng.standard_normal(draw)
    data = np.tile(data, (DAYS, 1)) if fixed else data
    names = [f"n{k}" for k in range(noises)]
    code = np.tile(np.arange(accounts), DAYS)
    found = chances(data, schema_of(names, {}), share - share.mean(), code)
    assert kstest(found, "uniform").pvalue > 1e-3


def test_a_feature_that_never_varies_has_no_chance():
    schema = schema_of(["same", "all_missing"], {})
    data = np.column_stack([np.ones(30), np.full(30, np.nan)])
    share = np.tile([0.0, 1.0], 15)
    np.testing.assert_array_equal(
        chances(data, schema, share - 0.5, np.repeat(np.arange(10), 3)), [1.0, 1.0]
    )
