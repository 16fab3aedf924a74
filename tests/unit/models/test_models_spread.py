"""Common errors and correlations in one window, found again in forecasts made with known ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from npsight.config.specs import OutcomeWindow
from npsight.models.intervals import NpsSpread
from npsight.models.npsday import NpsDay
from npsight.models.spread import PERIOD_SCALE
from npsight.models.spread import fit_spread as fit_spread_of
from npsight.models.together import PRIOR_PAIRS, USUAL_CORRELATION, _mean_above_zero

WINDOW = OutcomeWindow(14, 90)


def fit_spread(days: Sequence[NpsDay], dispersion: float = 0.0) -> NpsSpread:
    return fit_spread_of(days, WINDOW, dispersion)


def made(
    seed: int,
    accounts: int = 2000,
    correlation: float = 0.15,
    common: float = 0.0,
    segment_error: float = 0.0,
    segments: int = 4,
    rate: float = 1.0,
) -> NpsDay:
    """A day whose accounts' true shares are Dirichlet around the prediction, and off in common."""
    rng = np.random.default_rng(seed)
    detractor, promoter = rng.uniform(0.15, 0.35, accounts), rng.uniform(0.25, 0.45, accounts)
    segment = rng.integers(0, segments, accounts)
    off = common + segment_error * rng.standard_normal(segments)[segment]
    mean_p = np.clip(promoter + off / 200, 0.001, 0.998)
    mean_d = np.clip(detractor - off / 200, 0.001, 0.999 - mean_p)
    mean = np.column_stack([mean_d, mean_p, 1 - mean_d - mean_p])
    drawn = rng.gamma((1 / correlation - 1) * mean)
    expected = rng.gamma(2, rate / 2, accounts)
    answers = rng.poisson(expected)
    counts = rng.multinomial(answers, drawn / drawn.sum(axis=1, keepdims=True))
    return NpsDay(
        origin=f"o{seed}",
        as_of=np.datetime64("2024-01-01", "us") + np.timedelta64(90 * (seed % 1000), "D"),
        weight=1.0,
        detractor=detractor,
        promoter=promoter,
        expected=expected,
        answers=answers * 1.0,
        detractors=counts[:, 0] * 1.0,
        promoters=counts[:, 1] * 1.0,
        segment=segment.astype(str),
        account=np.char.add(f"{seed}-", np.arange(accounts).astype(str)),
    )


@pytest.mark.parametrize("correlation", [0.05, 0.15, 0.4])
def test_the_correlation_of_an_accounts_answers_is_found_again(correlation):
    found = fit_spread([made(seed, 8000, correlation) for seed in range(4)])
    assert (found.account / 100) ** 2 == pytest.approx(correlation, rel=0.1, abs=0.012)


@pytest.mark.parametrize("correlation", [0.05, 0.15, 0.4])
def test_shares_that_vary_like_a_dirichlets_leave_detractors_their_part(correlation):
    found = fit_spread([made(seed, 8000, correlation) for seed in range(4)])
    assert found.detractor_part == pytest.approx(1.0, abs=0.2)


def test_what_of_an_accounts_spread_falls_on_detractors_is_measured():
    """Here accounts differ in their promoters alone, or in their detractors alone."""
    parts = {}
    for moves in ("promoter", "detractor"):
        days = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            day = made(seed, 8000, rate=3.0)
            d, p = np.full(8000, 0.25), np.full(8000, 0.35)
            moved = rng.beta(0.35 * 6, 0.65 * 6, 8000) if moves == "promoter" else p
            less = rng.beta(0.25 * 6, 0.75 * 6, 8000) if moves == "detractor" else d
            scale = np.minimum(1.0, 0.999 / (moved + less))
            shares = np.column_stack([less * scale, moved * scale])
            counts = rng.multinomial(
                day.answers.astype(int), np.column_stack([shares, 1 - shares.sum(axis=1)])
            )
            days.append(
                replace(
                    day,
                    detractor=np.full(8000, shares[:, 0].mean()),
                    promoter=np.full(8000, shares[:, 1].mean()),
                    detractors=counts[:, 0] * 1.0,
                    promoters=counts[:, 1] * 1.0,
                )
            )
        found = fit_spread(days)
        parts[moves] = found.detractor_part
        low, high = found.risk_interval(days[0].detractor[:1], days[0].promoter[:1], 80)
        if moves == "detractor":
            rng = np.random.default_rng(99)
            true = rng.beta(0.25 * 6, 0.75 * 6, 20_000)
            assert np.mean((true >= low) & (true <= high)) == pytest.approx(0.8, abs=0.05)
    assert parts["promoter"] < 0.15
    assert parts["detractor"] > 1.3


def test_single_answers_leave_the_usual_correlation():
    day = made(1)
    once = replace(
        day,
        answers=np.ones(2000),
        detractors=(day.detractors > 0) * 1.0,
        promoters=((day.promoters > 0) & (day.detractors == 0)) * 1.0,
    )
    assert fit_spread([once]).account == pytest.approx(100 * np.sqrt(USUAL_CORRELATION))


def test_few_pairs_hardly_move_the_usual_correlation():
    day = made(3, accounts=40, correlation=0.9)
    pairs = float(day.answers @ (day.answers - 1))
    found = (fit_spread([day]).account / 100) ** 2
    assert abs(found - USUAL_CORRELATION) < 2 * pairs / (pairs + PRIOR_PAIRS)


@pytest.mark.parametrize("size", [0.0, 3.0, 10.0])
def test_the_common_error_of_a_period_is_found_again(size):
    shifts = [-1.2, 0.8, -0.9, 1.05, 1.2, -0.75, -1.0, 1.0]
    days = [made(i, 20_000, common=size * s) for i, s in enumerate(shifts)]
    found = fit_spread(days)
    assert found.period == pytest.approx(size, abs=1.0 + 0.2 * size)
    assert found.segment < 1.5


def test_the_error_of_segments_is_told_from_that_of_the_period():
    days = [made(i, 20_000, segment_error=8.0, segments=8) for i in range(5)]
    found = fit_spread(days)
    assert found.segment == pytest.approx(8, rel=0.3)
    assert found.period < 6


def test_one_segment_has_no_error_of_its_own():
    found = fit_spread([made(i, 4000, common=6.0, segments=1) for i in range(4)])
    assert found.segment == 0
    assert found.period > 3


def test_without_any_day_what_is_usual_holds():
    found = fit_spread([])
    assert found.account == pytest.approx(100 * np.sqrt(USUAL_CORRELATION))
    # Student's t with five degrees of freedom: half of it lies within 0.727, 3 % outside 3.
    below = sum(w for s, w in found.periods if s <= 0.727 * PERIOD_SCALE + 0.25)
    assert below == pytest.approx(0.5, abs=0.1)
    above = sum(w for s, w in found.periods if s > 3 * PERIOD_SCALE)
    assert above == pytest.approx(0.03, abs=0.015)
    assert sum(w for _, w in found.periods) == pytest.approx(1, abs=1e-6)


def test_a_day_without_an_answer_is_passed_over():
    none = np.zeros(50)
    silent = replace(made(1, 50), answers=none, detractors=none, promoters=none)
    assert fit_spread([silent]) == fit_spread([])
    assert silent.reported is None


def test_chance_in_the_answers_is_not_taken_for_error_of_the_model():
    """60 answers a day are off by 10 points by chance alone."""
    found = fit_spread([made(i, 60) for i in range(4)])
    assert found.period < 5
    assert found.segment < 5


def test_days_of_overlapping_windows_count_as_one_period():
    days = [made(i, 5000, common=(-1) ** i * 8.0) for i in range(3)]
    thrice = [replace(day, weight=1 / 3) for day in days for _ in range(3)]
    assert fit_spread(thrice) == fit_spread(days)


@pytest.mark.parametrize("accounts", [100, 1000])
def test_forecasts_hold_with_a_spread_learned_from_four_periods(accounts):
    """The whole procedure, where the common errors are drawn anew for each company.

    They are larger than usual here (3 and 2 points), so intervals hold a little less often.
    """
    rng = np.random.default_rng(0)
    inside: dict[int, list[bool]] = {80: [], 95: []}
    for company in range(250):
        seeds = [1000 * company + k for k in range(5)]
        *past, day = (
            made(s, accounts, common=float(rng.normal(0, 3)), segment_error=2.0) for s in seeds
        )
        found = fit_spread(past).survey(day.detractor, day.promoter, day.expected, day.segment)
        for level, held in inside.items():
            low, high = found.bounds(level)
            held.append(low <= day.reported <= high)
    assert np.mean(inside[80]) == pytest.approx(0.80, abs=0.06)
    assert np.mean(inside[95]) == pytest.approx(0.95, abs=0.045)


def test_a_spread_is_plain_numbers():
    found = fit_spread([made(1)], dispersion=-0.25)
    assert found.dispersion == -0.25
    assert all(isinstance(x, float) for pair in found.periods for x in pair)
    assert found == NpsSpread(**vars(found))


@pytest.mark.parametrize("accounts", [150, 600])
def test_a_spread_near_nothing_is_not_called_nothing(accounts):
    """What few pairs show lies below 0 in every other company: no risk is known to the digit."""
    widths = []
    for seed in range(40):
        day = made(seed, accounts, correlation=0.005, rate=3.0)
        found = fit_spread([day])
        low, high = found.risk_interval(np.array([0.4]), np.array([0.3]), 80)
        widths.append(float(high[0] - low[0]))
    true = 2 * 1.28 * np.sqrt(0.005 * 0.4 * 0.6)
    assert min(widths) > true / 2
    assert np.median(widths) < 0.5


def test_the_mean_above_zero_is_that_of_drawn_numbers():
    rng = np.random.default_rng(1)
    for mean in (-3.0, -0.5, 0.0, 0.7, 4.0):
        drawn = rng.normal(mean, 1.5, 2_000_000)
        assert _mean_above_zero(mean, 1.5) == pytest.approx(drawn[drawn > 0].mean(), rel=0.02)
    assert _mean_above_zero(9.0, 0.1) == pytest.approx(9.0)
    assert (_mean_above_zero(0.2, 0.0), _mean_above_zero(-0.2, 0.0)) == (0.2, 0.0)
    assert 0 < _mean_above_zero(-40.0, 1.0) < 0.1
