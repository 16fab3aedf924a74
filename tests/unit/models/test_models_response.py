"""Who answers: rates found again, counts whose totals meet, and what a sample keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import OutcomeWindow
from npsight.features.history import BANDS, HALF_LIVES_DAYS, LEVELS, history_column
from npsight.models.calibration import Calibration
from npsight.models.encoding import learn_schema
from npsight.models.examples import Examples
from npsight.models.fitting import FitSettings, fit_part
from npsight.models.part import PartModel
from npsight.models.prior import prior_from_json
from npsight.models.response import (
    ResponsePrior,
    fit_response_prior,
    response_model,
    sampled,
)
from npsight.models.splits import TimeSplits
from npsight.models.trees import TreeSettings


def panel(
    accounts: int = 800, days: int = 8, seed: int = 0, spread: float = 1.0, rate: float = 0.7
) -> Examples:
    """Poisson answers at gamma rates; decayed counts of two years before each day, and a label.

    Every half-life's count is the account's true rate times the time it remembers, with Poisson
    noise: a longer memory is the better one.
    """
    rng = np.random.default_rng(seed)
    true = rng.gamma(1 / spread, rate * spread, accounts)
    frames = []
    for day in range(days):
        frame = pd.DataFrame({"account": [f"a{i:05d}" for i in range(accounts)]})
        frame["as_of"] = np.datetime64("2024-01-01", "us") + np.timedelta64(30 * day, "D")
        for half_life in HALF_LIVES_DAYS:
            windows = half_life / np.log(2) / 90
            # A decayed count of variance half its mean, as exponential weights give.
            count = rng.poisson(2 * true * windows) / 2
            for level, value in zip(LEVELS, (count, count.sum(), count.sum()), strict=True):
                for band in BANDS:
                    frame[history_column(level, band, half_life)] = value / len(BANDS)
        frame["answers"] = rng.poisson(true)
        frame["truth"] = true
        frames.append(frame)
    frame = pd.concat(frames, ignore_index=True)
    return Examples(
        frame=frame,
        share=(frame["answers"] > 0).to_numpy(np.float64),
        weight=np.ones(len(frame)),
        known_at=np.full(len(frame), np.datetime64("NaT", "us")),
        window=OutcomeWindow(14, 90),
    )


def part_of(prior: ResponsePrior, rows: Examples) -> PartModel:
    return PartModel("response", prior, 0.0, learn_schema(rows.frame, ()), Calibration())


def test_true_rates_are_found_again():
    rows = panel()
    prior = fit_response_prior(rows)
    assert prior.half_life_days == 960
    found, truth = prior.rate(rows.frame), rows.frame["truth"].to_numpy()
    assert found.sum() == pytest.approx(rows.frame["answers"].sum(), rel=1e-6)
    assert np.corrcoef(found, truth)[0, 1] > 0.9
    for low, high in ((0, 0.3), (0.3, 0.8), (0.8, 9)):
        some = (found >= low) & (found < high)
        assert found[some].mean() == pytest.approx(truth[some].mean(), rel=0.15)


def test_equal_accounts_are_shrunk_to_their_mean():
    prior = fit_response_prior(panel(spread=0.001))
    rates = prior.rate(panel(spread=0.001, seed=1).frame)
    assert prior.strength >= 12.8
    assert rates.std() < 0.12 * rates.mean()


def test_an_account_that_never_answered_is_below_the_mean_but_not_at_zero():
    rows = panel()
    prior = fit_response_prior(rows)
    frame = rows.frame.head(1).copy()
    for band in BANDS:
        frame[history_column("own", band, prior.half_life_days)] = 0.0
    rate = prior.rate(frame)[0]
    assert 0 < rate < 0.3 * rows.frame["answers"].mean()


def test_a_shorter_history_is_not_taken_for_silence():
    """Half of everybody's remembered answers, at the same rate of late: half the time was seen."""
    prior = ResponsePrior(scale=1.0, base=1.0, strength=0.5, half_life_days=960)
    frame = pd.DataFrame({"account": ["long", "short"]})
    for band in BANDS:
        frame[history_column("market", band, 120)] = [100.0, 100.0]
        frame[history_column("market", band, 960)] = [800.0, 400.0]
        frame[history_column("own", band, 960)] = [4.0, 2.0]
    long, short = prior.rate(frame)
    assert long == pytest.approx((12 + 0.5) / (8 + 0.5))
    assert short == pytest.approx((6 + 0.5) / (4 + 0.5))


def test_before_any_answer_all_are_equal():
    prior = ResponsePrior(0.5, 0.8, 1.6, 240)
    names = [history_column(v, b, h) for v in LEVELS for b in BANDS for h in HALF_LIVES_DAYS]
    frame = pd.DataFrame({name: np.zeros(3) for name in names})
    np.testing.assert_allclose(prior.rate(frame), 0.5 * 0.8)
    np.testing.assert_allclose(prior.log_odds(frame), np.log(np.expm1(0.4)))


def test_a_prior_survives_json():
    prior = fit_response_prior(panel(50, 3))
    assert prior_from_json(prior.to_json()) == prior


def test_totals_meet_on_the_newest_year():
    rows = panel(days=20)
    newest = rows.as_of > rows.as_of.max() - np.timedelta64(365, "D")
    answers = np.where(newest, 3 * rows.frame["answers"], rows.frame["answers"])
    changed = rows.where(np.ones(len(rows), bool))
    changed.frame["answers"] = answers
    model = response_model(part_of(fit_response_prior(rows), rows), changed)
    assert model.answers(changed.frame[newest]).sum() == pytest.approx(answers[newest].sum())


def test_poisson_counts_are_those_of_many_people():
    rows = panel(4000, 6)
    model = response_model(part_of(fit_response_prior(rows), rows), rows)
    assert model.per_event == pytest.approx(1, abs=0.05)
    assert model.people >= 10
    # The rest of what is not known of each account's rate is left in its counts.
    assert 0 <= model.dispersion < 0.2


def test_one_respondent_answers_once():
    rows = panel(4000, 6)
    rows.frame["answers"] = rows.share.astype("int64")
    model = response_model(part_of(fit_response_prior(rows), rows), rows)
    assert model.dispersion == -1
    assert model.people <= 1.5
    expected = model.answers(rows.frame)
    busy = expected > np.quantile(expected, 0.9)
    assert expected[busy].mean() == pytest.approx(rows.share[busy].mean(), rel=0.1)


def test_accounts_with_many_answers_are_told_apart_though_all_are_sure_to_answer():
    rows = panel(600, 6, rate=40.0)
    model = response_model(part_of(fit_response_prior(rows), rows), rows)
    expected, truth = model.answers(rows.frame), rows.frame["truth"].to_numpy()
    assert np.median(model.probability(rows.frame)) == 0.999
    busy = truth > 80
    assert expected[busy].mean() == pytest.approx(truth[busy].mean(), rel=0.15)


def test_a_project_without_features_has_a_response_model():
    rows = panel(300, 12)
    settings = FitSettings((), fit_response_prior, TreeSettings(threads=1), TimeSplits(90), 20)
    fitted = fit_part("response", rows, settings)
    assert fitted.chosen.trees is None
    assert isinstance(fitted.chosen.prior, ResponsePrior)
    answers = response_model(fitted.chosen, rows).answers(rows.frame)
    assert np.isfinite(answers).all()
    assert (answers > 0).all()


def test_a_sample_keeps_whole_accounts_whatever_the_order():
    rows = panel(1000, 4)
    some = sampled(rows, 1000)
    assert 700 < len(some) < 1300
    kept = set(some.account)
    assert len(some) == 4 * len(kept)
    backwards = rows.where(np.ones(len(rows), bool))
    order = np.arange(len(rows))[::-1]
    backwards = Examples(
        rows.frame.iloc[order].reset_index(drop=True),
        rows.share[order],
        rows.weight[order],
        rows.known_at[order],
        rows.window,
    )
    assert set(sampled(backwards, 1000).account) == kept
    assert len(sampled(rows, 4000)) == 4000
