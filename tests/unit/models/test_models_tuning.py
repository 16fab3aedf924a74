"""Tuning: within its budget, repeatable, and never blind to what the defaults reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from npsight.errors import ConfigError
from npsight.models.fitting import FitSettings, folds_of
from npsight.models.prior import RatePrior
from npsight.models.selection import Pooled
from npsight.models.splits import TimeSplits
from npsight.models.trees import TreeSettings
from npsight.models.tuning import tuned


def rate(rows):
    return RatePrior(float(rows.share.mean()))


@pytest.fixture
def settings(specs) -> FitSettings:
    return FitSettings(specs, rate, TreeSettings(max_trees=20, threads=1), TimeSplits(90), 5)


def best_loss(rows, settings, trees) -> float:
    pooled = Pooled(folds_of(rows, replace(settings, trees=trees, folds={})))
    return min(pooled.loss(added) for added in pooled.trees)


def test_what_is_found_is_no_worse_than_what_was_given(examples, settings):
    seen = []
    found = tuned(examples, settings, 6, seen.append)
    assert seen == [1, 2, 3, 4, 5, 6]
    given = best_loss(examples, settings, settings.trees)
    assert best_loss(examples, settings, found) <= given
    assert best_loss(examples, settings, replace(settings.trees, learning_rate=0.001)) > given


def test_the_same_budget_finds_the_same(examples, settings):
    twice = [tuned(examples, settings, 4, lambda _: None) for _ in range(2)]
    assert twice[0] == twice[1]


def test_without_folds_nothing_is_tuned(make_examples, settings):
    few = make_examples(days=1)
    assert tuned(few, settings, 5, lambda _: None) == settings.trees


def test_a_missing_optuna_is_named_with_the_way_out(examples, settings, monkeypatch):
    monkeypatch.setattr("npsight.models.tuning.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'npsight\[tune\]'"):
        tuned(examples, settings, 5, lambda _: None)
