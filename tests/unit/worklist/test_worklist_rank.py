"""The order of the list."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from npsight.config.schema import Worklist
from npsight.worklist.bands import bands_lower
from npsight.worklist.rank import days_until, rank, target_of

AS_OF = datetime(2025, 3, 1, 18, 30, tzinfo=UTC)


def scores(*accounts):
    """One row for each mapping; what is not given is an ordinary detractor without renewal."""
    usual = {
        "name": "N",
        "owner": "kim",
        "segment": "pro",
        "revenue": 1_000.0,
        "renewal_at": pd.NaT,
        "band_now": "detractor",
        "last_score": 4.0,
        "detractor_risk": 0.5,
        "promoter_prob": 0.2,
        "predicted_nps": -30.0,
        "churn_risk": None,
    }
    frame = pd.DataFrame([{**usual, **a} for a in accounts])
    return frame.assign(renewal_at=pd.to_datetime(frame["renewal_at"], utc=True))


def ranked(frame, **settings):
    return rank(frame, Worklist(**settings), AS_OF)


def test_the_list_is_ordered_by_priority():
    listed = ranked(
        scores(
            {"account": "small", "revenue": 100.0, "detractor_risk": 0.9},
            {"account": "big", "revenue": 10_000.0, "detractor_risk": 0.2},
            {"account": "near", "renewal_at": "2025-04-30", "detractor_risk": 0.6},
            {"account": "past", "renewal_at": "2025-02-28", "detractor_risk": 0.6},
        )
    )
    assert listed["account"].tolist() == ["big", "near", "past", "small"]
    assert listed["rank"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(listed["priority"], [2_000, 900, 600, 90])
    assert listed["priority_reason"].tolist() == [
        "20 % risk × 10,000 revenue",
        "60 % risk × 1,000 revenue × 1.5 (renews in 60 days)",
        "60 % risk × 1,000 revenue",
        "90 % risk × 100 revenue",
    ]


def test_equals_are_ordered_by_account_whatever_order_they_come_in():
    names = ["c", "a", "d", "b"]
    for order in (names, names[::-1]):
        listed = ranked(scores(*({"account": name} for name in order)))
        assert listed["account"].tolist() == ["a", "b", "c", "d"]


def test_an_account_without_revenue_ranks_with_the_median_of_all_scores():
    listed = ranked(
        scores(
            {"account": "none", "revenue": None},
            {"account": "low", "revenue": 200.0},
            {"account": "high", "revenue": 900.0},
            {"account": "happy", "revenue": 500.0, "band_now": "promoter"},
        )
    )
    assert listed["account"].tolist() == ["high", "none", "low"]
    assert listed["priority"].tolist() == [450, 250, 100]


def test_only_the_bands_of_the_project_file_are_listed():
    everyone = scores(
        *({"account": b, "band_now": b} for b in ("detractor", "passive", "promoter", "silent"))
    )
    assert sorted(ranked(everyone)["account"]) == ["detractor", "passive", "silent"]
    assert ranked(everyone, bands=["promoter"])["account"].tolist() == ["promoter"]


def test_capacity_is_counted_for_each_owner_and_nobody_is_an_owner_too():
    accounts = [
        {"account": f"{owner}{i}", "owner": owner or None, "revenue": 1_000.0 - i}
        for owner in ("kim", "lee", "")
        for i in range(3)
    ]
    listed = ranked(scores(*accounts), capacity=2).set_index("account")
    assert listed["within_capacity"].to_dict() == {
        "kim0": True, "kim1": True, "kim2": False,
        "lee0": True, "lee1": True, "lee2": False,
        "0": True, "1": True, "2": False,
    }  # fmt: skip


def test_an_unknown_risk_comes_last_and_is_nobodys_call():
    listed = ranked(
        scores(
            {"account": "a", "detractor_risk": None, "revenue": 1e9},
            {"account": "b", "detractor_risk": 0.01},
        )
    )
    assert listed["account"].tolist() == ["b", "a"]
    assert listed["priority_reason"].tolist() == ["1 % risk × 1,000 revenue", "risk unknown"]
    assert listed["within_capacity"].tolist() == [True, False]


def test_the_target_is_the_declared_one_or_else_the_one_there_is():
    both = scores({"account": "a", "churn_risk": 0.1}, {"account": "b", "churn_risk": 0.9})
    churn_only = both.assign(detractor_risk=None)
    assert target_of(both, Worklist()) == "detractor_risk"
    assert target_of(churn_only, Worklist()) == "churn_risk"
    assert target_of(both, Worklist(target="churn")) == "churn_risk"
    assert ranked(both, target="churn")["account"].tolist() == ["b", "a"]
    assert ranked(churn_only)["account"].tolist() == ["b", "a"]


def test_renewals_are_counted_in_calendar_days():
    instants = pd.Series(
        pd.to_datetime(
            ["2025-03-01", "2025-03-02 00:00:01", "2025-02-28 23:59:59", None],
            utc=True,
            format="mixed",
        )
    )
    np.testing.assert_array_equal(days_until(instants, AS_OF), [0, 1, -1, np.nan])
    naive = pd.Series(pd.to_datetime(["2025-03-01", None]))
    np.testing.assert_array_equal(days_until(naive, pd.Timestamp("2025-03-01")), [0, np.nan])
    nothing = pd.Series([None, None], dtype=object)
    assert np.isnan(days_until(nothing, AS_OF)).all()


def test_the_scores_are_not_changed_and_their_columns_are_kept():
    frame = scores({"account": "a"})
    before = frame.copy(deep=True)
    listed = ranked(frame)
    pd.testing.assert_frame_equal(frame, before)
    added = ["priority", "priority_reason", "rank", "within_capacity"]
    assert listed.columns.tolist() == [*frame.columns, *added]


def test_no_scores_give_an_empty_list():
    listed = ranked(scores({"account": "a"}).iloc[:0])
    assert len(listed) == 0
    assert {"rank", "priority", "within_capacity"} <= set(listed.columns)


def test_a_missing_column_is_named():
    with pytest.raises(
        ValueError, match="the scores lack owner, churn_risk\n  → they have name, segment"
    ):
        ranked(scores({"account": "a"}).drop(columns=["owner", "churn_risk"]))


def test_an_account_twice_is_refused():
    with pytest.raises(ValueError, match="1 accounts appear more than once: a"):
        ranked(scores({"account": "a"}, {"account": "a"}))


def test_who_is_expected_to_fall_comes_before_who_stays():
    listed = ranked(
        scores(
            {"account": "stays", "detractor_risk": 0.55},
            {"account": "slides", "band_now": "passive", "detractor_risk": 0.5},
            {"account": "silent", "band_now": "silent", "detractor_risk": 0.5},
        )
    )
    assert listed["account"].tolist() == ["slides", "stays", "silent"]
    np.testing.assert_allclose(listed["priority"], [625, 550, 500])


def test_churn_loss_ranks_by_the_risk_to_leave():
    both = scores({"account": "a", "churn_risk": 0.1}, {"account": "b", "churn_risk": 0.4})
    listed = ranked(both, policy="churn_loss")
    assert target_of(both, Worklist(policy="churn_loss")) == "churn_risk"
    assert listed["priority_reason"].tolist() == [
        "40 % risk to leave × 1,000 revenue",
        "10 % risk to leave × 1,000 revenue",
    ]


@pytest.mark.parametrize(
    ("now", "expected", "fall"),
    [
        ("promoter", "detractor", 2),
        ("promoter", "passive", 1),
        ("passive", "detractor", 1),
        ("passive", "passive", 0),
        ("detractor", "promoter", 0),
        ("silent", "detractor", 0),
        ("promoter", None, 0),
    ],
)
def test_how_far_an_account_falls(now, expected, fall):
    assert bands_lower(now, expected) == fall
