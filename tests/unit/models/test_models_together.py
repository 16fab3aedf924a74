"""How far an account's answers go together, where it answers once a period: pairs of windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from npsight.config.specs import OutcomeWindow
from npsight.models.npsday import NpsDay
from npsight.models.together import PRIOR_PAIRS, USUAL_CORRELATION, correlations

WINDOW = OutcomeWindow(14, 90)


def made(
    correlation: float,
    accounts: int = 6000,
    days: int = 4,
    apart: int = 90,
    most: int = 1,
    common: float = 0.0,
    seed: int = 0,
) -> list[NpsDay]:
    """Days on each of which half of the accounts give 1 to `most` answers, of shares that stay."""
    rng = np.random.default_rng(seed)
    detractor, promoter = rng.uniform(0.2, 0.3, accounts), rng.uniform(0.3, 0.4, accounts)
    mean = np.column_stack([detractor, promoter, 1 - detractor - promoter])
    drawn = rng.gamma((1 / correlation - 1) * mean) if correlation else mean
    shares = drawn / drawn.sum(axis=1, keepdims=True)
    found = []
    for k in range(days):
        answers = rng.integers(1, most + 1, accounts) * (rng.random(accounts) < 0.5)
        moved = np.clip(shares + common * (-1) ** k * np.array([1, -1, 0]), 0.001, 1)
        counts = rng.multinomial(answers, moved / moved.sum(axis=1, keepdims=True))
        found.append(
            NpsDay(
                origin=f"o{k}",
                as_of=np.datetime64("2024-01-01", "us") + np.timedelta64(apart * k, "D"),
                weight=1.0,
                detractor=detractor,
                promoter=promoter,
                expected=np.full(accounts, 0.5),
                answers=answers * 1.0,
                detractors=counts[:, 0] * 1.0,
                promoters=counts[:, 1] * 1.0,
                segment=np.full(accounts, ""),
                account=np.arange(accounts).astype(str),
            )
        )
    return found


@pytest.mark.parametrize("correlation", [0.0, 0.1, 0.4, 0.7])
@pytest.mark.parametrize("most", [1, 3])
def test_answers_of_two_windows_tell_it_where_one_window_has_one(correlation, most):
    nps, detractors = correlations(made(correlation, most=most), WINDOW)
    assert nps == pytest.approx(correlation, abs=0.06)
    assert detractors == pytest.approx(correlation, abs=0.06)


def test_a_common_error_of_each_day_is_no_likeness_of_accounts():
    nps, detractors = correlations(made(0.2, common=0.15), WINDOW)
    assert nps == pytest.approx(0.2, abs=0.06)
    assert detractors == pytest.approx(0.2, abs=0.06)


def test_windows_that_overlap_are_no_pair():
    """They share answers, which would be held against themselves."""
    usual = (USUAL_CORRELATION, USUAL_CORRELATION)
    assert correlations(made(0.0, days=2, apart=89), WINDOW) == usual
    told = correlations(made(0.0, days=2, apart=90), WINDOW)
    assert max(told) < 0.1
    # The third lies 178 days after the first: these two are a pair.
    assert max(correlations(made(0.0, days=3, apart=89), WINDOW)) < 0.1


def test_pairs_of_one_window_outweigh_those_of_two():
    """Accounts whose level is drawn anew in every window: only one window tells of its answers."""
    anew = [made(0.4, most=3, seed=k)[k] for k in range(4)]
    assert correlations(anew, WINDOW)[0] == pytest.approx(0.4, abs=0.05)


def test_the_order_of_accounts_and_days_does_not_matter():
    days = made(0.3)
    order = np.random.default_rng(1).permutation(6000)
    shuffled = [days[2].where(order), days[0], days[3].where(order[::-1]), days[1]]
    assert correlations(shuffled, WINDOW) == pytest.approx(correlations(days, WINDOW), abs=1e-9)


def test_without_a_pair_what_is_usual_holds_and_a_few_hardly_move_it():
    usual = (USUAL_CORRELATION, USUAL_CORRELATION)
    assert correlations([], WINDOW) == usual
    assert correlations(made(0.9, days=1), WINDOW) == usual
    strangers = [
        replace(day, account=np.char.add(f"{k}-", day.account)) for k, day in enumerate(made(0.9))
    ]
    assert correlations(strangers, WINDOW) == usual
    few = correlations(made(0.9, accounts=20, days=2), WINDOW)
    assert abs(few[0] - USUAL_CORRELATION) < 20 / PRIOR_PAIRS


def test_a_day_without_answers_is_no_pair():
    one, other = made(0.3, days=2)
    none = np.zeros(6000)
    silent = replace(other, answers=none, detractors=none, promoters=none)
    assert correlations([one, silent], WINDOW) == (USUAL_CORRELATION, USUAL_CORRELATION)


def test_accounts_are_found_again_whatever_others_are_there():
    one, other = made(0.5, days=2)
    fewer = correlations([one.where(np.arange(6000) >= 3000), other], WINDOW)
    same = correlations([day.where(np.arange(6000) >= 3000) for day in (one, other)], WINDOW)
    # The mean error is of those in both; so nothing of the others counts.
    assert fewer == pytest.approx(same, abs=1e-12)
