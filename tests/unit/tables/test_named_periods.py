"""Tables whose rows are dated by the name of their file or sheet alone."""

from __future__ import annotations

import json
from datetime import date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from npsight.errors import ConfigError, DataError
from npsight.tables.periodnames import told_by
from npsight.tables.periods import span_of

from .conftest import Workbench, reasons, rows
from .test_workbooks import workbook

HEAD = "timezone: Europe/Berlin"


def read(bench: Workbench, source: str = "path: 'usage_{period}.csv'", head: str = HEAD, **options):
    text = f"activity:\n  usage: {{{source}, account: account, time: period_over, measures: [n]}}"
    return bench.prepare(text, head=head, **options)


def dated(bench: Workbench, source: str = "path: 'usage_{period}.csv'", **options):
    prepared = read(bench, source, **options)
    return rows(prepared.facts.sources["usage"], "account", "occurred_at", "known_at")


def a_file(bench: Workbench, name: str, text: str = "account,n\na,1\n") -> None:
    bench.write(name, text)


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2025-02-14", (2025, 2, 14), (2025, 2, 14)),
        ("20240229", (2024, 2, 29), (2024, 2, 29)),
        ("2025-W07", (2025, 2, 10), (2025, 2, 16)),
        ("2025W1", (2024, 12, 30), (2025, 1, 5)),
        ("KW 53 2020", (2020, 12, 28), (2021, 1, 3)),
        ("2024-02", (2024, 2, 1), (2024, 2, 29)),
        ("März 2025", (2025, 3, 1), (2025, 3, 31)),
        ("Mär. 2025", (2025, 3, 1), (2025, 3, 31)),
        ("février_2025", (2025, 2, 1), (2025, 2, 28)),
        ("enero de 2025", (2025, 1, 1), (2025, 1, 31)),
        ("Dec-25", (2025, 12, 1), (2025, 12, 31)),
        ("Q1 2025", (2025, 1, 1), (2025, 3, 31)),
        ("2025-Q4", (2025, 10, 1), (2025, 12, 31)),
        ("H2 2025", (2025, 7, 1), (2025, 12, 31)),
        ("2025-H1", (2025, 1, 1), (2025, 6, 30)),
        ("2025", (2025, 1, 1), (2025, 12, 31)),
    ],
)
def test_the_days_of_a_period(period, first, last):
    assert span_of(period) == (date(*first), date(*last))


@pytest.mark.parametrize(
    "text", ["", "old", "2025-13", "2025-W54", "2021-W53", "2025-02-30", "W07", "Q1", "Jan", "12"]
)
def test_no_period(text):
    assert span_of(text) is None


@pytest.mark.parametrize(
    ("name", "pattern", "found"),
    [
        ("/x/usage_2025-01-31.csv", "/x/usage_{period}.csv", ["2025-01-31"]),
        ("/x/usage_2025-01-31.csv", "/x/usage_*{period}*.csv", ["2025-01-31"]),
        ("/x/crm2_usage_Jan 2025.csv", "/x/*_{period}.csv", ["Jan 2025"]),
        ("/x/2025-01/usage.csv", "/x/{period}/usage.csv", ["2025-01"]),
        ("/x/emea/a/2025-01.csv", "/x/**/{period}.csv", ["2025-01"]),
        ("/x/usage_2025-01_2025-02.csv", "/x/usage_*{period}*.csv", ["2025-01", "2025-02"]),
        ("/x/usage_2025-01_2025-02.csv", "/x/usage_*_{period}.csv", ["2025-02"]),
        ("/x/u_2025-01-01_2025-01-31.csv", "/x/u_{period}.csv", ["2025-01-01", "2025-01-31"]),
        ("/x/u_2025-01-01_2025-01-31.csv", "/x/u_*_{period}.csv", ["2025-01-31"]),
        ("/x/usage_old_2025-01.csv", "/x/usage_{period}.csv", []),
        ("/2024/usage_2025-01.csv", "/2024/usage_{period}.csv", ["2025-01"]),
        ("/x/usage_Ma\u0308rz 2025.csv", "/x/usage_{period}.csv", ["März 2025"]),
        ("/x/usage_2025-01.csv.gz", "/x/usage_{period}.csv.gz", ["2025-01"]),
        ("/x/a[1]_2025-01.csv", "/x/a[[]1]_{period}.csv", ["2025-01"]),
        ("Usage Q1 2025", "Usage {period}", ["Q1 2025"]),
        ("Usage Q1", "Usage {period}", []),
    ],
)
def test_where_a_name_tells_its_period(name, pattern, found):
    assert [told.text for told in told_by(name, pattern)] == found


def test_a_month_is_dated_and_known_when_it_is_over(bench):
    """Never on its first day: the sum of January holds what happened on the 31st."""
    a_file(bench, "usage_2025-01.csv")
    a_file(bench, "usage_Juli 2025.csv")
    assert dated(bench) == [
        ("a", datetime(2025, 1, 31, 23), datetime(2025, 1, 31, 23)),
        ("a", datetime(2025, 7, 31, 22), datetime(2025, 7, 31, 22)),
    ]
    late = dated(bench, "path: 'usage_{period}.csv', delay_hours: 24")
    assert [known for _, _, known in late] == [datetime(2025, 2, 1, 23), datetime(2025, 8, 1, 22)]


def test_the_midnight_is_one_of_the_zone_of_the_table(bench):
    a_file(bench, "usage_2025-03-30.csv")
    zones = {"UTC": 0, "America/New_York": 4, "Asia/Tokyo": -9}
    for zone, hours in zones.items():
        ((_, at, _),) = dated(bench, f"path: 'usage_{{period}}.csv', timezone: {zone}")
        assert (at - datetime(2025, 3, 31)).total_seconds() == 3600 * hours
    with pytest.raises(DataError, match="`period_over` have no time zone"):
        read(bench, head="")


@pytest.mark.parametrize(
    ("now", "seen"),
    [
        (datetime(2025, 1, 31, 22, 59, 59), None),
        (datetime(2025, 1, 31, 23), ["a"]),
        (datetime(2025, 2, 28, 22, 59, 59), ["a"]),
        (datetime(2025, 2, 28, 23), ["a", "b"]),
    ],
)
def test_a_running_period_is_read_once_it_is_over(bench, now, seen):
    a_file(bench, "usage_2025-01.csv")
    a_file(bench, "usage_2025-02.csv", "account,n\nb,1\n")
    if seen is None:
        with pytest.raises(DataError, match=r"no period that the names tell is over yet"):
            read(bench, now=now)
        return
    prepared = read(bench, now=now)
    assert [account for account, *_ in rows(prepared.facts.sources["usage"], "account")] == seen
    left = {"of a period that is not over yet, read once it is": 1} if len(seen) == 1 else {}
    assert dict(prepared.reports[0].notes) == left
    assert prepared.reports[0].quarantined == 0


def test_sheets_named_as_months(bench):
    months = {"Jan 2025": [("account", "n"), ("a", 1)], "Feb 2025": [("account", "n"), ("a", 2)]}
    workbook(bench.folder / "u.xlsx", **months, Notes=[("what", "who"), ("x", "y")])
    found = dated(bench, "path: u.xlsx, table: '{period}'")
    assert [at for _, at, _ in found] == [datetime(2025, 1, 31, 23), datetime(2025, 2, 28, 23)]


def test_files_of_other_kinds(bench):
    (bench.folder / "u_2025-01.json").write_text(json.dumps([{"account": "a", "n": 1}]))
    pq.write_table(pa.table({"account": ["a"], "n": [1.5]}), bench.folder / "p_Q1 2025.parquet")
    (bench.folder / "w_2025-W07.txt").write_text("a1\n")
    (bench.folder / "2024").mkdir()
    (bench.folder / "2024" / "usage.csv").write_bytes("account;n\r\nä;1\r\n".encode("cp1252"))
    wide = "format: fixed_width, fixed_width: {account: [1, 1], n: [2, 2]}"
    last = {
        "path: 'u_{period}.json'": datetime(2025, 1, 31, 23),
        "path: 'p_{period}.parquet'": datetime(2025, 3, 31, 22),
        f"path: 'w_{{period}}.txt', {wide}": datetime(2025, 2, 16, 23),
        "path: '{period}/usage.csv', delimiter: ';', encoding: windows-1252": datetime(
            2024, 12, 31, 23
        ),
    }
    for source, at in last.items():
        assert [found for _, found, _ in dated(bench, source)] == [at]


def test_rows_that_recur_in_the_next_period_are_two(bench):
    a_file(bench, "usage_2025-01.csv", "account,n\na,1\na,1\n")
    a_file(bench, "usage_2025-02.csv")
    prepared = read(bench)
    assert len(rows(prepared.facts.sources["usage"], "account")) == 2
    assert prepared.reports[0].identical == 1


def test_rows_and_lines_are_counted_in_the_order_of_the_periods(bench):
    a_file(bench, "usage_Feb 2025.csv", "account,n\nb,x\n")
    a_file(bench, "usage_Jan 2025.csv", "account,n\na,1\na,2\n")
    prepared = read(bench, head=f"{HEAD}\nquarantine: {{max_share: 1.0}}")
    assert reasons(prepared) == {"number in column n is not a number": 1}
    assert prepared.reports[0].faults[0].row == 3


def test_answers_and_versions_of_accounts_are_dated_so_too(bench):
    a_file(bench, "nps_2025-Q1.csv", "account,score\na,9\n")
    a_file(bench, "accounts_2025-01.csv", "id,plan\na,basic\n")
    a_file(bench, "accounts_2025-02.csv", "id,plan\na,pro\n")
    found = bench.prepare(
        "accounts: {path: 'accounts_{period}.csv', key: id, valid_from: period_over, "
        "attributes: {plan: category}}\n"
        "responses: {path: 'nps_{period}.csv', account: account, time: period_over, score: score}",
        head="timezone: UTC",
        targets="{detractor: {}}",
    ).facts
    assert found.versions is not None
    assert rows(found.versions, "plan", "occurred_at", "known_at") == [
        ("basic", datetime(2025, 2, 1), datetime(2025, 2, 1)),
        ("pro", datetime(2025, 3, 1), datetime(2025, 3, 1)),
    ]
    assert rows(found.sources["responses"], "occurred_at") == [(datetime(2025, 4, 1),)]


def test_names_that_tell_no_period_or_two_are_all_named(bench):
    for name in ("2025-01", "old", "2025-02 2025-03"):
        a_file(bench, f"usage_{name}.csv")
    with pytest.raises(DataError) as error:
        read(bench)
    text = str(error.value)
    assert "usage_old.csv" in text
    assert "tells no period where `usage_{period}.csv` has" in text
    several = "usage_2025-02 2025-03.csv · tables.activity.usage.path: the name tells several"
    assert several in text
    assert "`2025-02` and `2025-03`" in text


def test_two_files_of_the_same_days_are_named(bench):
    a_file(bench, "usage_2025-01.csv")
    a_file(bench, "usage_Q1 2025.csv")
    wrong = (
        r"usage_Q1 2025.csv.*usage.path: is of 2025-01-01 to 2025-03-31, and .*usage_2025-01.csv "
        r"of 2025-01-01 to 2025-01-31: these days would count twice"
    )
    with pytest.raises(DataError, match=wrong):
        read(bench)
    (bench.folder / "usage_Q1 2025.csv").rename(bench.folder / "usage_emea_2025-01.csv")
    a_file(bench, "usage_apac_2025-01.csv", "account,n\nb,2\n")
    assert len(dated(bench, "path: 'usage_*_{period}.csv'")) == 2


def test_only_files_that_are_called_as_a_period(bench):
    a_file(bench, "2025-01.csv")
    a_file(bench, "accounts.csv", "id\na\n")
    assert len(dated(bench, "path: '{period}.csv'")) == 1
    (bench.folder / "2025-01.csv").unlink()
    with pytest.raises(DataError, match=r"no name tells a period where `\{period\}.csv` has it"):
        read(bench, "path: '{period}.csv'")
    with pytest.raises(DataError, match=r"did you mean `accounts.csv`"):
        read(bench, "path: 'account_{period}.csv'")


def test_a_column_of_that_name_is_told(bench):
    a_file(bench, "usage_2025-01.csv", "account,n,period_over\na,1,2025-01-01\n")
    with pytest.raises(DataError, match="usage_2025-01.csv.*has a column `period_over` itself"):
        read(bench)


def test_a_part_without_a_column_is_named(bench):
    a_file(bench, "usage_2025-01.csv")
    a_file(bench, "usage_2025-02.csv", "customer,n\na,1\n")
    with pytest.raises(DataError, match=r"`account` \(account\) is in some .*not in .*2025-02.csv"):
        read(bench)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("path: '{period}/{period}.csv'", "stands in it more than once"),
        ("path: '{period}.xlsx', table: '{period}'", "stands in it more than once"),
        ("path: 'u.duckdb', table: 'u_{period}'", "and this is neither"),
        (
            "path: u.csv, lookup: {path: 'a_{period}.csv', by: x, take: y}",
            "a look-up has no dates",
        ),
    ],
)
def test_what_cannot_be_is_told_with_its_line(bench, source, what):
    with pytest.raises(ConfigError, match=what):
        read(bench, source)


def test_a_period_that_nothing_reads_is_told(bench):
    text = "activity:\n  usage: {path: 'u_{period}.csv', account: account, time: day}"
    with pytest.raises(ConfigError, match=r"nothing reads it.*\n?.*say `time: period_over`"):
        bench.prepare(text, head=HEAD)
