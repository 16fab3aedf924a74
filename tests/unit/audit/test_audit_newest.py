"""Attributes that say which version of an account is its newest."""

from __future__ import annotations

import pandas as pd

from npsight.audit.newest import marks_the_newest


def versions(counts, value):
    """`counts` versions of each account; `value` of a version's place and its account's count."""
    rows = [
        (f"a{account}", pd.Timestamp("2024-01-01") + pd.Timedelta(days=place), value(place, count))
        for account, count in enumerate(counts)
        for place in range(count)
    ]
    return pd.DataFrame(rows, columns=["account", "occurred_at", "accounts.flag"])


def test_a_flag_of_the_newest_version_leaks():
    rows = versions([1, 2, 3, 4] * 20, lambda place, count: place == count - 1)
    (found,) = marks_the_newest(rows.sample(frac=1, random_state=1)).findings
    assert (found.level, found.name, found.figure) == ("leak", "accounts.flag", 1.0)
    assert "is `True` in 100% of the accounts' newest versions and `False` in 100%" in found.what


def test_a_value_that_only_ended_versions_lack_leaks_too():
    rows = versions([3] * 20, lambda place, count: None if place == count - 1 else "replaced")
    (found,) = marks_the_newest(rows).findings
    assert "is `no value` in 100%" in found.what


def test_a_state_that_accounts_move_on_from_does_not():
    rows = versions([2] * 400 + [3] * 20, lambda place, _: "trial" if place == 0 else "paid")
    judged = marks_the_newest(rows)
    assert (judged.findings, judged.not_judged) == ((), "")


def test_a_value_that_never_changes_does_not():
    rows = versions([3] * 40, lambda place, count: "EMEA")
    assert marks_the_newest(rows).findings == ()


def test_a_value_that_changes_now_and_then_does_not():
    rows = versions([3] * 40, lambda place, count: (place * 7) % 5)
    assert marks_the_newest(rows.iloc[:-1]).not_judged == ""
    mixed = versions([3] * 40, lambda place, count: place == count - 1)
    mixed.loc[mixed.index % 7 == 0, "accounts.flag"] = False
    assert marks_the_newest(mixed).findings == ()


def test_few_versions_are_not_judged():
    rows = versions([3] * 19, lambda place, count: place == count - 1)
    judged = marks_the_newest(rows)
    assert judged.findings == ()
    assert "fewer than 20 versions lie between" in judged.not_judged
    assert "no feature reads" in marks_the_newest(rows.drop(columns="accounts.flag")).not_judged
