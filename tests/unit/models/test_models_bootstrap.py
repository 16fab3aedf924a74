"""Accounts are drawn whole, the same for the same seed, and the interval is as wide as it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from npsight.models.bootstrap import Interval, draw_accounts, interval
from npsight.models.clustered import clustered_mean
from npsight.models.weighted import Ranked


def test_all_rows_of_an_account_are_drawn_together(make_examples):
    first, second = make_examples(accounts=30, days=2), make_examples(accounts=20, days=3, seed=1)
    draws = draw_accounts([first, second], seed=5, draws=50)
    times = [draws.figures(i, lambda w: w) for i in range(2)]
    assert times[0].shape == (51, 60)
    assert (times[0][0] == 1).all()
    names = [rows.account.astype(str) for rows in (first, second)]
    for account in np.unique(names[0])[:20]:
        both = np.concatenate([t[:, n == account] for t, n in zip(times, names, strict=True)], 1)
        assert (both == both[:, :1]).all()
    drawn = draws.times[1:]
    assert (drawn.sum(axis=1) == 30).all()
    assert drawn.max() > 1


def test_the_same_seed_gives_the_same_draws(examples):
    one, two, other = (draw_accounts([examples], seed=s, draws=20) for s in (1, 1, 2))
    assert (one.times == two.times).all()
    assert (one.times != other.times).any()


def test_blocks_do_not_show(examples, monkeypatch):
    import npsight.models.bootstrap as bootstrap

    draws = draw_accounts([examples], seed=1, draws=30)

    def measure(weights):
        return Ranked(np.linspace(0.1, 0.9, len(examples)), examples.share, weights).auc()

    whole = draws.figures(0, measure)
    monkeypatch.setattr(bootstrap, "BLOCK_VALUES", 3 * len(examples))
    assert draws.figures(0, measure) == pytest.approx(whole)


def test_as_wide_as_the_clustered_standard_error(make_examples):
    """An account has the same outcome on every day: by row the interval would be too narrow."""
    rows = make_examples(accounts=200, days=6, effect=0.0)
    own = dict(zip(np.unique(rows.account.astype(str)), rows.share[:200], strict=True))
    rows = replace(rows, share=np.array([own[a] for a in rows.account.astype(str)]))
    draws = draw_accounts([rows], seed=3, draws=2000)
    flat = np.full(len(rows), 0.5)
    found = draws.figures(0, lambda w: Ranked(flat, rows.share, w).base_rate())
    mean, error = clustered_mean(rows.share, rows.weight, rows.account)
    assert found[0] == pytest.approx(mean)
    assert float(np.std(found[1:])) == pytest.approx(error, rel=0.08)
    by_row = float(np.sqrt(mean * (1 - mean) / len(rows)))
    assert error > 2 * by_row


def test_interval():
    values = np.arange(1001.0)
    middle = interval(values)
    assert (middle.low, middle.high) == pytest.approx((25.0, 975.0))
    few = np.full(100, np.nan)
    few[:49] = 1.0
    assert interval(few) is None
    few[:60] = 1.0
    assert interval(few) == Interval(1.0, 1.0)
    assert interval(np.empty(0)) is None
