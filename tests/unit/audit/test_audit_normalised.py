"""Measures that every account has at the same level over all time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.audit.normalised import Levels, set_against_all_time


def logins(rng, accounts: int = 60, most: int = 300) -> pd.DataFrame:
    """Daily logins around a level of the account, for as long as it was there."""
    days = rng.integers(most // 3, most, accounts)
    rows = pd.DataFrame({"account": np.repeat(np.arange(accounts), days)})
    rows["day"] = rows.groupby("account").cumcount()
    level = rng.lognormal(3, 0.5, accounts)[rows["account"]]
    rows["m"] = rng.poisson(level).astype(float)
    return rows


def judged(rows: pd.DataFrame, values) -> list[str]:
    rows = rows.assign(v=values).dropna(subset="v")
    of = rows.groupby("account")["v"].agg(["count", "mean", lambda x: x.std(ddof=0)])
    days = rows.groupby("day")["v"].agg(["count", lambda x: x.var(ddof=0)]).to_numpy()
    apart = np.average(days[:, 1], weights=days[:, 0]) / rows["v"].var(ddof=0)
    levels = Levels("usage.v", *(of.iloc[:, k].to_numpy(float) for k in range(3)), apart)
    return [f.what for f in set_against_all_time([levels]).findings]


@pytest.mark.parametrize("made", ["z", "index", "less mean"])
def test_a_measure_set_against_the_mean_of_all_time_leaks(rng, made):
    rows = logins(rng)
    of = rows.groupby("account")["m"]
    mean, std = of.transform("mean"), of.transform("std")
    values = {"z": (rows["m"] - mean) / std, "index": 100 * rows["m"] / mean}
    (what,) = judged(rows, values.get(made, rows["m"] - mean).round(2))
    assert "has the same mean over all time in 100% of the accounts" in what


def test_a_share_of_all_that_will_be_leaks(rng):
    rows = logins(rng)
    (what,) = judged(rows, rows["m"] / rows.groupby("account")["m"].transform("sum"))
    assert "has the same sum over all time" in what


def test_what_was_set_against_the_past_is_honest(rng):
    rows = logins(rng)
    of = rows.groupby("account")["m"]
    before = of.transform(lambda x: x.expanding().mean().shift())
    trailing = of.transform(lambda x: x.rolling(28).mean())
    for values in (rows["m"], rows["m"] - before, 100 * rows["m"] / trailing):
        assert judged(rows, values) == []


def test_customers_that_are_all_alike_are_honest(rng):
    rows = logins(rng)
    assert judged(rows, rng.normal(50, 10, len(rows))) == []


def test_the_day_of_the_week_is_no_measure_of_the_account(rng):
    rows = logins(rng)
    rows = rows[rows["day"] < 98]
    assert judged(rows, rows["day"] % 7) == []


def test_few_accounts_are_not_judged(rng):
    rows = logins(rng, accounts=19)
    of = Levels("usage.v", np.full(19, 90.0), np.zeros(19), np.ones(19), 1.0)
    assert set_against_all_time([of]).verdict == "not judged"
    assert set_against_all_time([]).verdict == "not judged"
    assert judged(rows, rows["m"] - rows.groupby("account")["m"].transform("mean")) == []
