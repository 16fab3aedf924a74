"""Churn by any horizon: against a brute-force life table, and against times that are known."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.models.survival import LEAST_AT_RISK, ChurnCurve, fit_churn_curve, horizon_grid

HORIZONS = (30, 60, 90, 120)


def drawn(rows=4000, seed=1, rate=0.002, spread=0.0, accounts=None):
    """Exponential times of loss with hazard rate·θ; some rows are seen for few intervals only."""
    rng = np.random.default_rng(seed)
    theta = np.exp(rng.normal(0, spread, rows))
    time = rng.exponential(1 / (rate * theta))
    observed = rng.integers(0, len(HORIZONS) + 1, rows)
    interval = np.searchsorted(HORIZONS, time, side="right")
    seen = interval < observed
    lost_in = np.where(seen, interval, -1)
    risk = 1 - np.exp(-rate * theta * 90)
    account = np.arange(rows) if accounts is None else np.arange(rows) % accounts
    return account, risk, lost_in, observed


def fit(account, risk, lost_in, observed, horizons=HORIZONS, model_horizon=90):
    return fit_churn_curve(account, risk, lost_in, observed, horizons, model_horizon)


def life_table(lost_in, observed):
    """Kaplan-Meier by a plain loop over rows: (at risk, lost, share lost) by interval."""
    left, found = 1.0, []
    for k in range(len(HORIZONS)):
        risk = lost = 0
        for where, until in zip(lost_in, observed, strict=True):
            if until > k and not 0 <= where < k:
                risk += 1
                lost += where == k
        left *= 1 - lost / risk
        found.append((risk, lost, 1 - left))
    return found


# --- Against the life table -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_counts_and_shares_are_those_of_a_plain_life_table(seed):
    rows = drawn(seed=seed, spread=0.7)
    curve = fit(*rows)
    expected = life_table(rows[2], rows[3])
    assert list(zip(curve.at_risk, curve.lost, strict=True)) == [e[:2] for e in expected]
    assert curve.lost_share == pytest.approx([e[2] for e in expected], abs=1e-9)


def test_with_equal_risks_it_is_kaplan_meier():
    """Up to H the table's shape through the model's risk; behind H the table's own hazards."""
    account, _, lost_in, observed = drawn()
    curve = fit(account, np.full(len(account), 0.2), lost_in, observed)
    left = 1 - np.array([e[2] for e in life_table(lost_in, observed)])
    for place, days in enumerate(HORIZONS[:3]):
        expected = 1 - (1 - 0.2) ** (log(left[place]) / log(left[2]))
        assert curve.probability(np.array([0.2]), days)[0] == pytest.approx(expected, abs=1e-8)
    expected = 1 - (1 - 0.2) * left[3] / left[2]
    assert curve.probability(np.array([0.2]), 120)[0] == pytest.approx(expected, abs=1e-8)


def test_as_many_losses_are_expected_as_were_seen():
    """The defining equation, interval by interval, by a plain loop."""
    _, risk, lost_in, observed = rows = drawn(spread=1.0)
    curve = fit(*rows)
    before = 0.0
    for k, level in enumerate(curve.cumulative):
        expected = lost = 0.0
        own = HORIZONS[k] <= 90
        step = (level - before) * (curve.observed_ratio if own else 1.0)
        for p, where, until in zip(risk, lost_in, observed, strict=True):
            if until > k and not 0 <= where < k:
                hazard = -log(1 - p)
                expected += 1 - exp(-step * (hazard if own else hazard**curve.persistence))
                lost += where == k
        assert expected == pytest.approx(lost, abs=1e-4)
        before = level


@pytest.mark.parametrize("truth", [0.0, 0.4, 1.0])
def test_how_far_the_risk_persists_is_found(truth):
    """Oracle: up to day 90 the hazard is θ, behind it θ^γ times a constant."""
    rng = np.random.default_rng(8)
    rows = 60_000
    theta = np.exp(rng.normal(-3, 1.5, rows))
    early = rng.random(rows) < 1 - np.exp(-theta)
    level = 0.05 / np.mean(theta**truth)
    late = ~early & (rng.random(rows) < 1 - np.exp(-level * theta**truth))
    lost_in = np.where(early, 2, np.where(late, 3, -1))
    curve = fit(np.arange(rows), 1 - np.exp(-theta), lost_in, np.full(rows, 4))
    assert curve.persistence == pytest.approx(truth, abs=0.1)
    for some in (theta < np.exp(-4), theta > np.exp(-2)):
        foreseen = curve.probability(1 - np.exp(-theta[some]), 120).mean()
        assert foreseen == pytest.approx((early | late)[some].mean(), rel=0.06)


def test_few_losses_say_little_of_persistence():
    account, risk, _, _ = drawn(rows=200)
    lost_in = np.full(200, -1)
    lost_in[:6] = 0
    assert fit(account, risk, lost_in, np.full(200, 4)).persistence == 0.5


def test_rows_whose_window_has_not_ended_are_no_no():
    """The same people seen for less time: fewer losses are counted, the shares stay."""
    rng = np.random.default_rng(4)
    account, risk, _, _ = drawn(rows=40_000)
    everyone = np.full(len(account), 4)
    interval = np.searchsorted(HORIZONS, rng.exponential(500, len(account)), side="right")
    whole = fit(account, risk, np.where(interval < 4, interval, -1), everyone)
    short = rng.integers(0, 5, len(account))
    cut = fit(account, risk, np.where(interval < short, interval, -1), short)
    assert sum(cut.lost) < 0.7 * sum(whole.lost)
    assert cut.lost_share == pytest.approx(whole.lost_share, rel=0.06)
    counted_as_no = np.where((interval < short), interval, -1)
    naive = fit(account, risk, counted_as_no, everyone)
    assert naive.lost_share[-1] < 0.75 * whole.lost_share[-1]


def test_known_times_are_found_again():
    """Oracle: proportional hazards drawn with a known rate."""
    rate = 0.002
    rows = drawn(rows=60_000, rate=rate, spread=0.8)
    curve = fit(*rows)
    for p90 in (0.05, 0.2, 0.6):
        hazard = -log(1 - p90) / 90
        for days in (30, 45, 60, 90, 120):
            found = curve.probability(np.array([p90]), days)[0]
            assert found == pytest.approx(1 - exp(-hazard * days), rel=0.05)


# --- The interval of the share -------------------------------------------------------------------


def test_with_one_row_each_the_error_is_greenwoods():
    rows = drawn()
    curve = fit(*rows)
    total = 0.0
    for place, (risk, lost, _) in enumerate(life_table(rows[2], rows[3])):
        total += lost / (risk * (risk - lost))
        assert curve.log_error[place] == pytest.approx(sqrt(total), rel=1e-6)


def test_rows_of_one_account_are_one_draw():
    rows = drawn(rows=1000)
    many = fit(*(np.repeat(a, 9) for a in rows))
    once = fit(*rows)
    assert many.lost_share == pytest.approx(once.lost_share)
    assert many.log_error == pytest.approx(once.log_error)
    low, high = once.share_interval(2)
    assert 0 <= low < once.lost_share[2] < high < 1


# --- The curve -----------------------------------------------------------------------------------


def test_at_the_models_horizon_it_is_the_models_risk_exactly():
    risk = np.array([0.001, 0.3, 0.999])
    np.testing.assert_array_equal(fit(*drawn()).probability(risk, 90), risk)


@settings(max_examples=50)
@given(
    st.lists(st.floats(0, 0.05), min_size=4, max_size=4),
    st.floats(0, 0.999),
    st.floats(0, 1),
    st.integers(1, 120),
    st.integers(1, 120),
)
def test_it_never_falls_and_stays_a_probability(steps, risk, gamma, one, other):
    early = np.cumsum([0.01, *steps[:3]])[1:]
    levels = (*(early / early[-1]), 1 + steps[3])
    four = (9, 9, 9, 9)
    curve = ChurnCurve(90, HORIZONS, levels, gamma, 1.0, four, four, (0.1,) * 4, (0.1,) * 4)
    first, last = sorted((one, other))
    p, q = (curve.probability(np.array([risk]), days)[0] for days in (first, last))
    assert 0 <= p <= q + 1e-12 <= 1 + 1e-12
    higher = curve.probability(np.array([min(risk + 0.0005, 0.9999)]), first)[0]
    assert higher >= p - 1e-12


def test_between_interval_ends_hazard_is_even():
    curve = fit(*drawn())
    a, b, c = (curve.probability(np.array([0.3]), d)[0] for d in (30, 45, 60))
    assert log(1 - b) == pytest.approx((log(1 - a) + log(1 - c)) / 2)


@pytest.mark.parametrize("days", [0, -1, 121])
def test_a_horizon_beyond_the_data_is_refused(days):
    with pytest.raises(ValueError, match="a horizon is 1 to 120 days"):
        fit(*drawn()).probability(np.array([0.3]), days)


def test_the_curve_ends_before_too_few_accounts_are_at_risk():
    account, risk, lost_in, observed = drawn(rows=400)
    never = np.full(400, -1)
    never[:20] = 0
    seen = np.full(400, 3)
    seen[: LEAST_AT_RISK + 20] = 4
    assert fit(account, risk, never, seen).longest_days == 120
    seen[LEAST_AT_RISK + 19] = 3
    assert fit(account, risk, never, seen).longest_days == 90
    crowded = fit(account % 60, risk, never, seen)
    assert crowded.longest_days == 90, "accounts count, not rows"
    assert lost_in.shape == observed.shape


def test_without_enough_there_is_no_curve():
    account, risk, lost_in, observed = drawn(rows=400)
    assert fit(account, risk, np.full(400, -1), observed) is None
    assert fit(account, risk, lost_in, np.minimum(observed, 2)) is None
    assert fit(account % 40, risk, lost_in, observed) is None
    nothing = np.zeros(0)
    empty = np.zeros(0, dtype=np.int64)
    assert fit(nothing, nothing, empty, empty) is None


def test_an_interval_in_which_everyone_is_lost_has_a_finite_hazard():
    account, risk, _, _ = drawn(rows=200)
    curve = fit(account, risk, np.full(200, 2), np.full(200, 4), model_horizon=90)
    assert curve.lost_share[2] == 1.0
    assert np.isfinite(curve.cumulative).all()
    assert np.isfinite(curve.log_error).all()


@pytest.mark.parametrize(
    ("horizon", "longest", "grid"),
    [
        (90, 120, [30, 60, 90, 120]),
        (90, 119, [30, 60, 90]),
        (100, 125, [30, 60, 90, 100, 120]),
        (7, 20, [7]),
        (90, 10, [90]),
    ],
)
def test_the_grid_holds_the_models_horizon(horizon, longest, grid):
    assert horizon_grid(horizon, longest) == grid


def test_a_curve_is_compared_by_its_content():
    curve = fit(*drawn())
    assert curve == fit(*drawn())
    assert curve != replace(curve, model_horizon_days=60)
