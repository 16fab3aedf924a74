"""Features that are sure of a loss months before anybody knew of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.audit.early import Losses, told_long_before
from npsight.config.specs import FeatureSpec

NUMBER = FeatureSpec(source="usage", aggregation="last", measure="m")
TAGGED = FeatureSpec(source="tickets", aggregation="count", where=(("tag", "cancellation"),))
STATUS = FeatureSpec(source="accounts", aggregation="value", measure="s", dtype="category")
DAYS = pd.date_range("2024-01-01", periods=12, freq="30D").as_unit("us")
END = DAYS[-1] + pd.Timedelta(days=104)


class Company:
    """Accounts seen on 12 days; some were lost, evenly from the `first` day to the 450th.

    `left` is how many days after each row its account was lost, inf where it stayed.
    """

    def __init__(self, accounts: int = 200, lost: int = 50, first: int = 100) -> None:
        names = [f"a{i:03d}" for i in range(accounts)]
        at = np.full(accounts, np.datetime64("NaT"), dtype="datetime64[us]")
        at[:lost] = DAYS[0].to_datetime64() + np.linspace(first, 450, lost).astype("timedelta64[D]")
        self.known_at = pd.Series(at, index=names)
        rows = pd.MultiIndex.from_product([names, DAYS], names=["account", "as_of"])
        frame = rows.to_frame(index=False)
        left = frame["account"].map(self.known_at) - frame["as_of"]
        self.frame = frame[~(left <= pd.Timedelta(0))].reset_index(drop=True)
        left = left[~(left <= pd.Timedelta(0))].dt.total_seconds() / 86_400
        self.left = left.fillna(np.inf).to_numpy()

    def judged(self, spec, values, leak_days=90, look_days=30):
        frame = self.frame.assign(**{spec.name: values})
        losses = Losses(self.known_at, END, leak_days, look_days)
        return told_long_before(frame, losses, [spec])


def test_a_status_rewritten_in_all_rows_leaks():
    company = Company()
    status = np.where(np.isfinite(company.left), "churned", "live")
    (found,) = company.judged(STATUS, status).findings
    assert (found.level, found.name) == ("leak", "accounts__value_s")
    assert "is `churned` for 50 accounts on days more than 90 days before" in found.what
    assert "50 of them were lost later, of all others 0%" in found.what
    assert found.columns == ("accounts.s",)


def test_many_rare_names_of_lost_accounts_leak_together():
    company = Company()
    number = company.frame["account"].str[1:].astype(int).to_numpy()
    team = np.where(np.isfinite(company.left), "Churned ", "Team ").astype(object)
    team += (number // 2 % 4).astype(str)
    (found,) = company.judged(STATUS, team).findings
    assert found.level == "leak"
    assert "is `Churned 0`, or one of 3 other values like it, for 50 accounts" in found.what


def test_rare_names_that_are_risky_are_honest(rng):
    company = Company()
    lost = np.arange(200) < 50
    risky = rng.random(200) < np.where(lost, 0.7, 0.1)
    team = [f"{'Risk' if r else 'Team'} {k // 2 % 4}" for k, r in enumerate(risky)]
    held = company.frame["account"].str[1:].astype(int).map(dict(enumerate(team)))
    assert company.judged(STATUS, held).verdict == "clean"


def test_a_tag_given_later_to_old_facts_leaks(rng):
    company = Company()
    tagged = np.where((company.left < 200) & (rng.random(len(company.left)) < 0.8), 2.0, 0.0)
    (found,) = company.judged(TAGGED, tagged).findings
    assert (found.level, found.columns) == ("leak", ("tickets.tag",))
    assert "is at least 2 for" in found.what


def test_rows_deleted_when_the_account_is_lost_leak():
    company = Company()
    # Those that stay have none in their first two months either.
    young = (company.frame["as_of"] < DAYS[2]).to_numpy()
    kept = np.where(np.isfinite(company.left) | young, 0.0, 5.0)
    (found,) = company.judged(NUMBER, kept).findings
    assert "is at most 0 for" in found.what
    (found,) = company.judged(NUMBER, np.where(kept > 0, kept, np.nan)).findings
    assert "is missing for" in found.what


def test_few_losses_suffice_where_they_coincide():
    for lost, verdict in [(12, "leak"), (9, "not judged")]:
        company = Company(lost=lost)
        status = np.where(np.isfinite(company.left), "churned", "live")
        assert company.judged(STATUS, status).verdict == verdict


@pytest.mark.parametrize(("days", "verdict"), [(28, "clean"), (80, "look"), (200, "leak")])
def test_what_is_known_shortly_before_is_honest(days, verdict):
    company = Company()
    assert company.judged(NUMBER, np.where(company.left <= days, 1.0, 0.0)).verdict == verdict


def test_without_the_day_of_the_notice_more_is_honest():
    company = Company()
    values = np.where(company.left <= 200, 1.0, 0.0)
    assert company.judged(NUMBER, values, leak_days=365, look_days=90).verdict == "look"


def test_strong_signs_are_honest(rng):
    company = Company()
    mood = np.isfinite(company.left) * 1.5 + rng.normal(0, 1, len(company.left))
    assert company.judged(NUMBER, mood).verdict == "clean"
    plan = np.where(rng.random(200) < np.where(np.arange(200) < 50, 0.8, 0.1), "trial", "gold")
    held = company.frame["account"].str[1:].astype(int).map(dict(enumerate(plan)))
    assert company.judged(STATUS, held).verdict == "clean"


def test_a_value_that_all_have_had_early_is_honest():
    company = Company()
    days = (company.frame["as_of"] - DAYS[0]).dt.days.to_numpy(float)
    assert company.judged(NUMBER, days).verdict == "clean"


def test_where_most_are_lost_nothing_is_judged():
    company = Company(accounts=90, first=430)
    check = company.judged(STATUS, np.where(np.isfinite(company.left), "churned", "live"))
    assert check.verdict == "not judged"
    assert "10 accounts lost later, and as many and 20 others" in check.not_judged


def test_an_account_that_could_not_be_lost_is_left_out():
    company = Company()
    company.known_at = company.known_at.iloc[:100]
    (found,) = company.judged(STATUS, np.where(np.isfinite(company.left), "churned", "x")).findings
    assert "for 50 accounts" in found.what


@pytest.mark.parametrize("rows", [0, 60])
def test_no_account_or_no_loss_is_not_judged(rows):
    company = Company(lost=0)
    company.known_at = company.known_at.iloc[:rows]
    assert company.judged(NUMBER, np.ones(len(company.left))).verdict == "not judged"


def test_columns_without_any_value_tell_nothing():
    company = Company()
    nothing = np.full(len(company.left), np.nan)
    assert company.judged(NUMBER, nothing).verdict == "clean"
    assert company.judged(STATUS, pd.Series(nothing, dtype=object)).verdict == "clean"
