"""Sheets of one workbook that are parts of one table."""

from __future__ import annotations

from datetime import datetime

import pytest
import yaml

from npsight.errors import DataError
from npsight.jobs.proposal.propose import propose
from npsight.tables.sheetnames import fitting, patterns_of

from .test_workbooks import HEADER, Workbench, read, reasons, rows, workbook

MONTHS = {
    name: [HEADER, *((f"a{n}", f"2025-0{month}-03", n) for n in range(4))]
    for month, name in enumerate(("Jan 2025", "2025-02", "März 2025"), 1)
}
NOTES = {"Notes": [("what", "who"), ("monthly", "Ada"), ("export", "Bo")]}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["Jan 2025", "Feb 2025", "Q1 2025", "Notes"], {"*": ["Jan 2025", "Feb 2025", "Q1 2025"]}),
        (["Usage Q1 2025", "Usage Q2 2025", "Usage Q1 2026"], {"Usage *": None}),
        (["Januar", "Februar", "Dez."], {"*": None}),
        (["Sheet1", "Sheet2", "KW 7", "KW 12"], {"Sheet*": ["Sheet1", "Sheet2"], "KW *": None}),
        (["2024 logins", "2025 logins"], {"* logins": None}),
        (["Usage", "Users"], {}),
        (["Market", "Decisions", "Jan"], {}),
    ],
)
def test_patterns_of_sheets(names, found):
    rest = [n for n in names if n not in [x for v in found.values() if v for x in v]]
    wanted = {pattern: group or rest for pattern, group in found.items()}
    assert dict(patterns_of(names)) == wanted
    for pattern, group in wanted.items():
        assert fitting(names, pattern) == group


def test_sheets_of_months_are_one_table(bench):
    workbook(bench.folder / "u.xlsx", **NOTES, **MONTHS)
    found = read(bench, "path: u.xlsx, table: '*'", "timezone: UTC")
    assert len(found) == 12
    assert {at for _, at, _ in found} == {datetime(2025, m, 3) for m in (1, 2, 3)}


def test_a_sheet_that_calls_its_time_otherwise_is_named(bench: Workbench):
    """Else its rows would be passed over, as if what they tell had not happened yet."""
    other = [("account", "date", "n"), ("a", "2025-04-03", 1)]
    workbook(bench.folder / "u.xlsx", **MONTHS, **{"Apr 2025": other})
    wrong = r"(?s)usage.time: column `day` \(time\) is in some .*not in .*u.xlsx, sheet `Apr 2025`"
    with pytest.raises(DataError, match=wrong):
        read(bench, "path: u.xlsx, table: '*'", "timezone: UTC")


def test_a_measure_that_came_later_is_missing_before(bench: Workbench):
    first = [("account", "day"), ("a", "2024-12-03")]
    workbook(bench.folder / "u.xlsx", **MONTHS, **{"Dez 2024": first})
    found = read(bench, "path: u.xlsx, table: '*'", "timezone: UTC")
    assert ("a", datetime(2024, 12, 3), None) in found


def test_files_are_held_to_the_same_header(bench: Workbench):
    bench.write("u_1.csv", "account,day,n\na,2024-05-01,1\n")
    bench.write("u_2.csv", "account,date,n\na,2024-06-01,1\n")
    with pytest.raises(DataError, match=r"(?s)`day` \(time\) is in some .*not in .*u_2.csv"):
        read(bench, "path: 'u_*.csv'", "timezone: UTC")


def test_a_bad_header_of_one_sheet_is_told_by_its_name(bench: Workbench):
    twice = [("account", "day", "day"), ("a", "2025-04-03", 1)]
    workbook(bench.folder / "u.xlsx", **MONTHS, **{"Apr 2025": twice})
    with pytest.raises(DataError, match="u.xlsx, sheet `Apr 2025`"):
        read(bench, "path: u.xlsx, table: '*'", "timezone: UTC")


def test_a_pattern_that_fits_no_sheet_lists_them(bench: Workbench):
    workbook(bench.folder / "u.xlsx", **NOTES, **MONTHS)
    with pytest.raises(DataError, match="no sheet fits `Usage .*\n.*use one of: Notes, Jan 2025"):
        read(bench, "path: u.xlsx, table: 'Usage *'", "timezone: UTC")
    with pytest.raises(DataError, match=r"several sheets.*\n.*or `table: '\*'` for 3 sheets"):
        read(bench, "path: u.xlsx", "timezone: UTC")


def test_rows_are_counted_through_all_sheets(bench: Workbench):
    bad = [HEADER, ("b", "never", 1)]
    workbook(bench.folder / "u.xlsx", **MONTHS, **{"Apr 2025": bad})
    text = "activity:\n  usage: {path: u.xlsx, table: '*', account: account, time: day}"
    found = bench.prepare(text, head="timezone: UTC\nquarantine: {max_share: 1.0}")
    assert reasons(found) == {"time in column day is not a time": 1}
    assert found.reports[0].faults[0].row == 13
    assert len(rows(found.facts.sources["usage"], "account")) == 12


def test_init_takes_sheets_and_workbooks_of_months_for_one_table(bench: Workbench):
    place = bench.folder / "tables"
    place.mkdir()
    workbook(place / "usage.xlsx", **NOTES, **MONTHS)
    for month, lines in enumerate(MONTHS.values()):
        workbook(place / f"tickets_{month}.xlsx", Export=lines)
    text = propose(place, place.parent)
    activity = yaml.safe_load(text)["tables"]["activity"]
    assert (activity["usage"]["path"], activity["usage"]["table"]) == ("tables/usage.xlsx", "*")
    assert activity["tickets"]["path"] == "tables/tickets_*.xlsx"
    assert set(activity) == {"usage", "tickets"}


def test_init_keeps_sheets_of_other_columns_apart(bench: Workbench):
    place = bench.folder / "tables"
    place.mkdir()
    other = [("account", "date", "m"), *((f"a{n}", f"2025-04-0{n + 1}", n) for n in range(4))]
    workbook(place / "usage.xlsx", **{"Sheet1": MONTHS["Jan 2025"], "Sheet2": other})
    activity = yaml.safe_load(propose(place, place.parent))["tables"]["activity"]
    assert [table["table"] for table in activity.values()] == ["Sheet1", "Sheet2"]
