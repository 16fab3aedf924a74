"""The estimate without an experiment: what it mends, and what it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from npsight.models.doubly_robust import Observed, doubly_robust


def company(rng, hidden: float, count: int = 3000) -> Observed:
    """People call by what is stored (x) and by what is not (u); a call lowers P(1) by 0.15."""
    x, u = rng.normal(size=(2, count))
    called = rng.random(count) < 1 / (1 + np.exp(-(0.8 * x + hidden * u)))
    prob = np.clip(0.5 + 0.12 * x - 0.12 * u - 0.15 * called, 0.01, 0.99)
    covariates = np.column_stack([x, np.where(rng.random(count) < 0.2, np.nan, x)])
    return Observed(covariates, called, (rng.random(count) < prob) * 1.0, np.arange(count))


def test_what_is_stored_of_accounts_is_accounted_for():
    rows = company(np.random.default_rng(1), hidden=0.0)
    plain = rows.outcome[rows.called].mean() - rows.outcome[~rows.called].mean()
    found = doubly_robust(rows).effect
    assert plain > -0.09
    assert found.low < -0.15 < found.high
    assert found.high - found.low < 0.12


def test_what_only_people_knew_is_not():
    found = doubly_robust(company(np.random.default_rng(1), hidden=1.5)).effect
    assert found.high < -0.15


def test_rows_without_anybody_alike_are_left_out():
    rng = np.random.default_rng(3)
    always = np.arange(800) >= 600
    called = always | (rng.random(800) < 0.5)
    covariates = np.column_stack([rng.normal(size=800), always])
    found = doubly_robust(
        Observed(covariates, called, (rng.random(800) < 0.4) * 1.0, np.arange(800))
    )
    assert found.left_out == 200
    assert found.effect.rows == 600


def test_rows_of_one_account_are_one_draw():
    rows = company(np.random.default_rng(5), hidden=0.0, count=400)
    twice = Observed(*(np.concatenate([v, v]) for v in vars(rows).values()))
    one, two = doubly_robust(rows).effect, doubly_robust(twice).effect
    assert two.high - two.low > 0.85 * (one.high - one.low)


@pytest.mark.parametrize("few", [0, 19])
def test_too_few_called_say_nothing(few):
    called = np.arange(200) < few
    rows = Observed(np.zeros((200, 1)), called, (np.arange(200) % 2) * 1.0, np.arange(200))
    assert doubly_robust(rows) is None


def test_the_same_rows_give_the_same_estimate():
    rows = company(np.random.default_rng(6), hidden=0.0, count=300)
    assert doubly_robust(rows) == doubly_robust(rows)
