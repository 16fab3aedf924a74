"""What makes a row bad, what is mended, what is skipped: one named example each."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from npsight.errors import DataError

from .conftest import reasons, rows

ACCOUNTS = "accounts: {path: accounts.csv, key: id, created_at: since}\n"


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2024, 5, number, hour)


def test_a_clean_row_becomes_a_fact(bench):
    csv = "account,day,n,kind\n a ,2024-05-01T00:00:00Z, 1.5 , x \n"
    found = bench.usage(csv, "measures: {logins: n}\ncategories: [kind]").facts.sources["usage"]
    assert rows(found, "account", "occurred_at", "known_at", "logins", "kind") == [
        ("a", day(1), day(1), Decimal("1.500000"), "x")
    ]
    assert str(found.schema()["logins"]) == "decimal(18, 6)"
    assert str(found.schema()["occurred_at"]) == "timestamp(6)"


def test_every_fault_of_a_row_is_listed(bench, quarantined):
    csv = "account,day,n\n,soon,many\nb,2024-05-01T00:00:00Z,1\n"
    prepared = bench.usage(csv, "measures: [n]")
    assert reasons(prepared) == {
        "account is missing in column account": 1,
        "time in column day is not a time": 1,
        "number in column n is not a number": 1,
    }
    assert (prepared.reports[0].rows, prepared.reports[0].quarantined) == (2, 1)
    (row,) = quarantined(bench.quarantine / "activity_usage.parquet")
    assert row["_row"] == 1
    assert (row["account"], row["day"], row["n"]) == (None, "soon", "many")
    assert row["_reason"] == (
        "account is missing in column account; time `soon` in column day is not a time; "
        "number `many` in column n is not a number"
    )


@pytest.mark.parametrize("number", ["nan", "inf", "-Infinity", "1e12", "-1000000000000"])
def test_numbers_out_of_bounds_are_quarantined(bench, number):
    csv = f"account,day,n\na,2024-05-01T00:00:00Z,{number}\n"
    prepared = bench.usage(csv + "a,2024-05-02T00:00:00Z,\n", "measures: [n]")
    assert reasons(prepared) == {"number in column n is not finite or not below 10^12": 1}
    assert rows(prepared.facts.sources["usage"], "n") == [(None,)]


def test_an_activity_without_a_time_has_not_happened_yet(bench):
    prepared = bench.usage("account,day\na,\na,2024-05-01T00:00:00Z\n")
    report = prepared.reports[0]
    assert (report.rows, report.skipped, report.quarantined, report.good) == (2, 1, 0, 1)


def test_known_at_falls_back_to_the_delay_and_is_lifted_to_the_fact(bench):
    csv = """\
        account,day,seen
        a,2024-05-01T00:00:00Z,2024-05-01T05:00:00Z
        b,2024-05-02T00:00:00Z,
        c,2024-05-03T00:00:00Z,2024-05-02T00:00:00Z
        """
    prepared = bench.usage(csv, "known_at: seen\ndelay_hours: 24")
    assert rows(prepared.facts.sources["usage"], "account", "known_at") == [
        ("a", day(1, 5)),
        ("b", day(3)),
        ("c", day(3)),
    ]
    assert prepared.reports[0].notes == (("known_at before occurred_at, lifted to it", 1),)


def test_an_end_before_the_start_is_quarantined_and_an_end_ahead_is_not(bench):
    csv = """\
        account,day,end
        a,2024-05-02T00:00:00Z,2024-05-01T00:00:00Z
        b,2024-05-02T00:00:00Z,2030-01-01T00:00:00Z
        c,2024-05-02T00:00:00Z,9999-12-31T00:00:00Z
        d,2024-05-02T00:00:00Z,2024-05-02T00:00:00Z
        """
    prepared = bench.usage(csv, "ended_at: end\ndelay_hours: 1")
    assert reasons(prepared) == {"end lies before the start": 1}
    assert rows(prepared.facts.sources["usage"], "account", "ended_at", "ended_known_at") == [
        ("b", datetime(2030, 1, 1), datetime(2030, 1, 1, 1)),
        ("c", None, None),
        ("d", day(2), day(2, 1)),
    ]


def test_without_known_at_the_row_that_happened_first_is_kept_of_a_duplicated_id(
    bench, quarantined
):
    csv = """\
        id,account,day,seen,n
        7,a,2024-05-04T00:00:00Z,x,1
        7,a,2024-05-03T00:00:00Z,x,2
        7,a,2024-05-03T00:00:00Z,y,2
        ,a,2024-05-03T00:00:00Z,x,1
        ,a,2024-05-03T00:00:00Z,y,1
        """
    prepared = bench.usage(csv, "id: id\nmeasures: [n]")
    assert reasons(prepared) == {
        "id in column id occurs a second time (conflicting row)": 1,
        "id in column id occurs a second time (same in all that is mapped)": 1,
    }
    assert [r["_row"] for r in quarantined(bench.quarantine / "activity_usage.parquet")] == [1, 3]
    assert prepared.reports[0].good == 3  # rows without an id are no duplicates


def test_unknown_accounts_are_quarantined_without_showing_them(bench):
    bench.write("accounts.csv", "id,since\na,2020-01-01T00:00:00Z\n")
    bench.write("usage.csv", "account,day\na,2024-05-01T00:00:00Z\nsecret,2024-05-01T00:00:00Z\n")
    tables = ACCOUNTS + "activity:\n  usage: {path: usage.csv, account: account, time: day}"
    prepared = bench.prepare(tables, head="quarantine: {max_share: 0.5}")
    assert reasons(prepared, 1) == {"account is not in tables.accounts": 1}
    with pytest.raises(DataError, match=r"account is not in tables\.accounts: 1") as caught:
        bench.prepare(tables, head="quarantine: {max_share: 0.4}")
    assert "secret" not in str(caught.value)


def test_whole_keys_that_pandas_made_floating_are_whole_again(bench):
    import pyarrow as pa
    import pyarrow.parquet as pq

    at = pa.array([day(1)] * 2, pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"account": [17.0, None], "day": at}), bench.folder / "u.parquet")
    prepared = bench.prepare(
        "activity:\n  usage: {path: u.parquet, account: account, time: day}",
        head="quarantine: {max_share: 0.5}",
    )
    assert rows(prepared.facts.sources["usage"], "account") == [("17",)]


def test_lines_that_do_not_fit_the_header_are_quarantined(bench, quarantined):
    prepared = bench.usage("account,day\na,2024-05-01T00:00:00Z,extra\nb,2024-05-01T00:00:00Z\nc\n")
    report = prepared.reports[0]
    assert (report.rows, report.quarantined, report.good) == (3, 2, 1)
    kept = quarantined(bench.quarantine / "activity_usage.parquet")
    assert sorted(row["_reason"] for row in kept) == [
        "line 2 does not fit the header: too many columns",
        "line 4 does not fit the header: missing columns",
    ]


def test_a_comma_and_a_line_break_within_quotes_belong_to_the_value(bench):
    csv = 'account,day,kind\na,2024-05-01T00:00:00Z,"x, ""y""\nz"\n'
    found = bench.usage(csv, "categories: [kind]").facts.sources["usage"]
    assert rows(found, "kind") == [('x, "y"\nz',)]
