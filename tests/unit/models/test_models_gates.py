"""Each gate passes, fails and abstains where it should; a refusal has its figure."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.models.backtest import Origin
from npsight.models.bundle import digest_of, gates_of, golden_rows, pack, unpack, verify
from npsight.models.gates import (
    Gate,
    GateReport,
    audit_gate,
    calibration_gate,
    card_gate,
    champion_gate,
    events_gate,
    interval,
    not_judged,
    perfect_error,
    prior_gate,
    same_gate,
    skill_gate,
)
from npsight.models.skill import Skill


def origin(rows, chosen, prior) -> Origin:
    """A backtest day whose models are only their predictions."""
    return Origin("2025-01-01", 100, None, rows, {"chosen": chosen, "prior": prior}, {})


def told(rows, surety: float) -> np.ndarray:
    """Predictions that know the outcome: 0.5 + surety for events, 0.5 − surety for others."""
    return 0.5 + surety * (2 * rows.share - 1)


@pytest.fixture
def rows(make_examples):
    return make_examples(accounts=200, days=1)


def skill(shown: bool) -> Skill:
    return Skill(shown, 400, 200, 2, 80, 320, 0.05 if shown else -0.001, 0.01, 0.01,
                 0.001 if shown else 0.6)  # fmt: skip


# --- Better than the prior ----------------------------------------------------------------------


def test_better_than_the_prior_passes(rows):
    gate = prior_gate("churn", [origin(rows, told(rows, 0.3), told(rows, 0.1))], 0.95, 1)
    assert gate.verdict == "passed"
    assert gate.name == "better than the prior: churn"
    assert gate.figure == pytest.approx(0.4**2 - 0.2**2)
    assert gate.sentence.startswith("gained 0.12000 in Brier score against its prior on 2025-01-01")


def test_equal_to_the_prior_passes(rows):
    same = told(rows, 0.1)
    assert prior_gate("churn", [origin(rows, same, same)], 0.95, 1).verdict == "passed"


def test_worse_than_the_prior_beyond_chance_fails_by_how_much(rows):
    gate = prior_gate("churn", [origin(rows, told(rows, 0.0), told(rows, 0.3))], 0.95, 1)
    assert gate.verdict == "failed"
    assert gate.figure == pytest.approx(0.2**2 - 0.5**2)
    assert gate.figure < gate.limit <= 0
    assert "lost 0.21000" in gate.sentence


def test_worse_by_chance_passes(make_examples):
    """Two predictions as good as each other: in 60 worlds hardly one is refused."""
    failed = 0
    for seed in range(60):
        rows = make_examples(accounts=80, days=1, seed=seed)
        rng = np.random.default_rng(seed)
        ours, theirs = 0.4 + rng.normal(0, 0.05, (2, len(rows)))
        failed += prior_gate("x", [origin(rows, ours, theirs)], 0.95, 1).verdict == "failed"
    assert failed <= 6


def test_only_the_newest_day_counts(rows):
    good = origin(rows, told(rows, 0.3), told(rows, 0.1))
    bad = origin(rows, told(rows, 0.0), told(rows, 0.3))
    assert prior_gate("churn", [bad, good], 0.95, 1).verdict == "passed"
    assert prior_gate("churn", [good, bad], 0.95, 1).verdict == "failed"


def test_without_a_backtest_the_prior_and_calibration_are_not_judged():
    for gate in (prior_gate("churn", [], 0.95, 1), calibration_gate("churn", [], 0.03, 1)):
        assert gate.verdict == "not judged"
        assert "too short" in gate.sentence
        assert gate.figure is gate.limit is None


# --- Not worse than the champion ----------------------------------------------------------------


@pytest.mark.parametrize(("ours", "verdict"), [(0.3, "passed"), (0.1, "passed"), (0.0, "failed")])
def test_against_the_champion(rows, ours, verdict):
    gate = champion_gate("churn", rows, told(rows, ours), told(rows, 0.1), 4, 0.95, 1)
    assert gate.verdict == verdict
    assert "the champion, version 4" in gate.sentence


def test_an_interval_takes_the_rows_of_an_account_together():
    rng = np.random.default_rng(1)
    account = np.repeat(np.arange(50), 8).astype(object)
    own = np.repeat(rng.normal(0, 1, 50), 8)
    _, low, high = interval(own, np.ones(400), account, 0.95, 1)
    _, lower, higher = interval(own, np.ones(400), np.arange(400).astype(object), 0.95, 1)
    assert (high - low) > 2 * (higher - lower)
    assert high - low == pytest.approx(2 * 1.96 * own[::8].std() / np.sqrt(50), rel=0.15)


# --- Calibration --------------------------------------------------------------------------------


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), count=st.sampled_from([60, 400, 2000]))
def test_a_model_that_is_right_passes_whatever_the_number_of_rows(seed, count):
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 5, count)
    limit = perfect_error(p, np.ones(count), 1) + 0.03
    from npsight.models.metrics import calibration_error

    happened = (rng.random(count) < p).astype(float)
    assert calibration_error(p, happened, np.ones(count)) <= limit


def test_more_rows_allow_less_chance():
    few, many = (perfect_error(np.full(n, 0.3), np.ones(n), 1) for n in (50, 5000))
    assert few > 3 * many > 0


def test_a_model_that_overstates_fails(make_examples):
    rows = make_examples(accounts=800, days=1)
    level = rows.share.mean()
    right, high = np.full(len(rows), level), np.full(len(rows), level + 0.15)
    spread = np.random.default_rng(0).normal(0, 1e-6, len(rows))
    assert calibration_gate("x", [origin(rows, right + spread, right)], 0.03, 1).verdict == "passed"
    gate = calibration_gate("x", [origin(rows, high + spread, right)], 0.03, 1)
    assert gate.verdict == "failed"
    assert gate.figure > gate.limit > 0.03
    assert f"differ by {gate.figure:.3f}" in gate.sentence


# --- The others ---------------------------------------------------------------------------------


def test_enough_events(rows):
    fewest = min(rows.events())
    assert events_gate("churn", rows, int(fewest)).verdict == "passed"
    gate = events_gate("churn", rows, int(fewest) + 1)
    assert gate.verdict == "failed"
    assert (gate.figure, gate.limit) == (fewest, int(fewest) + 1)


def test_skill_of_one_part_is_enough_and_of_none_is_not():
    assert skill_gate({"a": skill(True), "b": skill(False)}).verdict == "passed"
    gate = skill_gate({"a": skill(False), "b": skill(False)})
    assert gate.verdict == "failed"
    assert (gate.figure, gate.limit) == (0, 1)
    assert gate.sentence.count("no better than chance") == 2


@pytest.mark.parametrize(
    ("gain", "p", "words"),
    [
        (0.004, 0.015, "may tell accounts apart, but it takes p ≤ 0.01 to believe it"),
        (0.004, 0.1, "may tell accounts apart"),
        (0.004, 0.101, "no better than chance"),
        (0.0, 0.05, "no better than chance"),
    ],
)
def test_a_gain_that_is_not_believed_is_not_called_chance(gain, p, words):
    found = Skill(False, 400, 200, 2, 80, 320, gain, 0.01, 0.01, p)
    assert words in found.sentence()
    assert f"p = {p:.3f}" in found.sentence()


FRAME = pd.DataFrame({"account": ["a", "b"], "x": [1.0, np.nan], "plan": ["pro", None]})


def test_rows_computed_again_must_be_equal_missing_ones_too():
    gate = same_gate(FRAME, FRAME.copy(), 0.0)
    assert gate.verdict == "passed"
    assert gate.figure == 0


@pytest.mark.parametrize(
    ("column", "values", "count"),
    [("x", [np.nextafter(1.0, 2), np.nan], 1), ("x", [1.0, 0.0], 1), ("plan", ["basic", "pro"], 2)],
)
def test_one_value_that_differs_fails_and_is_named(column, values, count):
    gate = same_gate(FRAME, FRAME.assign(**{column: values}), 0.0)
    assert gate.verdict == "failed"
    assert gate.figure == count
    assert f"{count} values differ, of {column}" in gate.sentence


def test_a_row_that_is_lost_or_a_prediction_that_differs_fails():
    lost = same_gate(FRAME, FRAME.iloc[:1], 1.0)
    assert lost.verdict == "failed"
    assert "gave 1" in lost.sentence
    assert "differ by up to 1e-09" in same_gate(FRAME, FRAME.copy(), 1e-9).sentence


def test_a_leak_fails():
    assert audit_gate(0, 100, 2).verdict == "passed"
    assert audit_gate(1, 100, 0).verdict == "failed"


def test_a_card_without_a_section_fails_and_names_it():
    card = "# Model card: x\n\n## Churn risk\n"
    assert card_gate(card, ["# Model card: x", "## Churn risk"]).verdict == "passed"
    gate = card_gate(card, ["# Model card: x", "## Limits"])
    assert gate.verdict == "failed"
    assert gate.figure == 1
    assert "missing: ## Limits" in gate.sentence


# --- What is kept -------------------------------------------------------------------------------

REPORT = GateReport(
    (
        Gate("skill", "passed", 1, 1, "churn tells accounts apart"),
        Gate("calibration: churn", "failed", 0.09, 0.05, "off"),
        not_judged("not worse than the champion", "there is no champion yet"),
    ),
    champion=3,
)


def test_a_report_counts_its_verdicts_and_survives_json():
    assert not REPORT.passed
    assert [gate.name for gate in REPORT.failed] == ["calibration: churn"]
    assert GateReport.from_json(json.loads(json.dumps(REPORT.to_json()))) == REPORT
    figures = REPORT.figures()
    assert figures["gates_failed"] == figures["gates_passed"] == figures["gates_not_judged"] == 1
    assert figures["gate_calibration_churn"] == 0.09


def test_gates_stand_beside_the_model_not_in_its_digest():
    from tiny_project import SPECS, rows, tiny_model

    model, golden = tiny_model(), golden_rows(rows(40, 1), SPECS)
    without, with_gates = pack(model, golden, "# Card"), pack(model, golden, "# Card", REPORT)
    assert digest_of(without) == digest_of(with_gates) == verify(with_gates)
    assert gates_of(without) is None
    assert gates_of(with_gates) == REPORT


def test_a_part_without_skill_is_marked_in_the_bundle():
    from tiny_project import SPECS, rows, tiny_model

    model = tiny_model()
    model = replace(model, churn=replace(model.churn, has_skill=False))
    files = pack(model, golden_rows(rows(40, 1), SPECS), "# Card")
    parts = json.loads(files["model.json"])["parts"]
    assert [parts[n]["has_skill"] for n in ("detractor", "churn")] == [True, False]
    assert unpack(files).unranked() == ("churn",)
