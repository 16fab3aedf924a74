"""Losses by band: counts, both ratios against plain loops, and when nothing can be told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.models.association import BANDS, associate, thirds

NAMES = np.array(BANDS, dtype=object)


def rows(accounts=300, days=6, seed=1, ratio=3.0, confounded=False):
    """Accounts with a band each; detractors are lost `ratio` times as often as promoters.

    With `confounded`, loss depends on the stratum alone, and detractors gather in the bad one.
    """
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(accounts), days)
    stratum = np.repeat(rng.integers(0, 2, accounts), days)
    if confounded:
        place = np.repeat(_gathered(rng, stratum[::days]), days)
        chance = np.where(stratum == 0, 0.24, 0.04)
    else:
        place = np.repeat(rng.integers(0, 4, accounts), days)
        chance = np.where(place == 0, 0.06 * ratio, 0.06)
    lost = (rng.random(accounts * days) < chance).astype(float)
    return account, NAMES[place], lost, stratum


def _gathered(rng, stratum):
    """Mostly detractors in stratum 0 and promoters in stratum 1."""
    return np.where(rng.random(len(stratum)) < 0.6, stratum * 2, rng.integers(0, 3, len(stratum)))


def by_hand(band, lost, stratum):
    """Both ratios by plain loops over strata."""

    def share(name, rows=slice(None)):
        chosen = lost[rows][band[rows] == name]
        return (chosen.mean(), len(chosen)) if len(chosen) else (0.0, 0)

    raw = share("detractor")[0] / share("promoter")[0]
    above = below = 0.0
    for s in set(stratum):
        (p, n), (q, m) = share("detractor", stratum == s), share("promoter", stratum == s)
        if n and m:
            above += p * n * m / (n + m)
            below += q * m * n / (n + m)
    return raw, above / below


@pytest.mark.parametrize("seed", range(4))
def test_both_ratios_by_hand(seed):
    account, band, lost, stratum = rows(seed=seed)
    found = associate(account, band, lost, stratum, draws=50)
    raw, adjusted = by_hand(band, lost, stratum)
    assert found.raw.value == pytest.approx(raw)
    assert found.adjusted.value == pytest.approx(adjusted)


def test_counts_by_band():
    account, band, lost, stratum = rows()
    found = associate(account, band, lost, stratum, draws=20)
    assert [b.band for b in found.bands] == list(BANDS)
    for b in found.bands:
        mine = band == b.band
        assert b.rows == mine.sum()
        assert b.lost == lost[mine].sum()
        assert b.accounts == len(set(account[mine]))
        assert b.lost_accounts == len(set(account[mine & (lost > 0)]))
        assert b.low_95 <= b.share <= b.high_95


def test_what_is_there_is_found():
    found = associate(*rows(accounts=600, ratio=3.0))
    assert found.verdict == "more"
    assert found.raw.low_95 < 3.0 < found.raw.high_95
    turned = rows(accounts=600, ratio=0.2)
    assert associate(*turned).verdict == "less"


def test_what_is_not_there_is_not_found():
    found = associate(*rows(accounts=400, ratio=1.0))
    assert found.verdict == "cannot tell"
    assert found.adjusted.low_95 < 1.0 < found.adjusted.high_95


def test_a_mere_difference_of_strata_is_taken_out():
    """Simpson: raw, detractors are lost far more often; within strata they are not."""
    found = associate(*rows(accounts=1500, confounded=True))
    assert found.raw.verdict == "more"
    assert found.adjusted.verdict == "cannot tell"


def test_rows_of_one_account_are_one_draw():
    """Each account's row written ten times says nothing new."""
    account, band, lost, stratum = rows(days=1, accounts=500)
    once = associate(account, band, lost, stratum)
    many = associate(*(np.repeat(a, 10) for a in (account, band, lost, stratum)))
    assert many.raw.value == pytest.approx(once.raw.value)
    assert many.raw.low_95 == pytest.approx(once.raw.low_95)
    assert many.raw.high_95 == pytest.approx(once.raw.high_95)
    for a, b in zip(once.bands, many.bands, strict=True):
        assert (b.low_95, b.high_95) == pytest.approx((a.low_95, a.high_95))


def test_the_interval_covers():
    """Oracle: 60 companies whose true ratio is 3; its 95 % interval misses it rarely."""
    covered = 0
    for seed in range(60):
        found = associate(*rows(accounts=400, seed=seed), draws=300)
        covered += found.raw.low_95 <= 3.0 <= found.raw.high_95
    assert covered >= 52


def test_the_same_seed_gives_the_same_interval():
    assert associate(*rows(), seed=4) == associate(*rows(), seed=4)
    assert associate(*rows(), seed=4) != associate(*rows(), seed=5)


def test_too_few_accounts_are_named():
    account, band, lost, stratum = rows()
    some = (band != "detractor") | (account < 60)
    found = associate(account[some], band[some], lost[some], stratum[some])
    count = len(set(account[some & (band == "detractor")]))
    assert count < 20
    assert found.raw is found.adjusted is None
    assert found.verdict == "cannot tell"
    assert f"only {count} accounts were detractors" in found.reason


def test_too_few_losses_are_named():
    account, band, lost, stratum = rows()
    found = associate(account, band, lost * (account < 30), stratum)
    assert "of them were lost; at least 10" in found.reason
    assert found.verdict == "cannot tell"


def test_strata_without_a_pair_cannot_be_adjusted():
    account, band, lost, _ = rows(accounts=400)
    found = associate(account, band, lost, band)
    assert found.adjusted is None
    assert found.raw is not None
    assert "no detractor and promoter of a like segment" in found.reason


def test_no_promoter_lost_has_no_ratio():
    account, band, lost, stratum = rows(accounts=600)
    found = associate(account, band, lost * (band != "promoter"), stratum)
    assert found.raw is None
    assert found.verdict == "cannot tell"
    assert found.reason == "no promoter was lost, so there is no ratio"


def test_without_rows_there_is_nothing():
    nothing = np.zeros(0)
    assert associate(nothing, nothing, nothing, nothing) is None


@settings(max_examples=40)
@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=60, unique=True))
def test_thirds_are_thirds(values):
    parts = thirds(np.array(values))
    counts = np.bincount(parts, minlength=3)
    assert len(counts) == 3
    assert max(counts) - min(counts) <= 1
    order = parts[np.argsort(values)]
    assert list(order) == sorted(order)


def test_missing_ages_are_a_part_of_their_own():
    assert list(thirds(np.array([np.nan, 1.0, 2.0, 3.0]))) == [3, 0, 1, 2]
    assert list(thirds(np.array([np.nan]))) == [3]
