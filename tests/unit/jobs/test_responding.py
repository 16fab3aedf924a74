"""Rows of those who did not answer, and the days that intervals are judged on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import OutcomeWindow
from npsight.features.history import BANDS, history_columns
from npsight.jobs.training.cardnps import coverage_lines, response_lines
from npsight.jobs.training.labels import (
    detractor_examples,
    promoter_examples,
    response_examples,
)
from npsight.jobs.training.outcomes import PartResult
from npsight.jobs.training.responding import fit_response, forecast_days
from npsight.models.backtest import backtest, time_pairs
from npsight.models.coverage import CoverageRow
from npsight.models.fitting import FitSettings, fit_part
from npsight.models.prior import fit_history_prior
from npsight.models.response import fit_response_prior
from npsight.models.skill import skill_of
from npsight.models.splits import TimeSplits
from npsight.models.trees import TreeSettings

WINDOW = OutcomeWindow(14, 90)
DAYS = pd.date_range("2024-01-01", periods=14, freq="30D").to_numpy("datetime64[us]")
ORIGINS = [DAYS[7], DAYS[10], DAYS[13]]


def tables(accounts: int = 200) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features without any, and answers of about half of the accounts."""
    rng = np.random.default_rng(5)
    size = accounts * len(DAYS)
    frame = pd.DataFrame(
        {
            "account": np.tile([f"a{i:03d}" for i in range(accounts)], len(DAYS)),
            "as_of": np.repeat(DAYS, accounts),
            "segment_": np.tile(rng.choice(["x", "y", None], accounts), len(DAYS)),
        }
    )
    counts = pd.DataFrame({c: rng.gamma(1, 2, size) for c in history_columns()})
    frame = pd.concat([frame, counts], axis=1)
    answers = frame[["account", "as_of"]].copy()
    answers["answers"] = rng.poisson(0.7, size)
    answers["detractors"] = rng.binomial(answers["answers"], 0.3)
    answers["promoters"] = rng.binomial(answers["answers"] - answers["detractors"], 0.6)
    answers["label_known_at"] = answers["as_of"] + np.timedelta64(100, "D")
    return frame, answers[answers["answers"] > 0].reset_index(drop=True)


def settings(fit_prior) -> FitSettings:
    return FitSettings((), fit_prior, TreeSettings(threads=1), TimeSplits(90), 10)


def prior_of(event, among):
    return lambda rows: fit_history_prior(rows.frame, rows.share, rows.weight, event, among)


@pytest.fixture(scope="module")
def response():
    frame, answers = tables()
    rows = response_examples(frame, frame, answers, WINDOW)
    labels = [str(day.astype("datetime64[D]")) for day in ORIGINS]
    return fit_response(rows, labels, settings(fit_response_prior))


@pytest.fixture(scope="module")
def parts():
    frame, answers = tables()
    found = {}
    detractors = detractor_examples(frame, answers, WINDOW)
    for name, rows, prior in (
        ("detractor", detractors, prior_of(("detractor",), BANDS)),
        ("promoter", promoter_examples(detractors), prior_of(("promoter",), BANDS[1:])),
    ):
        pairs = time_pairs(rows, ORIGINS)
        origins = backtest(name, pairs, settings(prior), None)
        fitted = fit_part(name, rows, settings(prior))
        found[name] = PartResult(name, rows, tuple(origins), fitted, None, skill_of(origins))
    return found


def test_silent_accounts_are_examples_too():
    frame = pd.DataFrame({"account": ["a", "b", "c"], "as_of": DAYS[:1].repeat(3)})
    answers = pd.DataFrame(
        {
            "account": ["b"],
            "as_of": DAYS[:1],
            "answers": [2],
            "detractors": [1],
            "promoters": [0],
            "label_known_at": [DAYS[3]],
        }
    )
    # The window of c has not ended, or it was merged: nothing can be said of it.
    rows = response_examples(frame, frame.head(2), answers, WINDOW)
    assert list(rows.account) == ["a", "b"]
    assert rows.share.tolist() == [0, 1]
    assert rows.frame["answers"].tolist() == [0, 2]
    assert rows.frame["detractors"].tolist() == [0, 1]
    assert np.isnat(rows.known_at[0])
    assert rows.known_at[1] == DAYS[3]
    assert len(rows.known_before(DAYS[0] + np.timedelta64(104, "D"))) == 2
    assert len(rows.known_before(DAYS[0] + np.timedelta64(103, "D"))) == 0


def test_each_origin_forecasts_all_accounts_from_its_day_to_the_next(parts, response):
    days = list(forecast_days(parts, response))
    assert [d.as_of for d in days] == list(DAYS[7:])
    assert [d.origin for d in days] == [
        str(ORIGINS[k].astype("datetime64[D]")) for k in (0, 0, 0, 1, 1, 1, 2)
    ]
    assert [d.weight for d in days] == pytest.approx([1 / 3] * 6 + [1])
    for day in days:
        assert len(day.detractor) == len(day.expected) == len(day.segment) == 200
        assert (day.answers == 0).any()
        assert set(day.segment) == {"x", "y", ""}
        assert ((day.promoter + day.detractor) < 1).all()


def test_a_forecast_is_made_by_the_models_of_its_origin(parts, response):
    day = list(forecast_days(parts, response))[4]
    frame = response.examples.between(DAYS[11], DAYS[11]).frame
    risk = parts["detractor"].origins[1].fitted.chosen.probability(frame)
    np.testing.assert_array_equal(day.detractor, risk)
    np.testing.assert_array_equal(day.expected, response.models[1].answers(frame))
    assert day.answers.sum() == frame["answers"].sum()


def test_without_a_response_model_those_who_answered_were_expected_to(parts):
    days = list(forecast_days(parts, None))
    assert [d.as_of for d in days] == list(DAYS[7:])
    for day in days:
        assert (day.answers > 0).all()
        np.testing.assert_array_equal(day.expected, day.answers)


def test_an_origin_learns_only_from_windows_that_had_ended(response):
    for origin in response.origins:
        day = np.datetime64(origin.label, "us")
        past = response.examples.known_before(day)
        assert origin.trained_on == len(past)
        assert (past.as_of + np.timedelta64(WINDOW.end) <= day).all()


def test_expected_totals_are_near_those_given(parts, response):
    for day in forecast_days(parts, response):
        assert day.expected.sum() == pytest.approx(day.answers.sum(), rel=0.2)


def test_all_answering_or_none_cannot_be_learned():
    frame, answers = tables(30)
    rows = response_examples(frame, frame, answers, WINDOW)
    all_answer = replace(rows, share=np.ones(len(rows)))
    assert fit_response(all_answer, ["2024-12-26"], settings(fit_response_prior)) is None
    assert fit_response(all_answer, [], settings(fit_response_prior)) is None


def test_the_card_names_totals_and_figures(response):
    text = "\n".join(response_lines(response))
    assert text.count("| chosen |") == 3
    given = int(response.origins[0].test.frame["answers"].sum())
    assert f"| {given:,} |" in text
    assert "nan" not in text


def test_coverage_on_the_card():
    rows = (
        CoverageRow(80, "company", "30-99 answers", 3, 4),
        CoverageRow(80, "segment", "1-3 answers", 1, 2),
        CoverageRow(95, "company", "30-99 answers", 4, 4),
        CoverageRow(95, "segment", "1-3 answers", 2, 2),
    )
    text = "\n".join(coverage_lines(rows))
    assert "| company | 30-99 answers | 3 of 4 (75%) | 4 of 4 (100%) |" in text
    assert "| segment | 1-3 answers | 1 of 2 (50%) | 2 of 2 (100%) |" in text
    assert "Too few origins" in "\n".join(coverage_lines(()))
