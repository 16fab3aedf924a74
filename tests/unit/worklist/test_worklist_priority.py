"""Priority, by hand and by property."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.schema import Worklist
from npsight.worklist.priority import nearness, priorities

NAN = float("nan")
USUAL = Worklist()


def one(risk, revenue, days, worklist=USUAL):
    found = priorities(np.array([risk]), np.array([revenue]), np.array([days]), worklist)
    return float(found.value[0]), found.reason[0]


@pytest.mark.parametrize(
    ("days", "near"),
    [(0, 1.0), (30, 0.75), (120, 0.0), (121, 0.0), (-1, 0.0), (NAN, 0.0)],
)
def test_nearness_falls_from_the_day_of_renewal_to_the_limit(days, near):
    assert nearness(np.array([float(days)]), 120)[0] == pytest.approx(near)


@pytest.mark.parametrize(
    ("risk", "revenue", "days", "value", "reason"),
    [
        (0.62, 48_000.0, 72.0, 0.62 * 48_000 * 1.4, "62 % risk × 48,000 revenue × 1.4 (renews in 72 days)"),
        (0.5, 1_000.0, 0.0, 1_000.0, "50 % risk × 1,000 revenue × 2.0 (renews today)"),
        (0.5, 1_000.0, 1.0, 500 * (2 - 1 / 120), "50 % risk × 1,000 revenue × 2.0 (renews in 1 day)"),
        (0.5, 1_000.0, -1.0, 500.0, "50 % risk × 1,000 revenue"),
        (0.5, 1_000.0, NAN, 500.0, "50 % risk × 1,000 revenue"),
        (0.5, 0.0, NAN, 0.0, "50 % risk × 0 revenue"),
        (NAN, 1_000.0, 10.0, 0.0, "risk unknown"),
        (0.004, 1_000.0, NAN, 4.0, "under 1 % risk × 1,000 revenue"),
        (0.005, 1_000.0, NAN, 5.0, "under 1 % risk × 1,000 revenue"),
        (0.0051, 1_000.0, NAN, 5.1, "1 % risk × 1,000 revenue"),
        (0.0, 1_000.0, NAN, 0.0, "0 % risk × 1,000 revenue"),
        (0.5, NAN, 60.0, 0.75, "50 % risk × 1.5 (renews in 60 days)"),
    ],
)  # fmt: skip
def test_revenue_at_risk(risk, revenue, days, value, reason):
    got, why = one(risk, revenue, days)
    assert got == pytest.approx(value)
    assert why == reason


def test_a_missing_revenue_counts_as_the_median_of_the_others():
    revenue = np.array([100.0, 300.0, 1_000.0, NAN, -5.0, np.inf])
    found = priorities(np.full(6, 0.5), revenue, np.full(6, NAN), USUAL)
    assert found.value.tolist() == [50, 150, 500, 150, 150, 150]
    assert found.reason[2:4] == [
        "50 % risk × 1,000 revenue",
        "50 % risk × 300 revenue (median: its own is unknown)",
    ]


def test_the_renewal_weight_is_the_project_files():
    assert one(0.5, 1_000.0, 0.0, Worklist(renewal_weight=0.0)) == (
        500.0,
        "50 % risk × 1,000 revenue",
    )
    assert one(0.5, 1_000.0, 0.0, Worklist(renewal_weight=3.0))[0] == 2_000.0


def test_risk_alone():
    alone = Worklist(policy="risk")
    assert one(0.62, 48_000.0, 10.0, alone) == (0.62, "62 % risk")
    assert one(NAN, 48_000.0, 10.0, alone) == (0.0, "risk unknown")


def falling(bands, worklist=USUAL):
    found = priorities(
        np.array([0.5]), np.array([1_000.0]), np.array([60.0]), worklist, np.array([float(bands)])
    )
    return float(found.value[0]), found.reason[0]


@pytest.mark.parametrize(
    ("bands", "worklist", "value", "reason"),
    [
        (0, USUAL, 750.0, "50 % risk × 1,000 revenue × 1.5 (renews in 60 days)"),
        (1, USUAL, 937.5, "50 % risk × 1,000 revenue × 1.5 (renews in 60 days) × 1.25 (expected to fall a band)"),
        (2, USUAL, 1_125.0, "50 % risk × 1,000 revenue × 1.5 (renews in 60 days) × 1.5 (expected to fall 2 bands)"),
        (2, Worklist(slide_weight=1), 2_250.0, "50 % risk × 1,000 revenue × 1.5 (renews in 60 days) × 3.0 (expected to fall 2 bands)"),
        (1, Worklist(slide_weight=0), 750.0, "50 % risk × 1,000 revenue × 1.5 (renews in 60 days)"),
        (1, Worklist(policy="risk"), 0.625, "50 % risk × 1.25 (expected to fall a band)"),
        (1, Worklist(policy="churn_loss"), 937.5, "50 % risk to leave × 1,000 revenue × 1.5 (renews in 60 days) × 1.25 (expected to fall a band)"),
    ],
)  # fmt: skip
def test_an_expected_fall_weighs_by_its_bands(bands, worklist, value, reason):
    got, why = falling(bands, worklist)
    assert got == pytest.approx(value)
    assert why == reason


@given(
    risk=st.floats(0.01, 1),
    more=st.floats(0, 0.5),
    revenue=st.floats(0, 1e9),
    days=st.integers(0, 400),
)
def test_more_risk_more_revenue_or_a_nearer_renewal_never_lower_the_priority(
    risk, more, revenue, days
):
    base = one(risk, revenue, float(days))[0]
    assert one(min(1, risk + more), revenue, float(days))[0] >= base
    assert one(risk, revenue * (1 + more), float(days))[0] >= base
    assert one(risk, revenue, float(days // 2))[0] >= base
