"""Rare names that say together what none of them says alone."""

from __future__ import annotations

import numpy as np

from npsight.audit.names import only_of_lost


def flagged(names: list[str], lost) -> tuple[np.ndarray, list[str]]:
    """The accounts flagged where each has one name."""
    every = sorted(set(names))
    codes = np.array([every.index(name) for name in names], dtype=np.int64)
    has, chosen = only_of_lost(codes, np.arange(len(names)), np.asarray(lost, bool))
    return has, [every[code] for code in chosen]


def test_many_names_that_only_lost_accounts_have():
    lost = np.arange(400) < 60
    names = [f"Churned {k % 6}" if gone else f"Team {k % 9}" for k, gone in enumerate(lost)]
    has, chosen = flagged(names, lost)
    assert has.sum() == 60
    assert (has == lost).all()
    assert chosen == [f"Churned {k}" for k in range(6)]


def test_names_that_chance_gave_to_lost_accounts_are_not_confirmed(rng):
    """200 names of 8 accounts each: of some one half was lost, and the other half says no."""
    names = [f"n{k // 2 % 200}" for k in range(1_600)]
    for _ in range(20):
        lost = rng.random(1_600) < 0.4
        has, _ = flagged(names, lost)
        assert has.sum() > 10
        assert lost[has].mean() < 0.7


def test_a_name_of_one_account_chooses_nothing():
    has, chosen = flagged([f"n{k}" for k in range(100)], np.arange(100) < 30)
    assert not has.any()
    assert chosen == []


def test_no_name_at_all():
    none = np.empty(0, dtype=np.int64)
    has, chosen = only_of_lost(none, none, np.ones(4, dtype=bool))
    assert not has.any()
    assert not len(chosen)
