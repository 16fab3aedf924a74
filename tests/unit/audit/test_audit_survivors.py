"""Data that know only those who stayed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from npsight.audit.survivors import Lives, nobody_is_gone, survivors

START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01")
YEAR = pd.Timedelta(days=365)


def lives(rng, accounts: int = 600, rate: float = 0.1, began=START - 2 * YEAR) -> Lives:
    """Accounts that leave at a yearly rate, from the start of the data on."""
    names = [f"a{k:03d}" for k in range(accounts)]
    began = pd.Series(began, index=names)
    lost = began.clip(lower=START) + pd.to_timedelta(rng.exponential(365 / rate, accounts), "D")
    return Lives(began, lost.where(lost < END).astype("datetime64[us]"), START, END)


def kept(made: Lives, gone: pd.Series) -> Lives:
    return Lives(made.began[~gone], made.lost[~gone], START, END)


def test_losses_at_all_times_are_clean(rng):
    for _ in range(50):
        check = survivors(lives(rng))
        assert (check.verdict, check.compared) == ("clean", 600)


def test_early_losses_that_were_deleted_are_missed(rng):
    made = lives(rng)
    (found,) = survivors(kept(made, made.lost < START + 2 * YEAR)).findings
    assert (found.level, found.name) == ("look", "accounts")
    assert "no account was lost before 2024-07-02, where" in found.what


def test_accounts_younger_than_a_year_miss_nobody(rng):
    """Contracts of a year: who came with the data cannot leave in their first year."""
    made = lives(rng, began=START)
    late = Lives(made.began, made.lost.where(made.lost >= START + YEAR), START, END)
    assert survivors(late).verdict == "clean"


def test_few_losses_are_not_judged(rng):
    assert survivors(lives(rng, accounts=30, rate=0.05)).verdict == "not judged"
    none = Lives(pd.Series(dtype="datetime64[us]"), pd.Series(dtype="datetime64[us]"), START, END)
    assert survivors(none).verdict == "not judged"


def facts(count: int, silent: int) -> pd.DataFrame:
    last = np.where(np.arange(count) < silent, np.datetime64("2025-01-01"), np.datetime64(END))
    return pd.DataFrame({"first": START, "last": last})


def test_nobody_fell_silent(rng):
    (found,) = nobody_is_gone(facts(300, 0), START, END).findings
    assert "none of 300 accounts that were there in the first third" in found.what
    assert nobody_is_gone(facts(300, 1), START, END).verdict == "clean"


def test_few_accounts_or_a_short_time_are_not_judged():
    assert nobody_is_gone(facts(199, 0), START, END).verdict == "not judged"
    assert nobody_is_gone(facts(300, 0), START, START + YEAR).verdict == "not judged"
