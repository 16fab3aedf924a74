"""Differences between arms: against textbook figures, plain formulas and known truths."""

from __future__ import annotations

import numpy as np
import pytest

from npsight.models.impact import (
    Effect,
    Trial,
    call_effect,
    intention_effect,
    rows_needed,
    share_difference,
    share_interval,
)


def trial(called, outcome, *, prob=0.5, contacted=None, forecast=None, account=None) -> Trial:
    called = np.asarray(called, dtype=bool)
    count = len(called)
    return Trial(
        called=called,
        hold_out_prob=np.broadcast_to(np.asarray(prob, dtype=float), count).copy(),
        contacted=called if contacted is None else np.asarray(contacted, dtype=bool),
        outcome=np.asarray(outcome, dtype=float),
        forecast=np.full(count, np.nan) if forecast is None else np.asarray(forecast, dtype=float),
        account=np.arange(count) if account is None else np.asarray(account),
    )


def shares(yes_called, called, yes_held, held) -> Trial:
    arm = np.repeat([True, False], [called, held])
    outcome = np.concatenate([np.arange(called) < yes_called, np.arange(held) < yes_held])
    return trial(arm, outcome)


def experiment(rng, count=600, prob=0.3, lift=-0.2, comply=1.0, informative=True) -> Trial:
    """A forecast that tells much of the outcome; a call lowers P(1) by `-lift`."""
    forecast = rng.uniform(0.2, 0.9, count)
    called = rng.random(count) >= prob
    contacted = called & (rng.random(count) < comply)
    outcome = rng.random(count) < forecast + lift * contacted
    shown = forecast if informative else np.full(count, np.nan)
    return trial(called, outcome, prob=prob, contacted=contacted, forecast=shown)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
    ],
)
def test_two_shares_have_the_interval_of_newcombes_table(counts, expected):
    found = share_difference(shares(*counts))
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-4)


def test_without_a_forecast_it_is_the_difference_of_means_and_welchs_interval():
    rng = np.random.default_rng(3)
    one = trial(rng.random(300) < 0.6, rng.normal(10, 30, 300))
    found = intention_effect(one)
    y, z = one.outcome[one.called], one.outcome[~one.called]
    error = np.sqrt(y.var(ddof=1) / len(y) + z.var(ddof=1) / len(z))
    assert found.estimate == pytest.approx(y.mean() - z.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.968 * error, rel=0.01)


def test_a_forecast_narrows_the_interval():
    rng = np.random.default_rng(5)
    known = experiment(rng, count=4000)
    blind = Trial(**{**vars(known), "forecast": np.full(len(known), np.nan)})
    with_forecast, without = intention_effect(known), intention_effect(blind)
    assert with_forecast.high - with_forecast.low < 0.96 * (without.high - without.low)


def test_the_difference_over_the_difference_in_calls_is_the_effect_of_a_call():
    rng = np.random.default_rng(8)
    one = experiment(rng, count=20_000, comply=0.5)
    listed, call = intention_effect(one), call_effect(one)
    assert listed.estimate == pytest.approx(-0.1, abs=0.02)
    assert call.estimate == pytest.approx(-0.2, abs=0.04)
    assert call.low < -0.2 < call.high
    assert call.certain == listed.certain


def test_where_the_arms_are_called_alike_nothing_is_said_of_a_call():
    rng = np.random.default_rng(8)
    one = experiment(rng)
    alike = Trial(**{**vars(one), "contacted": rng.random(len(one)) < 0.5})
    assert call_effect(alike) is None
    assert intention_effect(alike) is not None


def test_a_share_that_changes_on_the_way_does_no_harm():
    """Late rows have worse outcomes and are held out more often: unweighted arms would differ."""
    rng = np.random.default_rng(4)
    late = np.arange(20_000) % 2 == 1
    prob = np.where(late, 0.5, 0.1)
    called = rng.random(len(late)) >= prob
    one = trial(called, rng.random(len(late)) < np.where(late, 0.7, 0.2), prob=prob)
    plain = one.outcome[one.called].mean() - one.outcome[~one.called].mean()
    assert plain < -0.1
    assert abs(intention_effect(one).estimate) < 0.03
    assert abs(share_difference(one).estimate) < 0.03


def test_rows_of_one_account_are_one_draw():
    rng = np.random.default_rng(2)
    one = experiment(rng, count=200, informative=False)
    twice = Trial(**{name: np.concatenate([v, v]) for name, v in vars(one).items()})
    narrow = Trial(**{**vars(twice), "account": np.arange(400)})
    width = {k: intention_effect(t) for k, t in (("one", one), ("twice", twice), ("no", narrow))}
    width = {k: e.high - e.low for k, e in width.items()}
    assert width["twice"] == pytest.approx(width["one"], rel=0.02)
    assert width["no"] < 0.75 * width["one"]


def test_few_events_get_the_interval_of_two_shares():
    one = shares(0, 40, 6, 40)
    assert intention_effect(one) == share_difference(one)


@pytest.mark.parametrize("held", [0, 19])
def test_too_few_rows_say_nothing(held):
    one = shares(10, 60, held // 2, held)
    assert intention_effect(one) is None
    assert call_effect(one) is None


def test_an_effect_is_certain_where_its_interval_leaves_out_nought():
    assert Effect(-0.1, -0.2, -0.01, 9).certain
    assert Effect(0.1, 0.01, 0.2, 9).certain
    assert not Effect(-0.1, -0.2, 0.0, 9).certain


@pytest.mark.parametrize("lift", [0.0, -0.2])
def test_the_interval_holds_the_truth_as_often_as_it_says(lift):
    rng = np.random.default_rng(11)
    trials = [experiment(rng, count=250, lift=lift, comply=0.6) for _ in range(300)]
    for effect, truth in ((intention_effect, 0.6 * lift), (call_effect, lift)):
        found = [effect(one) for one in trials]
        held = np.mean([e is None or e.low <= truth <= e.high for e in found])
        assert 0.91 <= held <= 0.985


def test_rows_needed_is_the_textbook_number():
    # 10 points from 40 %, two equal arms: 2 × (1.96 + 0.8416)² × 0.24 / 0.01, for each arm.
    assert rows_needed(0.4, 0.5, 0.1) == pytest.approx(754, abs=1)
    assert rows_needed(0.4, 0.1, 0.1) > 2 * rows_needed(0.4, 0.5, 0.1)


def test_the_interval_of_a_share_is_wilsons():
    assert share_interval(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
