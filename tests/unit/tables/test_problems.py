"""Tables that cannot be used: every one is named, with the remedy, in one error."""

from __future__ import annotations

import os

import pytest

from npsight.errors import DataError, StateError
from npsight.tables.headers import told_apart

from .conftest import rows

USAGE = "activity:\n  usage: {path: usage.csv, account: account, time: day%s}"
GOOD = "account,day\na,2024-05-01T00:00:00Z\n"


def test_a_missing_file_suggests_what_lies_beside_it(bench):
    bench.write("usages.csv", GOOD)
    with pytest.raises(DataError, match=r"no such file\n.*did you mean `usages.csv`"):
        bench.prepare(USAGE % "")


def test_a_folder_is_called_one(bench):
    bench.write("usage.csv", GOOD)
    with pytest.raises(DataError, match=r"is a folder\n.*name the files in it, such as `\*.csv`"):
        bench.prepare((USAGE % "").replace("usage.csv", "."))


def test_missing_columns_are_a_diff(bench):
    bench.write("usage.csv", "Account,day,logins\na,2024-05-01T00:00:00Z,1\n")
    with pytest.raises(DataError, match="2 columns are not in the table") as caught:
        bench.prepare(USAGE % ", measures: [login]")
    text = str(caught.value)
    assert "- login (measures.login) did you mean `logins`?" in text
    assert "- account (account) did you mean `Account`?" in text
    assert "available: Account, day, logins" in text


@pytest.mark.parametrize("text", ["account,day\n", ""])
def test_an_empty_table_is_named(bench, text):
    bench.write("usage.csv", text)
    with pytest.raises(DataError, match="holds no rows"):
        bench.prepare(USAGE % "")


def test_a_column_of_the_wrong_type_is_named(bench):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"account": ["a"], "day": [20240501], "n": [[1]]}), bench.folder / "u.parquet"
    )
    tables = "activity:\n  usage: {path: u.parquet, account: account, time: day, measures: [n]}"
    with pytest.raises(DataError, match=r"`day` has type int64, where times are expected") as e:
        bench.prepare(tables)
    assert "column `n` has type array<int64>, where numbers are expected" in str(e.value)
    assert "time_format" in str(e.value)


def test_a_file_of_another_format_is_named(bench):
    bench.write("usage.parquet", "this is no parquet")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        bench.prepare("activity:\n  usage: {path: usage.parquet, account: account, time: day}")


def test_a_column_that_the_header_names_twice_has_to_be_told_apart(bench):
    bench.write("usage.csv", "account,day,Day\na,2024-05-01T00:00:00Z,x\n")
    said = r"day \(time\) \(the header names it more than once: write `day \(1\)` or `Day \(2\)`\)"
    with pytest.raises(DataError, match=said):
        bench.prepare(USAGE % "")
    told = "activity:\n  usage: {path: usage.csv, account: account, time: day (1)}"
    assert len(rows(bench.prepare(told).facts.sources["usage"], "account")) == 1


def test_columns_of_one_name_that_nobody_reads_harm_nothing(bench):
    bench.write("usage.csv", "account,day,n,x,X,x\na,2024-05-01T00:00:00Z,1,2,3,4\n")
    facts = bench.prepare(USAGE % ", measures: [n]").facts
    assert rows(facts.sources["usage"], "n") == [(1,)]


def test_a_number_behind_a_name_is_never_that_of_another_column():
    assert told_apart(["a", "b", "A", "a (1)"]) == ("a (2)", "b", "A (3)", "a (1)")
    assert told_apart(["a", "b"]) == ("a", "b")


def test_too_many_bad_rows_stop_the_job_and_say_why(bench):
    good = "".join(f"a,2024-05-{n:02}T00:00:00Z,1\n" for n in range(1, 19))
    bench.write("usage.csv", "account,day,n\na,soon,1\na,later,1\n" + good)
    with pytest.raises(DataError, match=r"2 of 20 rows are bad \(10.0%, at most 5.0%") as caught:
        bench.prepare(USAGE % ", measures: [n]")
    text = str(caught.value)
    assert "time in column day is not a time: 2 (such as `soon`, row 1)" in text
    assert "activity_usage.parquet" in text
    assert (bench.quarantine / "activity_usage.parquet").exists()


def test_a_share_at_the_limit_passes(bench):
    good = "".join(f"a,2024-05-{n:02}T00:00:00Z\n" for n in range(1, 20))
    bench.write("usage.csv", "account,day\na,soon\n" + good)
    assert bench.prepare(USAGE % "").reports[0].quarantined == 1


def test_the_problems_of_all_tables_are_reported_at_once(bench):
    bench.write("usage.csv", "account,when\na,2024-05-01T00:00:00Z\n")
    bench.write("empty.csv", "account,at,score\n")
    bench.write("naive.csv", "account,day\na,2024-05-01\n")
    tables = """\
        accounts: {path: nowhere.csv, key: id}
        responses: {path: empty.csv, account: account, time: at, score: score}
        activity:
          usage: {path: usage.csv, account: account, time: day}
          naive: {path: naive.csv, account: account, time: day}
        """
    with pytest.raises(DataError, match="4 problems in the tables") as caught:
        bench.prepare(tables)
    assert [p.key for p in caught.value.problems] == [
        "tables.accounts.path",
        "tables.activity.usage",
        "tables.activity.naive.time",
        "tables.responses",
    ]
    assert caught.value.exit_code == 3


def test_a_failure_leaves_nothing_half_written(bench):
    bench.write("usage.csv", "account,day\na,soon\n")
    with pytest.raises(DataError, match="rows are bad"):
        bench.prepare(USAGE % "")
    assert [file.name for file in bench.quarantine.iterdir()] == ["activity_usage.parquet"]


def test_the_quarantine_of_the_run_before_is_replaced(bench):
    head = "quarantine: {max_share: 1.0}"
    bench.write("usage.csv", "account,day\na,soon\na,2024-05-01T00:00:00Z\n")
    bench.prepare(USAGE % "", head=head)
    assert (bench.quarantine / "activity_usage.parquet").exists()
    bench.write("usage.csv", GOOD)
    bench.prepare(USAGE % "", head=head)
    assert not (bench.quarantine / "activity_usage.parquet").exists()


def test_bad_rows_that_cannot_be_kept_are_the_disks_fault(bench, monkeypatch):
    bench.write("usage.csv", "account,day\na,2024-05-01T00:00:00Z\nb,soon\n")
    monkeypatch.setattr(os, "getpid", lambda: "no such/folder")
    with pytest.raises(StateError, match=r"bad rows cannot be kept(.|\n)*free space"):
        bench.prepare(USAGE % "", head="quarantine: {max_share: 1.0}")


def test_a_file_that_another_table_reads_is_not_suggested(bench):
    bench.write("usages.csv", GOOD)
    bench.write("visits.csv", GOOD)
    other = "\n  logins: {path: usages.csv, account: account, time: day}"
    with pytest.raises(DataError, match="no such file") as caught:
        bench.prepare(USAGE % "" + other)
    assert "no table reads visits.csv there" in str(caught.value)
    assert "usages.csv" not in str(caught.value)


def test_a_common_ending_makes_no_file_alike(bench):
    bench.write("surveys.csv", GOOD)
    with pytest.raises(DataError, match="export it again, or correct `path`") as caught:
        bench.prepare(USAGE % "")
    assert "did you mean" not in str(caught.value)
