"""Where tables can lie: files of every format, DuckDB files, databases behind a connection."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from postgres_server import postgres_server

from npsight.errors import DataError

from .conftest import Workbench, reasons, rows

CSV = "account,day,n\na,2024-05-01T00:00:00Z,1\nb,2024-05-02T00:00:00Z,2\n"
EXPECTED = [("a", datetime(2024, 5, 1), Decimal(1)), ("b", datetime(2024, 5, 2), Decimal(2))]


def read(bench: Workbench, source: str) -> list[tuple[object, ...]]:
    text = f"activity:\n  usage: {{{source}, account: account, time: day, measures: [n]}}"
    found = bench.prepare(text, head="timezone: UTC").facts.sources["usage"]
    return rows(found, "account", "occurred_at", "n")


def test_csv_with_a_byte_order_mark_and_another_delimiter(bench):
    (bench.folder / "u.csv").write_text("\ufeff" + CSV.replace(",", ";"), encoding="utf-8")
    assert read(bench, "path: u.csv, delimiter: ';'") == EXPECTED


def test_another_delimiter_is_named(bench):
    (bench.folder / "u.csv").write_text(CSV.replace(",", ";"))
    with pytest.raises(DataError, match='add `delimiter: ";"` to this table'):
        read(bench, "path: u.csv")


def test_another_encoding_is_named(bench):
    (bench.folder / "u.csv").write_text("kürzel," + CSV, encoding="windows-1252")
    with pytest.raises(DataError, match="add `encoding: windows-1252`"):
        read(bench, "path: u.csv")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "windows-1252"])
def test_csv_in_another_encoding(bench, encoding):
    (bench.folder / "u.csv").write_text(CSV.replace("a,2", "ä,2"), encoding=encoding)
    found = read(bench, f"path: u.csv, encoding: {encoding}")
    assert sorted(row[0] for row in found) == ["b", "ä"]


def test_csv_with_windows_line_ends_tabs_and_compression(bench):
    (bench.folder / "u.csv").write_bytes(CSV.replace("\n", "\r\n").encode())
    assert read(bench, "path: u.csv") == EXPECTED
    (bench.folder / "u.tsv").write_text(CSV.replace(",", "\t"))
    assert read(bench, "path: u.tsv") == EXPECTED
    (bench.folder / "u.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    assert read(bench, "path: u.csv.gz") == EXPECTED


@pytest.mark.parametrize("ends", ["\r\n \n \n", "\n \r\n \r\n", "\n \n \r\n", "\r \n \r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252"])
def test_csv_with_several_kinds_of_line_ends(bench, ends, encoding):
    """As files put together on several systems have them; the engine refused them all."""
    lines = [*CSV.splitlines()[:2], 'b,2024-05-02T00:00:00Z,2,"it\r\nbroke, twice\n"']
    lines = [line + ",remark" if place < 2 else line for place, line in enumerate(lines)]
    text = "".join(a + b for a, b in zip(lines, ends.split(" "), strict=True))
    (bench.folder / "u.csv").write_bytes(text.encode(encoding))
    assert read(bench, f"path: u.csv, encoding: {encoding}") == EXPECTED


def test_a_footer_below_several_kinds_of_line_ends(bench):
    text = CSV.replace("\n", "\r\n", 1) + "\r\nMade by Ada\r\n(c) Acme\n"
    (bench.folder / "u.csv").write_bytes(text.encode())
    assert read(bench, "path: u.csv") == EXPECTED


def test_a_bad_line_keeps_its_number_among_several_kinds_of_line_ends(bench):
    text = CSV.replace("\n", "\r\n", 1) + "too,many,cells,here\n"
    (bench.folder / "u.csv").write_bytes(text.encode())
    text = "activity:\n  usage: {path: u.csv, account: account, time: day}"
    found = bench.prepare(text, head="quarantine: {max_share: 1}")
    assert list(reasons(found)) == [
        "line does not fit the header (first: line 4, too many columns)"
    ]


def test_a_glob_reads_files_whose_columns_stand_in_another_order(bench):
    bench.write("u1.csv", "account,day,n\na,2024-05-01T00:00:00Z,1\n")
    bench.write("u2.csv", "n,account,day\n2,b,2024-05-02T00:00:00Z\n")
    assert read(bench, "path: 'u*.csv'") == EXPECTED


def test_fixed_width_as_cdnow_has_it(bench):
    lines = [" customer_id  date number_of_cds  dollar_value"]
    lines += [" 00001 19970101  1   11.77", "", " 00002 19970112 5a   12.00"]
    (bench.folder / "m.txt").write_bytes("\r\n".join([*lines, ""]).encode())
    tables = """\
        activity:
          usage:
            path: m.txt
            format: fixed_width
            fixed_width: {who: [1, 6], day: [7, 15], cds: [16, 18], usd: [19, 26]}
            skip_rows: 1
            account: who
            time: day
            time_format: '%Y%m%d'
            measures: [cds, usd]
        """
    prepared = bench.prepare(tables, head="timezone: UTC\nquarantine: {max_share: 0.5}")
    found = prepared.facts.sources["usage"]
    assert rows(found, "account", "occurred_at", "cds", "usd") == [
        ("00001", datetime(1997, 1, 1), Decimal(1), Decimal("11.770000"))
    ]
    assert reasons(prepared) == {"number in column cds is not a number": 1}
    assert prepared.reports[0].faults[0].row == 2


def test_a_table_of_a_duckdb_file_is_read_and_left_as_it_is(bench):
    import duckdb

    file = bench.folder / "w.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE SCHEMA crm")
        connection.execute(
            "CREATE TABLE crm.usage AS SELECT * FROM (VALUES ('a', DATE '2024-05-01', 1), "
            "('b', DATE '2024-05-02', 2)) AS t(account, day, n)"
        )
    before = file.read_bytes()
    assert read(bench, "path: w.duckdb, table: crm.usage") == EXPECTED
    assert file.read_bytes() == before
    with pytest.raises(DataError, match="cannot be read as duckdb"):
        read(bench, "path: w.duckdb, table: nowhere")


def test_two_tables_share_one_file(bench):
    bench.write("t.csv", "account,opened,closed\na,2024-05-01T00:00:00Z,2024-05-03T00:00:00Z\n")
    tables = """\
        activity:
          usage: {path: t.csv, account: account, time: opened}
          closed: {path: t.csv, account: account, time: closed}
        """
    sources = bench.prepare(tables).facts.sources
    assert rows(sources["closed"], "occurred_at") == [(datetime(2024, 5, 3),)]


# Ibis reads SQLite through pandas, by a way that pandas 3 will drop.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_sqlite_connection(bench, monkeypatch):
    file = bench.folder / "crm.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE usage (account TEXT, day TEXT, n INTEGER)")
        lines = [tuple(line.split(",")) for line in CSV.splitlines()[1:]]
        connection.executemany("INSERT INTO usage VALUES (?, ?, ?)", lines)
    connection.close()
    monkeypatch.setenv("CRM_URL", f"sqlite://{file}")
    assert read(bench, "connection: CRM_URL, table: usage") == EXPECTED
    with pytest.raises(DataError, match=r"no table `usages`\n.*did you mean `usage`") as caught:
        read(bench, "connection: CRM_URL, table: usages")
    assert str(file) not in str(caught.value)


def test_a_connection_string_is_never_shown(bench, monkeypatch):
    monkeypatch.setenv("CRM_URL", "postgres://me:hunter2@127.0.0.1:1/crm")
    with pytest.raises(DataError, match="the connection failed") as caught:
        read(bench, "connection: CRM_URL, table: usage")
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_missing_driver_names_the_extra(bench, monkeypatch):
    import ibis

    def no_driver(_: str) -> None:
        raise ImportError("No module named 'psycopg'")

    monkeypatch.setenv("CRM_URL", "postgresql://me:hunter2@db/crm")
    monkeypatch.setattr(ibis, "connect", no_driver)
    with pytest.raises(DataError, match=r"pip install 'npsight\[postgres\]'") as caught:
        read(bench, "connection: CRM_URL, table: usage")
    assert "hunter2" not in str(caught.value)


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with postgres_server("sources") as url:
        yield url


def test_a_postgresql_connection(bench, monkeypatch, postgres_url):
    import ibis

    remote = ibis.connect(postgres_url)
    remote.raw_sql(
        "DROP TABLE IF EXISTS usage; CREATE TABLE usage AS SELECT * FROM (VALUES "
        "('a', TIMESTAMPTZ '2024-05-01 02:00+02', 1::numeric), "
        "('b', TIMESTAMPTZ '2024-05-02 00:00+00', 2)) AS t(account, day, n)"
    ).close()
    remote.con.commit()
    remote.disconnect()
    monkeypatch.setenv("CRM_URL", postgres_url)
    assert read(bench, "connection: CRM_URL, table: usage") == EXPECTED


EPOCHS = """\
{"account": "a", "day": 1714521600000, "n": 1, "user": {"id": 7, "tags": ["x"]}}
{"account": "b", "day": 1.7146080e12, "n": "2", "late": {"day": "2024-05-02T02:00:00+02:00"}}
{"account": "c", "day": 17146080

"text"
{"account": "b", "day": 9e99, "n": 3}
"""


def test_json_has_a_column_for_every_value_and_times_since_1970(bench):
    (bench.folder / "u.jsonl").write_text(EPOCHS)
    text = """
    activity:
      usage: {path: u.jsonl, account: account, time: day, time_format: epoch_ms, measures: [n],
              categories: {who: user.id, tags: user.tags}}
      late: {path: u.jsonl, account: account, time: late.day}
    """
    found = bench.prepare(text, head="quarantine: {max_share: 1}")
    usage = rows(found.facts.sources["usage"], "account", "occurred_at", "n", "who", "tags")
    assert usage == [(*EXPECTED[0], "7", '["x"]'), (*EXPECTED[1], None, None)]
    assert rows(found.facts.sources["late"], "account", "occurred_at") == [EXPECTED[1][:2]]
    assert reasons(found) == {
        "time in column day is not a time": 1,
        "line does not fit the header (first: line 3, no JSON object)": 2,
    }


@pytest.mark.parametrize("nothing", ["0", "0.0"])
def test_zero_since_1970_is_no_time_and_counted(bench, nothing):
    """It was a bad row; of a number that is measured, 0 stays 0."""
    day = 1714521600000
    found = bench.usage(
        f"account,day,n,closed\na,{day},0,{day + 1}\nb,{day},1,{nothing}\nc,{nothing},2,{day}\n"
        "d,1,3,\n",
        "time_format: epoch_ms\nmeasures: [n]\nended_at: closed\n",
    )
    usage = rows(found.facts.sources["usage"], "account", "n", "ended_at")
    assert usage == [("a", 0, datetime(2024, 5, 1, 0, 0, 0, 1000)), ("b", 1, None)]
    (report,) = found.reports
    assert (report.skipped, report.quarantined) == (1, 1), "what has not happened yet is skipped"
    assert ("with 0 for no time in column day", 1) in report.notes
    assert ("with 0 for no time in column closed", 1) in report.notes


def test_an_answer_without_a_time_since_1970_is_a_bad_row(bench):
    csv = "account,at,score\na,1714521600,9\nb,0,3\n"
    found = bench.answers(csv, "time_format: epoch_s", head="quarantine: {max_share: 1}")
    assert reasons(found) == {"score without a time in column at": 1}


@pytest.mark.parametrize("name", ["u.json", "u.json.gz"])
@pytest.mark.parametrize("count", [1, 2])
def test_objects_over_several_lines_are_a_row_each(bench, name, count):
    """A single one, as an API answers, was refused."""
    text = "\n".join(json.dumps(line | {"of": {"x": [1]}}, indent=2) for line in USAGE[:count])
    write = gzip.open if name.endswith(".gz") else open
    with write(bench.folder / name, "wt") as file:
        file.write(text)
    assert read(bench, f"path: {name}") == EXPECTED[:count]


def test_a_table_that_needs_more_memory_names_the_setting(bench, monkeypatch):
    def full(*_: object) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate")

    monkeypatch.setattr("npsight.tables.files.read_json", full)
    (bench.folder / "u.json").write_text(json.dumps(USAGE))
    with pytest.raises(DataError, match=r"(?s)Out of Memory.*raise `engine.memory`"):
        read(bench, "path: u.json")


def test_json_that_is_cut_off_is_told_with_its_place(bench):
    text = json.dumps({"data": USAGE}, indent=1)
    (bench.folder / "u.json").write_text(text[:60])
    with pytest.raises(DataError, match=r"is no JSON at line \d+, column \d+\n.*export it again"):
        read(bench, "path: u.json")


@pytest.mark.parametrize("name", ["u.json", "u.json.gz"])
def test_json_as_one_list(bench, name):
    objects = json.dumps(
        [{"account": a, "day": f"{d}Z", "n": str(n)} for a, d, n in EXPECTED], default=str, indent=1
    )
    text = objects.encode()
    (bench.folder / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert read(bench, f"path: {name}") == EXPECTED


USAGE = [
    {"account": "a", "day": "2024-05-01", "n": 1},
    {"account": "b", "day": "2024-05-02", "n": 2},
]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ["u.json", "u.json.gz"])
def test_a_list_in_the_envelope_of_an_api(bench, name, indent):
    envelope = {"object": "list", "tags": ["x"], "data": USAGE, "page": {"next": None}}
    text = json.dumps(envelope, indent=indent)
    write = gzip.open if name.endswith(".gz") else open
    with write(bench.folder / name, "wt") as file:
        file.write(text)
    assert read(bench, f"path: {name}") == EXPECTED


def test_a_list_deep_in_an_envelope(bench):
    """As search answers of APIs have it; what has an id is an object of the table itself."""
    envelope = {"response": {"took": 3, "accounts": {"total": 2, "hits": USAGE}}, "next": None}
    (bench.folder / "u.json").write_text(json.dumps(envelope, indent=1))
    assert read(bench, "path: u.json") == EXPECTED
    single = {"id": 7, **USAGE[0], "user": {"seen": [{"x": 1}, {"x": 2}]}}
    (bench.folder / "u.json").write_text(json.dumps(single))
    assert read(bench, "path: u.json") == EXPECTED[:1]


def test_an_object_with_no_list_or_with_two_is_a_row(bench):
    """Of two lists it is unknown which one is the table."""
    for more in ({}, {"one": [{"x": 1}], "two": [{"y": 1}]}):
        (bench.folder / "u.json").write_text(json.dumps(USAGE[0] | more))
        assert read(bench, "path: u.json") == EXPECTED[:1]


def test_objects_a_line_are_rows_though_each_holds_a_list(bench):
    lines = [json.dumps(line | {"items": [{"x": 1}, {"x": 2}]}) for line in USAGE]
    (bench.folder / "u.json").write_text("\n".join(lines))
    assert read(bench, "path: u.json") == EXPECTED
    (bench.folder / "u.jsonl").write_text(lines[0])
    assert read(bench, "path: u.jsonl") == EXPECTED[:1]


def test_json_without_objects_names_the_way_out(bench):
    (bench.folder / "u.json").write_text("[1, 2]")
    with pytest.raises(DataError, match="one object a line, or one list of objects"):
        read(bench, "path: u.json")


def test_fields_of_parquet_records_are_columns_in_folders_at_any_depth(bench):
    for month, (account, day, n) in enumerate(EXPECTED):
        folder = bench.folder / "events" / f"month={month}"
        folder.mkdir(parents=True)
        fact = {"account": account, "at": {"day": day.replace(tzinfo=UTC), "n": {"all": n}}}
        further = {"more": "x"} if month else {}
        pq.write_table(pa.Table.from_pylist([fact | further]), folder / "part.parquet")
    text = """
    activity:
      usage: {path: 'events/**/*.parquet', account: account, time: at.day, measures: {n: at.n.all},
              categories: [month, more]}
    """
    found = bench.prepare(text).facts.sources["usage"]
    assert rows(found, "account", "occurred_at", "n") == EXPECTED
    assert rows(found, "month", "more") == [("0", None), ("1", "x")]


def test_lines_before_the_header_are_skipped(bench):
    (bench.folder / "u.csv").write_text(f"Report of 1 May\n\n{CSV}")
    assert read(bench, "path: u.csv, skip_rows: 2") == EXPECTED
    with pytest.raises(DataError, match=r"add `skip_rows: 2` to this table"):
        read(bench, "path: u.csv")


# --- Which rows are read ------------------------------------------------------------------------

EVENTS = """\
account,day,page,n
a,2024-05-01T00:00:00Z,Song,1
a,2024-05-02T00:00:00Z,Cancelled,2
,2024-05-03T00:00:00Z,Song,3
b,2024-05-04T00:00:00Z,Song,4
Totals (4 rows),,,10
Totals (4 rows),,,10
"""


@pytest.mark.parametrize(
    ("settings", "read"),
    [
        ("only: {page: Cancelled}", [2]),
        ("only: {page: [Cancelled, Song], account: b}", [4]),
        ("without: {account: ['', 'Totals*']}", [1, 2, 4]),
        ("without: {account: [null, 'T* (4*s)'], n: 2}", [1, 4]),
        ("blanks: b\nwithout: {account: ''}\nonly: {page: S*}", [1]),
    ],
)
def test_only_rows_that_are_asked_for_are_read(bench, settings, read):
    found = bench.usage(EVENTS, f"measures: [n]\n{settings}")
    assert [int(n) for (n,) in rows(found.facts.sources["usage"], "n")] == read
    report = found.reports[0]
    assert report.quarantined == 0
    notes = dict(report.notes)
    assert notes["left out by `only` and `without`"] + report.rows == 6


def test_rows_are_numbered_as_in_the_file_where_some_are_left_out(bench):
    found = bench.usage(EVENTS.replace("b,2024-05-04T", "b,soon"), "only: {page: Song}")
    assert {fault.row for fault in found.reports[0].faults} == {3, 4}


def test_a_filter_that_leaves_nothing_says_what_there_is(bench):
    with pytest.raises(
        DataError, match=r"(?s)none of its 6 rows .*`page` holds: Song, '', Cancelled"
    ):
        bench.usage(EVENTS, "only: {page: cancelled}")


def test_a_filter_by_a_column_that_is_not_there_is_named(bench):
    with pytest.raises(DataError, match=r"pages \(only\.pages\) did you mean `page`"):
        bench.usage(EVENTS, "only: {pages: Song}")


FOOTER = (
    '\n\n"My Accounts"\n"Copyright (c) 2026 example.com, inc."\n"Generated By:  Dana  9:41 AM"\n'
)
THREE = "account,day,n\na,2024-05-01T00:00:00Z,1\nb,2024-05-02T00:00:00Z,2\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "windows-1252"])
def test_lines_below_the_last_row_are_a_footer(bench, end, encoding):
    text = (THREE + FOOTER.replace("Dana", "Zoë")).replace("\n", end)
    (bench.folder / "usage.csv").write_bytes(text.encode(encoding))
    table = f"{{path: usage.csv, encoding: {encoding}, account: account, time: day}}"
    report = bench.prepare(f"activity: {{usage: {table}}}").reports[0]
    assert (report.rows, report.good, report.quarantined, report.faults) == (2, 2, 0, ())
    assert report.notes == (("lines below the last row that are a footer, not read", 3),)


@pytest.mark.parametrize(
    ("csv", "good", "bad"),
    [
        (THREE + "one cell alone\n", 2, 1),
        (THREE + "\nc,2024-05-03T00:00:00Z,3\n", 3, 0),
        ("account,day,n\none cell alone\n\n" + THREE.partition("\n")[2], 2, 1),
        (THREE + "\n" + "one cell\n" * 21, 2, 21),
    ],
)
def test_what_is_no_footer_is_read(bench, csv, good, bad):
    report = bench.usage(csv).reports[0]
    assert (report.good, report.quarantined + report.identical) == (good, bad)
    assert not [what for what, _ in report.notes if "footer" in what]


def test_a_cell_with_line_breaks_at_the_end_is_no_footer(bench):
    text = THREE + 'c,2024-05-03T00:00:00Z,"first\n\nlast"\n'
    found = bench.usage(text, "categories: [n]")
    assert ("c", "first\n\nlast") in rows(found.facts.sources["usage"], "account", "n")
