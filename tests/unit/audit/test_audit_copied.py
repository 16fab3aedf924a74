"""Numbers that never change, though the versions of their accounts do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from npsight.audit.copied import copied_over_the_past


def versions(rng, accounts: int = 60, each: int = 3) -> pd.DataFrame:
    rows = pd.DataFrame({"account": np.repeat([f"a{k:02d}" for k in range(accounts)], each)})
    rows["occurred_at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(
        90 * rows.groupby("account").cumcount(), "D"
    )
    rows["accounts.seats"] = rng.integers(1, 500, len(rows)).astype(float)
    return rows


def named(rows: pd.DataFrame) -> list[str]:
    found = copied_over_the_past(rows).findings
    assert {f.level for f in found} <= {"look"}
    return [f.name for f in found]


def test_a_number_of_today_in_every_version_is_named(rng):
    rows = versions(rng)
    rows["accounts.revenue"] = rows.groupby("account")["accounts.seats"].transform("last")
    assert named(rows) == ["accounts.revenue"]
    rows.loc[rows.index[:3], "accounts.revenue"] = [1.0, 2.0, 3.0]
    assert named(rows) == []


def test_names_and_flags_may_stay_the_same(rng):
    rows = versions(rng)
    rows["accounts.region"] = rows["account"].str[-1]
    rows["accounts.reseller"] = (rows["account"] > "a30").astype(float)
    assert named(rows) == []


def test_blanks_are_no_change(rng):
    rows = versions(rng, each=4)
    rows["accounts.revenue"] = rows.groupby("account")["accounts.seats"].transform("last")
    rows.loc[rows.index % 4 == 0, "accounts.revenue"] = np.nan
    assert named(rows) == ["accounts.revenue"]


def test_where_nothing_changes_or_versions_are_few_nothing_is_said(rng):
    rows = versions(rng)
    rows["accounts.seats"] = rows.groupby("account")["accounts.seats"].transform("last")
    assert copied_over_the_past(rows).verdict == "not judged"
    few = versions(rng, accounts=49)
    few["accounts.revenue"] = few.groupby("account")["accounts.seats"].transform("last")
    assert copied_over_the_past(few).verdict == "not judged"
    assert copied_over_the_past(rows[["account", "occurred_at"]]).verdict == "not judged"
