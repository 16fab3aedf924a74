"""Accounts, their versions, subscriptions, churn events, snapshots, and the bounds of the data."""

from __future__ import annotations

import textwrap
from datetime import datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from npsight.errors import DataError
from npsight.features.attributes import versions_as_of
from npsight.temporal.spine import spine_expr

from .conftest import NOW, reasons, rows

DAYS = [datetime(2024, 5, 1) + timedelta(days=n) for n in range(30)]
USAGE = "activity:\n  usage: {path: usage.csv, account: account, time: day, delay_hours: 24}\n"


@pytest.fixture
def usage(bench):
    bench.write("usage.csv", "account,day\na,2024-05-02T00:00:00Z\na,2024-05-05T00:00:00Z\n")


def test_without_a_table_accounts_begin_when_first_known(bench, usage):
    facts = bench.prepare(USAGE).facts
    assert rows(facts.accounts, "account", "began_at") == [("a", DAYS[2])]
    assert facts.versions is None
    assert (facts.data_start, facts.data_end) == (DAYS[1], DAYS[5])


def test_data_do_not_end_after_now(bench, usage):
    facts = bench.prepare(USAGE, now=datetime(2024, 5, 5, 1)).facts
    assert facts.data_end == datetime(2024, 5, 5, 1)


def test_accounts_without_any_time_of_their_own(bench, usage):
    bench.write("accounts.csv", "id,region\na,EU\nb,US\n")
    tables = (
        "accounts: {path: accounts.csv, key: id, attributes: {region: category}, static: [region]}"
    )
    facts = bench.prepare(tables + "\n" + USAGE).facts
    assert rows(facts.accounts, "account", "began_at") == [
        ("a", DAYS[2]),
        ("b", datetime(1900, 1, 1)),
    ]
    assert rows(facts.versions, "account", "occurred_at", "ended_at", "region") == [
        ("a", datetime(1900, 1, 1), None, "EU"),
        ("b", datetime(1900, 1, 1), None, "US"),
    ]


def test_created_at_wins_over_valid_from_and_a_blank_one_falls_back(bench, usage):
    bench.write(
        "accounts.csv",
        "id,from,made\na,2024-05-03T00:00:00Z,2024-05-01T00:00:00Z\nb,2024-05-03T00:00:00Z,\n",
    )
    tables = "accounts: {path: accounts.csv, key: id, valid_from: from, created_at: made}\n"
    facts = bench.prepare(tables + USAGE).facts
    assert rows(facts.accounts, "account", "began_at") == [("a", DAYS[0]), ("b", DAYS[2])]


def test_versions_with_what_they_carry(bench, usage):
    csv = """\
        id,from,to,plan,seats,boss,arr,renews
        a,2024-05-01T00:00:00Z,,basic,1,Ann,10,2030-01-01T00:00:00Z
        a,2024-05-03T00:00:00Z,2024-05-09T00:00:00Z,pro,2,Bob,20,
        """
    bench.write("accounts.csv", csv)
    tables = """\
        accounts:
          path: accounts.csv
          key: id
          valid_from: from
          valid_to: to
          owner: boss
          revenue: arr
          renewal_at: renews
          attributes: {plan: category, places: number}
          columns: {places: seats}
        """
    found = bench.prepare(textwrap.dedent(tables) + USAGE).facts.versions
    assert rows(found, "occurred_at", "known_at", "ended_at", "plan", "places") == [
        (DAYS[0], DAYS[0], None, "basic", Decimal(1)),  # the next one ends it once it is known
        (DAYS[2], DAYS[2], DAYS[8], "pro", Decimal(2)),
    ]
    assert rows(found, "owner_", "revenue_", "renewal_at_") == [
        ("Ann", Decimal(10), datetime(2030, 1, 1)),
        ("Bob", Decimal(20), None),
    ]


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ("", "account has a second row, and there is no `valid_from` to tell them apart"),
        (", valid_from: from", "account has a second row with the same valid_from"),
    ],
)
def test_second_rows_of_an_account_are_quarantined(bench, usage, mapping, reason):
    csv = "id,from,why\na,2024-05-01T00:00:00Z,x\na,2024-05-01T00:00:00Z,y\n"
    bench.write("accounts.csv", csv)
    tables = f"accounts: {{path: accounts.csv, key: id{mapping}}}\n"
    prepared = bench.prepare(tables + USAGE, head="quarantine: {max_share: 0.5}")
    assert reasons(prepared) == {f"{reason} (same in all that is mapped)": 1}


@pytest.mark.parametrize("column", ["created_at", "valid_from"])
def test_an_account_that_begins_in_the_future_is_no_bad_row(bench, usage, column):
    """It counts from then on; what is recorded of it before, such as a kick-off, is kept."""
    begins = datetime(2024, 6, 1)
    bench.write("accounts.csv", f"id,at\na,2024-05-01T00:00:00Z\nb,{begins}Z\n")
    bench.write("usage.csv", "account,day\na,2024-05-02T00:00:00Z\nb,2024-05-03T00:00:00Z\n")
    tables = f"accounts: {{path: accounts.csv, key: id, {column}: at}}\n" + USAGE
    note = ("that begin in the future, counted from then on", 1)
    for now, notes in ((begins - timedelta(microseconds=1), (note,)), (begins, ())):
        prepared = bench.prepare(tables, now=now)
        report = prepared.reports[0]
        assert (report.good, report.quarantined, report.notes) == (2, 0, notes)
        began = [("a", DAYS[0]), ("b", begins)]
        assert rows(prepared.facts.accounts, "account", "began_at") == began
        spine = spine_expr(prepared.facts, [begins, begins + timedelta(microseconds=1)])
        seen = [(account, as_of.microsecond) for account, as_of in rows(spine, "account", "as_of")]
        assert seen == [("a", 0), ("a", 1), ("b", 1)]
        assert rows(prepared.facts.sources["usage"], "account") == [("a",), ("b",)]


def test_a_version_that_begins_in_the_future_is_true_from_then_on(bench, usage):
    begins = datetime(2024, 6, 1)
    bench.write("accounts.csv", f"id,from,plan\na,2024-05-01T00:00:00Z,basic\na,{begins}Z,pro\n")
    tables = "accounts: {path: accounts.csv, key: id, valid_from: from, attributes: "
    tables += "{plan: category}}\n" + USAGE
    prepared = bench.prepare(tables, now=begins - timedelta(days=1))
    assert prepared.reports[0].quarantined == 0
    as_ofs = [begins - timedelta(days=1), begins, begins + timedelta(microseconds=1)]
    spine = spine_expr(prepared.facts, as_ofs)
    found = rows(versions_as_of(prepared.facts, spine), "as_of", "plan")
    assert [plan for _, plan in found] == ["basic", "basic", "pro"]


@pytest.mark.parametrize("column", ["created_at", "valid_from"])
def test_an_account_that_never_begins_is_a_bad_row(bench, usage, column):
    bench.write("accounts.csv", "id,at\na,2024-05-01T00:00:00Z\nb,9999-12-31T00:00:00Z\n")
    tables = f"accounts: {{path: accounts.csv, key: id, {column}: at, delay_hours: 24}}\n" + USAGE
    prepared = bench.prepare(tables, head="quarantine: {max_share: 0.5}")
    assert reasons(prepared) == {"time in column at means never": 1}


def test_a_contract_signed_before_it_begins_counts_from_its_start(bench, usage):
    """That is usual, and nothing to look at."""
    bench.write(
        "subs.csv",
        "who,from,to,signed\na,2024-05-05T00:00:00Z,,2024-05-01T00:00:00Z\n"
        "a,2024-05-06T00:00:00Z,,2024-05-08T00:00:00Z\n",
    )
    tables = USAGE + "subscriptions: {path: subs.csv, account: who, started_at: from, "
    prepared = bench.prepare(tables + "ended_at: to, known_at: signed}")
    found = rows(prepared.facts.sources["subscriptions"], "occurred_at", "known_at")
    assert found == [(DAYS[4], DAYS[4]), (DAYS[5], DAYS[7])]
    assert prepared.reports[-1].notes == ()


def test_a_version_that_ends_before_it_begins_is_quarantined(bench, usage):
    csv = "id,from,to\na,2024-05-02T00:00:00Z,2024-05-01T00:00:00Z\n"
    bench.write("accounts.csv", csv + "a,2024-05-03T00:00:00Z,\n")
    tables = "accounts: {path: accounts.csv, key: id, valid_from: from, valid_to: to}\n"
    prepared = bench.prepare(tables + USAGE, head="quarantine: {max_share: 0.5}")
    assert reasons(prepared) == {"to lies before from": 1}


def test_subscriptions_keep_ends_that_lie_ahead(bench):
    csv = """\
        who,from,to,told
        a,2024-05-01T00:00:00Z,2030-01-01T00:00:00Z,2024-05-04T00:00:00Z
        b,2024-05-02T00:00:00Z,2024-05-06T00:00:00Z,
        c,2024-05-03T00:00:00Z,,
        """
    bench.write("subs.csv", csv)
    tables = """\
        subscriptions:
          {path: subs.csv, account: who, started_at: from, ended_at: to, ended_known_at: told}
        """
    facts = bench.prepare(tables, targets="{churn: {}}").facts
    columns = ("account", "occurred_at", "known_at", "ended_at", "ended_known_at")
    assert rows(facts.sources["subscriptions"], *columns) == [
        ("a", DAYS[0], DAYS[0], datetime(2030, 1, 1), DAYS[3]),
        ("b", DAYS[1], DAYS[1], DAYS[5], DAYS[5]),
        ("c", DAYS[2], DAYS[2], None, None),
    ]
    assert facts.data_end == DAYS[2]  # not the ends, which are scheduled


def test_contracts_do_not_move_the_start_of_the_data(bench, usage):
    bench.write("subs.csv", "who,from,to\na,2019-01-01T00:00:00Z,\n")
    tables = USAGE + "subscriptions: {path: subs.csv, account: who, started_at: from, ended_at: to}"
    facts = bench.prepare(tables).facts
    assert facts.data_start == DAYS[1]
    assert rows(facts.accounts, "began_at") == [(datetime(2019, 1, 1),)]


def test_a_contract_for_a_day_ahead_is_left_out_until_then(bench, usage):
    """It is no fault, and nothing of it is read before it begins; then all of it is."""
    begins = datetime(2024, 6, 1)
    bench.write(
        "subs.csv",
        "who,from,to,told\na,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,\n"
        "a,2024-06-01T00:00:00Z,,\nb,9999-12-31T00:00:00Z,,\nb,never,,\n",
    )
    tables = USAGE + "subscriptions: {path: subs.csv, account: who, started_at: from, ended_at: to}"
    head = "quarantine: {max_share: 1.0}"
    before = bench.prepare(tables, head=head, now=begins - timedelta(microseconds=1))
    assert rows(before.facts.sources["subscriptions"], "occurred_at") == [(DAYS[0],)]
    report = before.reports[-1]
    assert (report.good, report.skipped, report.quarantined) == (1, 2, 1)
    assert ("that begin in the future, read once they have begun", 2) in report.notes
    assert [fault.reason for fault in report.faults] == ["time in column from is not a time"]
    then = bench.prepare(tables, head=head, now=begins)
    assert rows(then.facts.sources["subscriptions"], "occurred_at") == [(DAYS[0],), (begins,)]


def test_churn_events(bench, usage):
    bench.write("churn.csv", "who,left\na,2024-05-09T00:00:00Z\nb,\n")
    tables = USAGE + "churn: {path: churn.csv, account: who, time: left}"
    prepared = bench.prepare(tables, targets="{churn: {event: churn_table}}")
    assert rows(prepared.facts.churn, "account", "occurred_at") == [("a", DAYS[8])]
    assert prepared.reports[1].skipped == 1
    assert prepared.facts.data_end == DAYS[8]


SNAPSHOT = "accounts: {path: s.csv, key: id, attributes: {tenure: number, paid: number}}"
TARGETS = "{churn: {event: snapshot, column: gone, positive: ['Yes']}}"


def test_a_snapshot(bench):
    bench.write("s.csv", "id,tenure,paid,gone\na,1,,Yes \nb,2,5.5,No\nc,3,1,\n")
    prepared = bench.prepare(SNAPSHOT, targets=TARGETS, head="quarantine: {max_share: 0.5}")
    facts = prepared.facts
    assert rows(facts.versions, "account", "tenure", "paid", "outcome_") == [
        ("a", Decimal(1), None, True),
        ("b", Decimal(2), Decimal("5.5"), False),
        ("c", Decimal(3), Decimal(1), None),
    ]
    assert prepared.reports[0].notes == (("without an outcome: scored, not learned from", 1),)
    assert (facts.data_start, facts.data_end, dict(facts.sources)) == (NOW, NOW, {})
    assert prepared.reports[0].first_at is None


def test_a_snapshot_without_the_outcome_named(bench):
    bench.write("s.csv", "id,tenure,paid,gone\na,1,,1\nb,2,5.5,0\n")
    with pytest.raises(
        DataError, match=r"(?s)column `gone` holds none of \['Yes'\].*it holds: 0, 1"
    ):
        bench.prepare(SNAPSHOT, targets=TARGETS)


# --- When versions were known -------------------------------------------------------------------

VERSIONS = """\
accounts: {path: accounts.csv, key: id, valid_from: from, valid_to: to, attributes: {plan: category}%s}
"""
KNOWN = ("occurred_at", "known_at", "ended_at", "ended_known_at", "plan")


def at(number: int) -> str:
    return f"2024-05-{number:02}T00:00:00Z"


def versions(bench, csv: str, more: str = ""):
    bench.write("accounts.csv", csv)
    prepared = bench.prepare(VERSIONS % more + USAGE, head="quarantine: {max_share: 0.5}")
    return prepared, rows(prepared.facts.versions, *KNOWN)


def test_an_account_is_as_old_as_its_first_row_says_though_it_exists_from_when_that_was_known(
    bench, usage
):
    more = ", known_at: seen, created_at: since"
    csv = (
        "id,from,to,plan,seen,since\n"
        f"a,{at(1)},,basic,{at(9)},2020-02-29T00:00:00Z\n"
        f"b,{at(1)},,basic,{at(5)},\n"
        f"b,{at(2)},,pro,{at(9)},2020-02-29T00:00:00Z\n"
        f"c,{at(1)},,basic,{at(5)},{at(20)}\n"
    )
    prepared, _ = versions(bench, csv, more)
    assert rows(prepared.facts.accounts, "account", "began_at", "created_at") == [
        ("a", DAYS[8], datetime(2020, 2, 29)),
        ("b", DAYS[4], DAYS[4]),  # its date was told later, so an earlier day cannot know it
        ("c", DAYS[19], DAYS[19]),
    ]


def test_the_delay_of_a_version_and_of_its_end(bench, usage):
    csv = f"id,from,to,plan\na,{at(1)},{at(3)},basic\na,{at(3)},,pro\n"
    prepared, found = versions(bench, csv, ", delay_hours: 48")
    assert found == [
        (DAYS[0], DAYS[2], DAYS[2], DAYS[4], "basic"),
        (DAYS[2], DAYS[4], None, None, "pro"),
    ]
    # The account's first row was known on the third, its first fact a day later.
    assert rows(prepared.facts.accounts, "began_at") == [(DAYS[2],)]


def test_rows_of_one_valid_from_known_at_different_times_are_corrections(bench, usage):
    csv = f"id,from,to,plan,seen\na,{at(1)},,basic,{at(2)}\na,{at(1)},,pro,{at(9)}\na,{at(1)},,x,{at(9)}\n"
    prepared, found = versions(bench, csv, ", known_at: seen")
    assert found == [
        (DAYS[0], DAYS[1], None, None, "basic"),
        (DAYS[0], DAYS[8], None, None, "pro"),
    ]
    reason = "account has a second row with the same valid_from and known_at (conflicting row)"
    assert reasons(prepared) == {reason: 1}
    assert rows(prepared.facts.accounts, "began_at") == [(DAYS[1],)]


def test_a_blank_known_at_of_a_version_falls_back_to_the_delay(bench, usage):
    csv = f"id,from,to,plan,seen\na,{at(1)},,basic,\n"
    assert versions(bench, csv, ", known_at: seen, delay_hours: 24")[1][0][1] == DAYS[1]


def test_an_end_is_known_when_the_version_that_follows_it_is(bench, usage):
    # The old row was closed when the new one was written, nine days after the change.
    csv = f"id,from,to,plan,seen\na,{at(1)},{at(3)},basic,{at(1)}\na,{at(3)},,pro,{at(12)}\n"
    assert [row[3] for row in versions(bench, csv, ", known_at: seen")[1]] == [DAYS[11], None]


@pytest.mark.parametrize(
    ("next_from", "known"),
    [(at(3), 12), (at(4), 12), ("2024-05-04T00:00:01Z", 3), ("2024-05-02T23:59:59Z", 12)],
    ids=["at once", "a day later", "more than a day later", "before the end"],
)
def test_only_a_version_that_begins_by_a_day_after_closes_the_one_before(
    bench, usage, next_from, known
):
    csv = f"id,from,to,plan,seen\na,{at(1)},{at(3)},basic,{at(1)}\na,{next_from},,pro,{at(12)}\n"
    found = versions(bench, csv, ", known_at: seen")[1]
    assert found[0][3] == DAYS[known - 1]


def test_an_end_written_in_a_later_row_is_known_from_then(bench, usage):
    csv = f"id,from,to,plan,seen\na,{at(1)},,basic,{at(1)}\na,{at(1)},{at(3)},basic,{at(8)}\n"
    found = versions(bench, csv, ", known_at: seen")[1]
    assert [row[1:4] for row in found] == [
        (DAYS[0], None, None),
        (DAYS[7], DAYS[2], DAYS[7]),
    ]


def test_a_version_nobody_knows_of_yet_ends_nothing(bench, usage):
    csv = f"id,from,to,plan,seen\na,{at(1)},,basic,{at(1)}\na,{at(3)},,pro,{at(20)}\n"
    found = versions(bench, csv, ", known_at: seen")[1]
    assert found[0] == (DAYS[0], DAYS[0], None, None, "basic")


def test_an_account_has_not_begun_before_its_first_row_was_known(bench, usage):
    csv = f"id,from,to,plan,seen,made\na,{at(1)},,basic,{at(6)},{at(1)}\na,{at(1)},,pro,{at(8)},2010-01-01T00:00:00Z\n"
    prepared, _ = versions(bench, csv, ", known_at: seen, created_at: made")
    assert rows(prepared.facts.accounts, "began_at") == [(DAYS[5],)]


def test_a_later_row_does_not_change_when_an_account_was_created(bench, usage):
    csv = f"id,from,to,plan,made\na,{at(4)},,basic,{at(2)}\na,{at(9)},,pro,2010-01-01T00:00:00Z\n"
    prepared, _ = versions(bench, csv, ", created_at: made")
    assert rows(prepared.facts.accounts, "began_at") == [(DAYS[1],)]


def test_subscriptions_known_late(bench):
    csv = f"who,from,to,seen\na,{at(1)},,{at(4)}\nb,{at(2)},,\nc,{at(3)},,{at(1)}\n"
    bench.write("subs.csv", csv)
    tables = """\
        subscriptions: {path: subs.csv, account: who, started_at: from, ended_at: to,
                        known_at: seen, delay_hours: 24}
        """
    facts = bench.prepare(tables, targets="{churn: {}}").facts
    assert rows(facts.sources["subscriptions"], "account", "known_at") == [
        ("a", DAYS[3]),
        ("b", DAYS[2]),
        ("c", DAYS[2]),
    ]


UNREADABLE = """\
id,region,arr,seats,renews
a,EU,n/a €,5,2025-01-01
b,US,100,many,soon
,US,100,7,never
c,EU,250,6,2025-01-01
"""


def test_an_unreadable_value_of_an_account_is_missing_and_named(bench, usage):
    bench.write("accounts.csv", UNREADABLE)
    tables = """
    accounts: {path: accounts.csv, key: id, revenue: arr, renewal_at: renews,
               attributes: {region: category, seats: number}, static: [region, seats]}
    """
    lines = textwrap.dedent(tables) + USAGE
    found = bench.prepare(lines, head="timezone: UTC\nquarantine: {max_share: 0.8}")
    assert rows(found.facts.versions, "account", "region", "seats", "revenue_", "renewal_at_") == [
        ("a", "EU", Decimal(5), None, datetime(2025, 1, 1)),
        ("b", "US", None, Decimal(100), None),
        ("c", "EU", Decimal(6), Decimal(250), datetime(2025, 1, 1)),
    ]
    report = found.reports[0]
    assert (report.good, report.quarantined) == (3, 1)
    counted = {(fault.reason, fault.kept): fault.rows for fault in report.faults}
    assert counted[("number in column arr is not a number, and counts as missing", True)] == 1
    assert counted[("number in column seats is not a number, and counts as missing", True)] == 1
    assert counted[("time in column renews is not a time, and counts as missing", True)] == 2
    assert counted[("account is missing in column id", False)] == 1
    kept = pd.read_parquet(bench.quarantine / "accounts.parquet")
    assert sorted(kept["_row"]) == [1, 2, 3]
    assert "number `n/a €` in column arr is not a number" in kept["_reason"].str.cat()


def test_too_many_unreadable_values_of_accounts_stop_a_job(bench, usage):
    bench.write("accounts.csv", "id,arr\na,x\nb,1\nc,2\n")
    lines = "accounts: {path: accounts.csv, key: id, revenue: arr}\n" + USAGE
    with pytest.raises(DataError, match=r"(?s)1 of 3 rows are bad \(33.3%.*`decimal`"):
        bench.prepare(lines, head="quarantine: {max_share: 0.3}")


MIXED = "account,day,n\nAcme Ltd,2024-01-01,1\nACME LTD ,2024-01-02,2\nBeta,2024-01-03,3\n"


def test_keys_in_another_case_are_other_accounts_unless_case_is_ignored(bench):
    kept = bench.usage(MIXED, head="timezone: UTC")
    assert rows(kept.facts.accounts, "account") == [("ACME LTD",), ("Acme Ltd",), ("Beta",)]
    bench.write("usage.csv", MIXED)
    lower = bench.prepare(
        "account_case: lower\nactivity: {usage: {path: usage.csv, account: account, time: day}}",
        head="timezone: UTC",
    )
    assert rows(lower.facts.accounts, "account") == [("acme ltd",), ("beta",)]
    assert rows(lower.facts.sources["usage"], "account") == [("acme ltd",)] * 2 + [("beta",)]


LISTED = """
accounts: {path: accounts.csv, key: id}
activity: {usage: {path: usage.csv, account: account, time: day}}
"""


def test_an_account_that_is_listed_in_another_case_is_a_bad_row_of_its_own(bench):
    bench.write("accounts.csv", "id\nAcme Ltd\n")
    bench.write("usage.csv", MIXED)
    found = bench.prepare(LISTED, head="timezone: UTC\nquarantine: {max_share: 1.0}")
    assert reasons(found, 1) == {
        "account is in tables.accounts in another case only": 1,
        "account is not in tables.accounts": 1,
    }
    with pytest.raises(DataError, match="say `account_case: lower` under `tables`"):
        bench.prepare(LISTED, head="timezone: UTC")
    lower = bench.prepare(
        "account_case: lower" + LISTED, head="timezone: UTC\nquarantine: {max_share: 1.0}"
    )
    assert reasons(lower, 1) == {"account is not in tables.accounts": 1}
    assert rows(lower.facts.sources["usage"], "account") == [("acme ltd",)] * 2


@pytest.mark.parametrize(
    ("listed", "used", "said"),
    [
        (
            ["C-1", "C-2", "C-3"],
            ["1", "2", "3"],
            "here `1`, `2`, there `C-1`, `C-2`",
        ),
        (
            ["0015e00000A1bcdAAA", "0015e00000A1bceAAB"],
            ["0015e00000A1bcd", "0015e00000A1bce"],
            "ids of Salesforce with 15 against 18 characters",
        ),
        (["C-1", "C-2"], ["ann@x.com", "bob@y.com"], "here `a***@x.com`, `b***@y.com`, there"),
    ],
)
def test_keys_of_both_sides_are_shown_where_most_do_not_fit(bench, listed, used, said):
    bench.write("accounts.csv", "id\n" + "\n".join(listed) + "\n")
    lines = "".join(f"{key},2024-01-0{n + 1}\n" for n, key in enumerate(used))
    bench.write("usage.csv", f"account,day\n{lines}")
    with pytest.raises(DataError) as caught:
        bench.prepare(LISTED, head="timezone: UTC")
    assert said in str(caught.value)
    assert "ann@x.com" not in str(caught.value)
    assert ("Salesforce" in str(caught.value)) == ("Salesforce" in said)


def test_keys_are_not_shown_where_few_do_not_fit(bench):
    bench.write("accounts.csv", "id\na\nb\n")
    bench.write(
        "usage.csv", "account,day\na,2024-01-01\nb,2024-01-01\nx,2024-01-01\ny,2024-01-01\n"
    )
    found = bench.prepare(LISTED, head="timezone: UTC\nquarantine: {max_share: 1.0}")
    (fault,) = found.reports[1].faults
    assert str(fault) == "account is not in tables.accounts: 2 (row 3)"
