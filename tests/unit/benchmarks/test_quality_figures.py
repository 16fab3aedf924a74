"""The quality benchmark's own arithmetic: errors, verdicts, and what counts as behind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.quality.companies import Clock
from benchmarks.quality.figures import Level, Row, _bootstrapped, _groups, _truth_of, share_to_truth
from benchmarks.quality.noise import Cost
from benchmarks.quality.page import markdown, verdicts
from npsight.config.specs import OutcomeWindow
from npsight.models.clustered import clustered_mean
from npsight.models.examples import Examples


def examples(accounts: int, rows: int) -> Examples:
    frame = pd.DataFrame(
        {
            "account": np.tile([f"A{i}" for i in range(accounts)], rows),
            "as_of": np.repeat(
                pd.date_range("2025-01-01", periods=rows).to_numpy("datetime64[us]"), accounts
            ),
        }
    )
    count = accounts * rows
    nat = np.full(count, np.datetime64("NaT", "us"))
    return Examples(frame, np.zeros(count), np.ones(count), nat, OutcomeWindow(0, 1))


def test_the_bootstrap_error_counts_accounts():
    rows = examples(200, 5)
    values = np.tile(np.random.default_rng(1).normal(2, 1, 200), 5)
    mean, error = _bootstrapped(values, rows)
    expected, by_formula = clustered_mean(values, rows.weight, rows.account)
    assert mean == pytest.approx(expected)
    assert error == pytest.approx(by_formula, rel=0.1)


def row(contender: str, brier: float, log_loss: float, behind: float = 0.0) -> Row:
    return Row("demo-2000", "churn", contender, 10, brier, 0.01, behind, 0.001, log_loss, 0.7, 0.0)


def rows(behind: float) -> list[Row]:
    return [
        row("chosen", 0.1 + behind, 0.30, behind),
        row("prior", 0.2, 0.40, 0.1),
        row("lightgbm", 0.1, 0.30),
        row("base rate", 0.2, 0.40),
        row("truth", 0.09, 0.28),
    ]


def test_the_share_of_the_way_to_the_truth():
    assert share_to_truth(rows(0.0), "demo-2000", "churn") == pytest.approx(0.10 / 0.12)
    assert share_to_truth(rows(0.0)[:4], "demo-2000", "churn") is None


@pytest.mark.parametrize(("behind", "met"), [(0.0, True), (0.0099, True), (0.0101, False)])
def test_one_standard_error_of_the_score_is_the_limit(behind, met):
    found = dict(verdicts(rows(behind), [], {}))
    assert found[next(text for text in found if "behind the best" in text)] is met


def test_worse_than_the_prior_is_a_miss():
    worse = [row("chosen", 0.21, 0.3, 0.01), *rows(0.0)[1:]]
    found = dict(verdicts(worse, [], {}))
    assert found[next(text for text in found if "chosen − prior" in text)] is False


@pytest.mark.parametrize(("group", "error", "met"), [("all", 0.03, False), ("silent", 0.03, True)])
def test_a_group_may_be_off_by_more_than_all(group, error, met):
    level = Level("demo-2000", "churn", group, 300, error)
    assert [m for _, m in verdicts([], [level], {})] == [met]


@pytest.mark.parametrize(("noisy", "met"), [(0.0971, True), (0.0969, False)])
def test_noise_may_cost_three_per_cent_of_the_skill(noisy, met):
    assert [m for _, m in verdicts([], [], {}, [Cost("churn", 0.1, noisy, 0)])] == [met]


def test_training_may_take_three_times_its_fits():
    for total, met in ((299.0, True), (301.0, False)):
        clock = Clock(total=total, boosting=100.0, fits=3)
        assert [m for _, m in verdicts([], [], {"demo-20000": clock})] == [met]


def test_the_truth_is_that_of_the_newest_day_at_or_before():
    days = pd.to_datetime(["2025-01-01", "2025-01-06"]).to_numpy("datetime64[us]")
    truth = pd.DataFrame({"account_id": ["A", "A"], "day": days, "p_churn": [0.1, 0.2]})
    asked = np.array(["2025-01-05", "2025-01-06", "2025-01-09"], dtype="datetime64[us]")
    found = _truth_of(truth, np.array(["A", "A", "B"], dtype=object), asked)
    np.testing.assert_array_equal(found["p_churn"], [0.1, 0.2, np.nan])


def test_accounts_without_an_answer_for_half_a_year_are_silent():
    alive = pd.DataFrame(
        {"account": ["A", "B", "C"], "responses__days_since_last": [180.0, 181.0, np.nan]}
    )
    segments = pd.DataFrame({"account": ["A", "B"], "as_of": [0, 0], "plan": ["x", "y"]})
    found = _groups(alive, segments)
    np.testing.assert_array_equal(found["silent"], [False, True, True])
    np.testing.assert_array_equal(found["plan x"], [True, False, False])


def test_the_page_has_a_line_for_every_row():
    assert len(markdown(rows(0.0)).splitlines()) == 2 + 5
