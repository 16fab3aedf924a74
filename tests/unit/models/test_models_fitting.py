"""What is chosen: learners where they help out of time, the prior where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from npsight.models.backtest import CONTENDERS, backtest, origin_days, time_pairs
from npsight.models.clustered import clustered_mean
from npsight.models.fitting import FitSettings, fit_part
from npsight.models.prior import RatePrior
from npsight.models.rows import rows_of
from npsight.models.rule import fit_rule
from npsight.models.splits import TimeSplits
from npsight.models.trees import TreeSettings


def rate(rows):
    return RatePrior(float(np.average(rows.share, weights=rows.weight)))


@pytest.fixture
def settings(specs) -> FitSettings:
    return FitSettings(specs, rate, TreeSettings(max_trees=20, threads=1), TimeSplits(90), 10)


def test_a_signal_is_learned(examples, settings):
    fitted = fit_part("churn", examples, settings)
    assert fitted.selection.gain > fitted.selection.gain_error > 0
    assert "beat the prior" in fitted.selection.reason
    assert fitted.chosen.linear is not None or fitted.chosen.trees is not None
    worst = fitted.chosen.probability(examples.frame)
    assert np.corrcoef(worst, examples.share)[0, 1] > 0.3


def test_noise_leaves_the_prior_alone(make_examples, settings):
    """By chance a learner wins now and then: of five worlds without signal in at most one."""
    reasons = []
    for seed in range(5):
        fitted = fit_part("churn", make_examples(seed=seed, effect=0.0), settings)
        settings.folds.clear()
        reasons.append(fitted.selection.reason)
        if "the prior stands" in reasons[-1]:
            assert fitted.chosen.linear is fitted.chosen.trees is None
    assert sum("the prior stands" in reason for reason in reasons) >= 4


def test_too_little_history_leaves_the_prior_alone(make_examples, settings):
    fitted = fit_part("churn", make_examples(days=2), settings)
    assert fitted.selection.folds == 0
    assert "too little history" in fitted.selection.reason
    assert fitted.chosen.linear is fitted.chosen.trees is None


def test_a_feature_that_never_varies_is_no_obstacle(make_examples, settings, specs):
    rows = make_examples()
    for spec in specs:
        rows.frame[spec.name] = None if spec.dtype == "category" else 1.0
    fitted = fit_part("churn", rows, settings)
    assert fitted.chosen.schema.names == ()
    np.testing.assert_allclose(fitted.chosen.probability(rows.frame), rows.share.mean())


def test_the_same_rows_give_the_same_model(examples, specs, settings):
    other = FitSettings(specs, rate, settings.trees, settings.split, 10)
    assert fit_part("churn", examples, settings).chosen == fit_part("churn", examples, other).chosen


def test_every_contender_is_compared_on_rows_that_nobody_trained_on(examples, settings, specs):
    days = origin_days(examples, 90, 2, 10)
    origins = backtest("churn", time_pairs(examples, days), settings, specs[0].name)
    assert len(origins) == 2
    for origin in origins:
        assert set(origin.quality) == set(CONTENDERS)
        assert origin.trained_on == len(examples.known_before(np.datetime64(origin.label, "us")))
        assert origin.quality["base rate"].auc == 0.5
        assert origin.quality["chosen"].auc > 0.6


def test_the_rule_follows_the_feature_in_the_learned_direction(examples, specs):
    rule = fit_rule(specs[0].name, examples)
    assert rule.sign == -1.0
    frame = examples.frame.sort_values(specs[0].name)
    found = rule.probability(frame)
    assert (np.diff(found) <= 0).all()
    frame.loc[frame.index[:3], specs[0].name] = np.nan
    np.testing.assert_allclose(rule.probability(frame)[:3], examples.share.mean(), atol=1e-9)


def test_clustered_mean_by_hand():
    values = np.array([1.0, 1.0, 3.0, 3.0])
    mean, error = clustered_mean(values, np.ones(4), np.array(["a", "a", "b", "b"]))
    assert mean == 2.0
    assert error == pytest.approx(np.sqrt(2 / 1 * (2**2 + 2**2) / 16))
    _, alone = clustered_mean(values, np.ones(4), np.array(["a"] * 4))
    assert alone == np.inf


def test_trees_start_from_as_much_of_the_prior_as_the_features_leave(make_examples, settings):
    """What a feature says already is not taken from the prior a second time."""
    rows = make_examples(accounts=300)
    logins = np.log1p(rows.frame[settings.specs[0].name].to_numpy())
    same, news = -1.5 * (logins - 4.4), np.random.default_rng(1).normal(0, 1, len(rows))
    told = replace(
        rows, share=(np.random.default_rng(2).random(len(rows)) < expit(news + same)) * 1.0
    )

    class Known:
        def __init__(self, values):
            self.values = dict(
                zip(map(tuple, rows.frame[["account", "as_of"]].values), values, strict=False)
            )

        def log_odds(self, features):
            frame = rows_of(features).frame
            return np.array(
                [self.values[key] for key in map(tuple, frame[["account", "as_of"]].values)]
            )

        def to_json(self):
            return {}

    repeated = fit_part("p", told, replace(settings, fit_prior=lambda _: Known(2 * same), folds={}))
    fresh = fit_part("p", told, replace(settings, fit_prior=lambda _: Known(news), folds={}))
    assert repeated.lightgbm.trees.prior_weight < 0.7
    assert fresh.lightgbm.trees.prior_weight > 0.8
    for fitted in (repeated, fresh):
        split = fitted.lightgbm.contributions(rows.frame)
        np.testing.assert_allclose(split.base + split.values.sum(axis=1), split.raw, atol=1e-6)
        assert split.values[:, 0] @ np.ones(len(rows)) == pytest.approx(0, abs=1e-6 * len(rows))
