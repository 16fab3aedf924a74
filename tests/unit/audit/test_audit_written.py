"""Columns that are written, or rewritten, once the outcome has happened."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.audit.written import (
    Ending,
    Happened,
    changes_pile_up,
    one_sided,
    wilson_lower,
    written_at_the_end,
)

COUNT = 300


def lost(share=0.2, count=COUNT):
    gone = np.arange(count) < share * count
    return Happened("had left", {f"a{i}": bool(g) for i, g in enumerate(gone)}), gone


def judged(values, outcome, *, category=True, dated=()):
    frame = pd.DataFrame({"accounts.why": values}, index=[f"a{i}" for i in range(len(values))])
    return one_sided(frame, ["accounts.why"] if category else [], [outcome], dated)


def test_a_reason_that_only_the_lost_have_leaks(rng):
    outcome, gone = lost()
    reasons = np.where(gone, rng.choice(["price", "rival", "bankrupt"], COUNT), None)
    (found,) = judged(reasons, outcome).findings
    assert (found.level, found.name) == ("leak", "accounts.why")
    assert "has a value for 60 accounts, and 60 of them had left" in found.what


def test_a_name_that_is_wiped_for_the_lost_leaks_too():
    outcome, gone = lost()
    assert "has no value" in judged(np.where(gone, None, "Ada"), outcome).findings[0].what


def test_one_value_of_several_is_enough(rng):
    outcome, gone = lost()
    state = np.where(gone, "closed", rng.choice(["new", "live"], COUNT))
    assert "has `closed`" in judged(state, outcome).findings[0].what


def test_risky_plans_are_honest(rng):
    outcome, gone = lost()
    risky = np.where(rng.random(COUNT) < np.where(gone, 0.8, 0.1), "trial", "gold")
    assert judged(risky, outcome).verdict == "clean"


def test_few_accounts_suffice_where_value_and_loss_coincide():
    outcome, gone = lost(share=12 / COUNT)
    assert judged(np.where(gone, "x", None), outcome).verdict == "leak"
    outcome, gone = lost(share=9 / COUNT)
    assert judged(np.where(gone, "x", None), outcome).verdict == "not judged"


def test_a_few_lost_accounts_of_a_rare_plan_are_no_leak():
    outcome, _ = lost()
    rare = np.where(np.arange(COUNT) < 12, "pilot", "gold")  # all 12 left, as 48 others did
    assert judged(rare, outcome).verdict == "clean"


def test_where_nearly_all_are_lost_nothing_is_one_sided():
    outcome, gone = lost(share=0.71)
    assert judged(np.where(gone, "x", None), outcome).verdict == "not judged"


def test_an_undated_number_that_tells_them_apart_leaks(rng):
    outcome, gone = lost()
    bill = np.where(gone, rng.normal(9, 1, COUNT), rng.normal(0, 1, COUNT))
    (found,) = judged(bill, outcome, category=False).findings
    assert found.figure > 0.99
    honest = rng.normal(0, 1, COUNT) + gone
    assert judged(honest, outcome, category=False).verdict == "clean"


def test_a_number_set_to_0_for_some_of_the_lost_leaks(rng):
    outcome, gone = lost(share=0.4)
    revenue = rng.uniform(10, 90, COUNT)
    zeroed = np.where(gone & (rng.random(COUNT) < 0.5), 0.0, revenue)
    (found,) = judged(zeroed, outcome, category=False).findings
    assert "has `0` for" in found.what
    honest = np.where(rng.random(COUNT) < 0.3, 0.0, revenue)
    assert judged(honest, outcome, category=False).verdict == "clean"


def test_a_dated_attribute_is_worth_a_look_only():
    outcome, gone = lost()
    check = judged(np.where(gone, "x", None), outcome, dated=["accounts.why"])
    assert [f.level for f in check.findings] == ["look"]


def test_the_remedy_of_a_dated_attribute_is_not_to_date_it():
    outcome, gone = lost()
    values = np.where(gone, "x", None)
    assert "map `valid_from`" in judged(values, outcome).findings[0].remedy
    (found,) = judged(values, outcome, dated=["accounts.why"]).findings
    assert "map `valid_from`" not in found.remedy
    assert "rewrites rows of earlier days" in found.remedy


def test_accounts_of_unknown_outcome_are_left_out():
    outcome, gone = lost()
    some = Happened("had left", {k: v for k, v in outcome.by_account.items() if k != "a0"})
    assert "for 59 accounts, and 59" in judged(np.where(gone, "x", None), some).findings[0].what


def test_wilson_bounds():
    assert wilson_lower(0, 0) == 0
    assert wilson_lower(35, 35) == pytest.approx(0.9011, abs=1e-4)
    assert wilson_lower(10, 20) == pytest.approx(0.2993, abs=1e-4)


# --- Changes after the outcome ------------------------------------------------------------------

START = pd.Timestamp("2024-01-01")


def piled(days_after, count=50, spread=200):
    """Each account is lost on day 300; half of the changes follow by `days_after` days."""
    events = pd.DataFrame({"account": [f"a{i}" for i in range(count)],
                           "at": START + pd.Timedelta(days=300)})  # fmt: skip
    after = events.assign(at=events["at"] + pd.Timedelta(days=days_after))
    usual = events.assign(at=START + pd.to_timedelta(np.arange(count) * spread / count, "D"))
    changes = {"accounts.owner": pd.concat([after, usual])}
    return changes_pile_up(changes, events, span_days=700, accounts=count)


@pytest.mark.parametrize("days", [0, 1, 29.99])
def test_changes_just_after_the_outcome_are_worth_a_look(days):
    (found,) = piled(days).findings
    assert (found.level, found.name) == ("look", "accounts.owner")
    assert found.figure >= 10


@pytest.mark.parametrize("days", [-0.01, 30, 200])
def test_changes_at_other_times_are_not(days):
    assert piled(days).verdict == "clean"


def test_few_changes_or_outcomes_are_not_judged():
    assert piled(1, count=19).verdict == "not judged"
    none = pd.DataFrame({"account": [], "at": []})
    assert "dated attribute" in changes_pile_up({}, none, 700, 50).not_judged


# --- Written at the end -------------------------------------------------------------------------


def ending(open_filled, over_filled, count=40):
    ones = lambda share: (np.arange(count) < share * count).astype(float)  # noqa: E731
    return written_at_the_end([Ending("tickets.hours", ones(open_filled), ones(over_filled))])


def test_a_measure_filled_only_once_over_leaks():
    (found,) = ending(0.0, 1.0).findings
    assert (found.level, found.name) == ("leak", "tickets.hours")
    assert "second time with the day of the end" in found.remedy


@pytest.mark.parametrize(
    ("open_filled", "over_filled", "verdict"),
    [(0.1, 0.9, "leak"), (0.125, 0.9, "clean"), (0.1, 0.875, "clean"), (1.0, 1.0, "clean")],
)
def test_where_it_begins(open_filled, over_filled, verdict):
    assert ending(open_filled, over_filled).verdict == verdict


def test_few_things_are_not_judged():
    assert ending(0, 1, count=19).verdict == "not judged"
    assert written_at_the_end([]).verdict == "not judged"
