"""Rows that equal another one in every column: counted once, however often they are loaded."""

from __future__ import annotations

import pytest

from npsight.errors import DataError
from npsight.tables.report import IDENTICAL

from .conftest import reasons, rows

AT = "2024-05-01T00:00:00Z"
HEADER = "account,day,n,remark\n"
LINES = [f"a,{AT},1,x\n", f"a,{AT},1,y\n", f"b,{AT},,\n", f"b,{AT},many,\n", "c,,5,\n"]


def test_a_row_equal_in_every_column_is_counted_once_and_noted(bench):
    prepared = bench.usage(HEADER + "".join([*LINES, LINES[0], LINES[2]]), "measures: [n]")
    report = prepared.reports[0]
    assert (report.rows, report.good, report.identical) == (7, 3, 2)
    assert (report.skipped, report.quarantined) == (1, 1)
    assert report.notes == ((IDENTICAL, 2),)
    # The two rows of `a` differ in a column that is not mapped: they are two facts.
    assert [row[0] for row in rows(prepared.facts.sources["usage"], "account")] == ["a", "a", "b"]


@pytest.mark.parametrize("times", [1, 2, 5])
def test_loading_a_file_several_times_changes_nothing(bench, times):
    csv = HEADER + "".join(LINES) + "line that does not fit\n"
    once = bench.usage(csv, "measures: [n]")
    more = HEADER + ("".join(LINES) + "line that does not fit\n") * times
    prepared = bench.usage(more, "measures: [n]")
    assert prepared.digest == once.digest
    assert reasons(prepared) == reasons(once)
    report, before = prepared.reports[0], once.reports[0]
    assert (report.good, report.skipped, report.quarantined) == (3, 1, 2)
    assert report.rows == before.rows * times
    assert report.identical == before.rows * (times - 1)


def test_the_share_of_bad_rows_does_not_depend_on_how_often_a_file_was_loaded(bench):
    csv = "account,day,n\n" + f"a,{AT},1\n" * 9 + f"b,{AT},many\n"
    with pytest.raises(DataError, match=r"1 of 2 rows are bad \(50\.0%"):
        bench.usage(csv, "measures: [n]", head="quarantine: {max_share: 0.4}")


def test_equal_rows_are_two_facts_where_the_table_says_so(bench):
    prepared = bench.usage(HEADER + LINES[0] * 3, "measures: [n]\nduplicates: keep")
    assert (prepared.reports[0].good, prepared.reports[0].identical) == (3, 0)
    assert prepared.reports[0].notes == ()


def test_tables_that_share_a_file_each_count_their_own_rows_once(bench):
    """Twins were told among the rows of the first table only, so that the second had them twice."""
    bench.write("e.csv", "account,day,kind\n" + f"a,{AT},x\na,{AT},x\nb,{AT},y\nb,{AT},y\n")
    one = "{path: e.csv, account: account, time: day, only: {kind: %s}}"
    prepared = bench.prepare(f"activity:\n  usage: {one % 'x'}\n  other: {one % 'y'}\n")
    assert [(report.good, report.identical) for report in prepared.reports] == [(1, 1), (1, 1)]


def test_every_kind_of_table_counts_equal_rows_once(bench):
    bench.write("accounts.csv", f"id,since\na,{AT}\na,{AT}\n")
    bench.write("answers.csv", f"id,at,score\na,{AT},9\na,{AT},9\n")
    bench.write("subs.csv", f"id,from,to\na,{AT},\na,{AT},\n")
    bench.write("churn.csv", f"id,left\na,{AT}\na,{AT}\n")
    bench.write("merges.csv", f"id,into,at\na,b,{AT}\na,b,{AT}\n")
    tables = """\
        accounts: {path: accounts.csv, key: id, valid_from: since}
        responses: {path: answers.csv, account: id, time: at, score: score}
        subscriptions: {path: subs.csv, account: id, started_at: from, ended_at: to}
        churn: {path: churn.csv, account: id, time: left}
        """
    prepared = bench.prepare(tables, targets="{churn: {}}")
    merges = "merges: {path: merges.csv, account: id, into: into, time: at}"
    tables = "activity: {usage: {path: churn.csv, account: id, time: left}}\n" + merges
    merged = bench.prepare(tables)
    for report in (*prepared.reports, *merged.reports):
        assert (report.rows, report.good, report.identical) == (2, 1, 1), report.key
        assert report.quarantined == 0


def test_tables_of_one_file_say_each_for_itself_whether_equal_rows_count(bench):
    bench.write("usage.csv", f"account,day\na,{AT}\na,{AT}\n")
    tables = """\
        activity:
          usage: {path: usage.csv, account: account, time: day}
          all: {path: usage.csv, account: account, time: day, duplicates: keep}
          again: {path: usage.csv, account: account, time: day}
        """
    sources = bench.prepare(tables).facts.sources
    assert {name: len(rows(table, "account")) for name, table in sources.items()} == {
        "usage": 1,
        "all": 2,
        "again": 1,
    }


def test_the_same_line_in_two_files_is_one_row(bench):
    for name in ("u1.csv", "u2.csv"):
        bench.write(name, f"account,day\na,{AT}\n")
    tables = "activity:\n  usage: {path: 'u*.csv', account: account, time: day}"
    assert bench.prepare(tables).reports[0].identical == 1


def test_rows_with_nested_columns_and_nulls_are_compared(bench):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "account": ["a", "a", "a", "a"],
            "day": [AT] * 4,
            "tags": [["x"], ["x"], ["x", None], ["x", None]],
            "n": pa.array([None, None, 1.5, 2.5]),
        }
    )
    pq.write_table(table, bench.folder / "u.parquet")
    text = "activity:\n  usage: {path: u.parquet, account: account, time: day}"
    report = bench.prepare(text).reports[0]
    assert (report.rows, report.good, report.identical) == (4, 3, 1)
