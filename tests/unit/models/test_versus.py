"""Two predictions of the same rows: figures, gains, intervals by account, and the judgement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from npsight.config.specs import OutcomeWindow
from npsight.models.examples import Examples
from npsight.models.versus import versus


def examples(accounts: int, days: int, seed: int = 0) -> tuple[Examples, np.ndarray]:
    """Rows whose outcome has a known probability, and that probability."""
    rng = np.random.default_rng(seed)
    truth = np.tile(rng.uniform(0.05, 0.95, accounts), days)
    frame = pd.DataFrame(
        {
            "account": np.tile([f"a{n:03d}" for n in range(accounts)], days),
            "as_of": np.repeat(pd.date_range("2025-01-01", periods=days, freq="30D"), accounts),
        }
    )
    share = (rng.uniform(size=len(truth)) < truth).astype(float)
    known = np.full(len(truth), np.datetime64("NaT", "us"))
    rows = Examples(frame, share, np.ones(len(truth)), known, OutcomeWindow(7, 30))
    return rows, truth


def test_figures_are_those_of_other_libraries():
    rows, truth = examples(80, 3)
    flat = np.full(len(rows), 0.4)
    found = versus("detractor", rows, truth, flat, seed=1)
    assert (found.rows, found.accounts, found.days[0]) == (240, 80, "2025-01-01")
    assert found.events == rows.share.sum()
    by_day = [roc_auc_score(rows.share[d : d + 80], truth[d : d + 80]) for d in (0, 80, 160)]
    expected = {
        "log_loss": (log_loss(rows.share, truth), log_loss(rows.share, flat)),
        "brier": (brier_score_loss(rows.share, truth), brier_score_loss(rows.share, flat)),
        "auc": (np.mean(by_day), 0.5),
    }
    for name, (ours, theirs) in expected.items():
        pair = found.figures[name]
        assert (pair.candidate, pair.other) == pytest.approx((ours, theirs))
        gain = ours - theirs if name == "auc" else theirs - ours
        assert pair.gain == pytest.approx(gain)
        assert pair.interval.low < pair.gain < pair.interval.high


def test_the_truth_is_better_than_one_number_and_the_other_way_worse():
    rows, truth = examples(200, 2)
    flat = np.full(len(rows), rows.share.mean())
    one = versus("churn", rows, truth, flat, seed=1)
    other = versus("churn", rows, flat, truth, seed=1)
    assert (one.judgement, other.judgement) == ("better", "worse")
    for name, pair in one.figures.items():
        back = other.figures[name]
        assert back.gain == pytest.approx(-pair.gain)
        assert (back.interval.low, back.interval.high) == pytest.approx(
            (-pair.interval.high, -pair.interval.low)
        )


def test_the_same_predictions_differ_by_nothing():
    rows, truth = examples(50, 2)
    found = versus("detractor", rows, truth, truth, seed=1)
    assert found.judgement == "no difference"
    assert all(pair.gain == 0 for pair in found.figures.values())


def test_a_difference_of_chance_is_none():
    """Two noisy copies of the truth, equally good: in most worlds no difference is seen."""
    said = []
    for seed in range(20):
        rows, truth = examples(150, 2, seed)
        noise = np.random.default_rng(seed + 1000).normal(0, 0.3, (2, 150))
        logit = np.log(truth / (1 - truth))
        one, two = (1 / (1 + np.exp(-(logit + np.tile(n, 2)))) for n in noise)
        said.append(versus("detractor", rows, one, two, seed).judgement)
    assert said.count("no difference") >= 16


def test_rows_of_an_account_are_drawn_together():
    """Each row repeated on ten days says no more: the interval stays as wide."""
    rows, truth = examples(100, 1)
    again = replace(
        rows,
        frame=pd.concat(
            [
                rows.frame.assign(as_of=rows.frame["as_of"] + pd.Timedelta(days=d))
                for d in range(10)
            ],
            ignore_index=True,
        ),
        share=np.tile(rows.share, 10),
        weight=np.tile(rows.weight, 10),
        known_at=np.tile(rows.known_at, 10),
    )
    flat = np.full(100, rows.share.mean())
    once = versus("detractor", rows, truth, flat, seed=1).figures["log_loss"]
    often = versus("detractor", again, np.tile(truth, 10), np.tile(flat, 10), seed=1)
    pair = often.figures["log_loss"]
    assert pair.gain == pytest.approx(once.gain)
    assert (pair.interval.low, pair.interval.high) == pytest.approx(
        (once.interval.low, once.interval.high)
    )


def test_where_only_one_class_was_seen_there_is_no_auc():
    rows, truth = examples(30, 2)
    quiet = replace(rows, share=np.zeros(60))
    found = versus("detractor", quiet, truth, truth / 2, seed=1)
    assert found.figures["auc"].gain is None
    assert found.figures["auc"].interval is None
    assert found.judgement == "worse"


def test_a_day_of_one_class_does_not_count_in_the_auc():
    rows, truth = examples(60, 2)
    share = rows.share.copy()
    share[60:] = 0.0
    found = versus("detractor", replace(rows, share=share), truth, truth, seed=1)
    expected = roc_auc_score(share[:60], truth[:60])
    assert found.figures["auc"].candidate == pytest.approx(expected)
