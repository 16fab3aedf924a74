"""Contenders side by side: the same figures as alone, and fair differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from npsight.features.history import BANDS, history_columns
from npsight.models.backtest import backtest, origin_days, time_pairs
from npsight.models.contest import (
    ALL,
    LEVEL_OF_DAY,
    CallList,
    contenders,
    standings,
    with_level,
)
from npsight.models.fitting import FitSettings
from npsight.models.prior import RatePrior, fit_history_prior
from npsight.models.splits import TimeSplits
from npsight.models.trees import TreeSettings


def history_prior(rows):
    return fit_history_prior(rows.frame, rows.share, rows.weight, ("detractor",), BANDS)


def origins_of(rows, specs, prior):
    fit = FitSettings(specs, prior, TreeSettings(max_trees=20, threads=1), TimeSplits(90), 5)
    return backtest("detractor", time_pairs(rows, origin_days(rows, 90, 2, 5)), fit, None)


@pytest.fixture(scope="module")
def origins(examples, specs):
    return origins_of(
        examples, specs, lambda rows: RatePrior(float(np.average(rows.share, weights=rows.weight)))
    )


@pytest.fixture(scope="module")
def found(origins):
    return standings(origins, [lists_of(o) for o in origins], seed=7)


def lists_of(origin, part=0.2):
    return CallList(part, 24, 120, np.arange(len(origin.test), dtype=float))


def test_every_contender_on_every_origin_and_then_together(found, origins):
    names = ["chosen", "prior", "logistic", "lightgbm", "base rate"]
    labels = [o.label for o in origins]
    assert [(s.origin, s.contender) for s in found] == [
        (label, name) for label in (*labels, ALL) for name in names
    ]


def test_figures_are_those_of_the_backtest(found, origins):
    for origin in origins:
        for contender, figures in origin.quality.items():
            (one,) = [s for s in found if (s.origin, s.contender) == (origin.label, contender)]
            assert one.figures["auc"] == pytest.approx(figures.auc)
            assert one.figures["brier"] == pytest.approx(figures.brier)
            assert one.figures["log_loss"] == pytest.approx(figures.log_loss)
            assert one.calibration_error == pytest.approx(figures.calibration_error)
            assert one.rows == figures.rows


def test_together_losses_are_pooled_and_ranks_are_averaged(found, origins):
    chosen = [s for s in found if s.contender == "chosen"]
    *single, whole = chosen
    rows = [s.rows for s in single]
    for figure in ("brier", "log_loss"):
        mean = np.average([s.figures[figure] for s in single], weights=rows)
        assert whole.figures[figure] == pytest.approx(mean)
    for figure in ("auc", "average_precision", "precision", "lift", "capture"):
        assert whole.figures[figure] == pytest.approx(np.mean([s.figures[figure] for s in single]))


def test_differences_are_between_the_same_draws(found):
    """Chosen and prior share every draw: the difference is surer than the two by themselves."""
    whole = next(s for s in found if s.origin == ALL and s.contender == "chosen")
    prior = next(s for s in found if s.origin == ALL and s.contender == "prior")
    gap = whole.against["prior"]["log_loss"]
    assert gap.value == pytest.approx(whole.figures["log_loss"] - prior.figures["log_loss"])
    assert gap.interval.low < gap.value < gap.interval.high < 0
    own = whole.intervals["log_loss"]
    assert own.low < whole.figures["log_loss"] < own.high
    assert set(whole.against) == {"prior", "logistic", "lightgbm", "base rate"}
    assert not prior.against
    assert not prior.intervals


def test_the_same_seed_gives_the_same_standings(found, origins):
    assert standings(origins, [lists_of(o) for o in origins], seed=7) == found


def test_the_level_of_the_day_is_one_number_for_all_accounts(examples, specs):
    rng = np.random.default_rng(5)
    frame = examples.frame.copy()
    for column in history_columns():
        level = 5 if column.startswith("own") else 300
        frame[column] = rng.gamma(2, level, len(frame))
    market = [c for c in history_columns() if c.startswith("market")]
    frame[market] = frame.groupby("as_of")[market].transform("first")
    (origin, *_) = origins_of(replace(examples, frame=frame), specs, history_prior)
    flat = with_level(origin).predicted[LEVEL_OF_DAY]
    assert len(np.unique(flat)) == 1
    assert len(np.unique(origin.predicted["prior"])) > 10
    assert LEVEL_OF_DAY in contenders([with_level(origin)])


def test_without_answers_there_is_no_level_to_read(origins):
    assert LEVEL_OF_DAY not in with_level(origins[0]).predicted


def test_without_origins_nothing_stands():
    assert standings([], [], seed=1) == []
