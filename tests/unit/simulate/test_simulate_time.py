"""Rules of time: what is known when, and that nothing happens after an end."""

import pandas as pd
import pytest

from npsight.simulate.chunk import Chunk
from npsight.simulate.touches import touches

STAMPS = [
    ("accounts", ["valid_from", "valid_to", "created_at"]),
    ("contacts", ["created_at"]),
    ("usage", ["day", "known_at"]),
    ("tickets", ["opened_at", "known_at", "resolved_at", "resolution_known_at"]),
    ("invoices", ["issued_at", "paid_at"]),
    ("touches", ["occurred_at", "known_at"]),
    ("surveys", ["invited_at", "answered_at", "synced_at"]),
    ("subscriptions", ["started_at", "cancelled_at"]),
]
HAPPENED = [
    ("contacts", ["created_at"]),
    ("usage", ["day"]),
    ("tickets", ["opened_at", "resolved_at"]),
    ("invoices", ["issued_at", "paid_at"]),
    ("touches", ["occurred_at"]),
    ("surveys", ["invited_at", "answered_at"]),
    ("truth", ["day"]),
    ("accounts", ["valid_from"]),
]
KNOWN = [
    ("usage", "day", "known_at"),
    ("tickets", "opened_at", "known_at"),
    ("tickets", "resolved_at", "resolution_known_at"),
    ("tickets", "opened_at", "resolved_at"),
    ("touches", "occurred_at", "known_at"),
    ("surveys", "invited_at", "answered_at"),
    ("surveys", "answered_at", "synced_at"),
    ("subscriptions", "cancelled_at", "ended_at"),
    ("invoices", "issued_at", "paid_at"),
    ("accounts", "valid_from", "valid_to"),
    ("accounts", "valid_from", "renewal_at"),
]


@pytest.mark.parametrize(("table", "columns"), STAMPS)
def test_nothing_is_known_after_the_data_end(clean, table: str, columns: list[str]) -> None:
    stamps = clean.read(table)[columns]
    assert stamps.max().max() <= clean.end


@pytest.mark.parametrize(("table", "columns"), HAPPENED)
def test_nothing_happens_after_the_subscription_end(clean, table: str, columns: list[str]) -> None:
    ends = clean.read("subscriptions").set_index("account_id")["ended_at"]
    assert ends.notna().sum() >= 20
    facts = clean.read(table)
    end = facts["account_id"].map(ends)
    for column in columns:
        assert not (facts[column] >= end).any(), column


@pytest.mark.parametrize(("table", "earlier", "later"), KNOWN)
def test_known_no_sooner_than_it_happened(clean, table: str, earlier: str, later: str) -> None:
    facts = clean.read(table)
    both = facts[facts[earlier].notna() & facts[later].notna()]
    assert len(both) > 0
    assert (both[later] > both[earlier]).all()


def test_usage_is_daily_and_complete_but_for_what_is_not_known_yet(clean) -> None:
    usage, subscriptions = clean.read("usage"), clean.read("subscriptions")
    assert not usage.duplicated(["account_id", "day"]).any()
    begin = pd.Timestamp(clean.settings.start, tz="UTC")
    first = subscriptions["started_at"].clip(lower=begin)
    last = subscriptions["ended_at"].fillna(clean.end).clip(upper=clean.end)
    subscribed_days = (last - first).dt.days.sum()
    unknown = subscribed_days - len(usage)
    assert 0 < unknown <= 3 * len(subscriptions)


def test_two_percent_of_usage_arrive_late(clean) -> None:
    usage = clean.read("usage")
    delay = (usage["known_at"] - usage["day"]).dt.total_seconds() / 86400
    assert (delay > 1.5).mean() == pytest.approx(0.02, abs=0.003)
    assert delay.min() >= 1 + 2 / 24 - 1e-4
    assert delay.max() <= 6 + 5 / 24 + 1e-4


def test_versions_of_an_account_follow_each_other(clean) -> None:
    versions = clean.read("accounts")
    following = versions["account_id"] == versions["account_id"].shift(-1)
    pd.testing.assert_series_equal(
        versions["valid_to"][following],
        versions["valid_from"].shift(-1)[following],
        check_names=False,
    )
    changed = versions.groupby("account_id")[["owner", "seats", "arr", "renewal_at"]].nunique()
    assert (changed > 1).any().all()
    static = versions.groupby("account_id")[["industry", "region", "name"]].nunique()
    assert (static == 1).all().all()


def test_open_version_if_and_only_if_not_ended_in_the_data(clean) -> None:
    open_version = (
        clean.read("accounts")
        .groupby("account_id")["valid_to"]
        .agg(lambda column: column.isna().any())
    )
    ends = clean.read("subscriptions").set_index("account_id")["ended_at"]
    live = ends.isna() | (ends > clean.end)
    assert open_version.sort_index().eq(live.sort_index()).all()


def test_adoption_is_active_users_per_seat_of_the_day(clean) -> None:
    usage, versions = clean.read("usage"), clean.read("accounts")
    assert usage["adoption"].between(0, 1).all()
    joined = pd.merge_asof(
        usage.sort_values("day"),
        versions[["account_id", "valid_from", "seats"]].sort_values("valid_from"),
        left_on="day",
        right_on="valid_from",
        by="account_id",
    )
    assert joined["adoption"].to_numpy() == pytest.approx(
        (joined["active_users"] / joined["seats"]).to_numpy()
    )


def test_touches_logged_after_the_data_end_are_left_out(chunk: Chunk) -> None:
    columns = touches(chunk)
    assert columns["known_at"].max() <= 120
    assert columns["occurred_at"].max() > 119
