"""Sheets of workbooks are read as CSV files with the same cells are."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from npsight.errors import DataError
from npsight.jobs.proposal.propose import propose

from .conftest import Workbench, reasons, rows

HEADER = ("account", "day", "n")
TWO_DAYS = [
    HEADER,
    (17, datetime(2024, 3, 31, 12, 30, 15), 1),
    ("b", "2024-05-02T00:00:00Z", 0.1),
]


def workbook(file: Path, **sheets: list[tuple[Any, ...]]) -> None:
    """A file of Excel with these rows, as Excel itself would type the cells."""
    book = xlsxwriter.Workbook(str(file), {"default_date_format": "dd.mm.yyyy hh:mm:ss"})
    for name, lines in sheets.items():
        sheet = book.add_worksheet(name)
        for place, line in enumerate(lines):
            for column, cell in enumerate(line):
                if cell is not None:
                    sheet.write(place, column, cell)
    book.close()


def read(bench: Workbench, source: str, head: str = "timezone: Europe/Berlin") -> list[Any]:
    text = f"activity:\n  usage: {{{source}, account: account, time: day, measures: [n]}}"
    return rows(
        bench.prepare(text, head=head).facts.sources["usage"], "account", "occurred_at", "n"
    )


EXPECTED = [
    ("17", datetime(2024, 3, 31, 10, 30, 15), Decimal(1)),
    ("b", datetime(2024, 5, 2), Decimal("0.1")),
]


def test_cells_are_what_they_show(bench):
    """A whole number is no 17.0, a date's clock is that of the zone, a tenth is exact."""
    workbook(bench.folder / "u.xlsx", Usage=TWO_DAYS)
    assert read(bench, "path: u.xlsx") == EXPECTED


def test_blank_rows_lines_before_the_header_and_other_sheets_are_left_out(bench):
    lines = [
        ("Export of 2024",),
        ("for", "internal", "use"),
        *TWO_DAYS[:2],
        (),
        TWO_DAYS[2],
        (" ",),
    ]
    workbook(bench.folder / "u.xlsx", Notes=[("read", "me")], Usage=lines, Empty=[])
    assert read(bench, "path: u.xlsx, table: Usage, skip_rows: 2") == EXPECTED


def test_dates_need_no_pattern_where_texts_have_one(bench):
    lines = [HEADER, ("a", date(2024, 5, 1), 1), ("b", "02/05/2024", 2)]
    workbook(bench.folder / "u.xlsx", Usage=lines)
    found = read(bench, "path: u.xlsx, time_format: '%d/%m/%Y'", "timezone: UTC")
    assert [row[1] for row in found] == [datetime(2024, 5, 1), datetime(2024, 5, 2)]


def test_without_a_zone_dates_of_cells_are_refused(bench):
    workbook(bench.folder / "u.xlsx", Usage=[HEADER, ("a", datetime(2024, 5, 1), 1)])
    with pytest.raises(DataError, match="have no time zone"):
        read(bench, "path: u.xlsx", "")


def test_several_files_and_yes_or_no(bench):
    lines = [("account", "day", "id", "gone"), ("a", "2024-05-01T00:00:00Z", 1, True)]
    workbook(bench.folder / "u1.xlsx", Usage=[*lines, ("a", "2024-05-03T00:00:00Z", 2, False)])
    workbook(bench.folder / "u2.xlsx", Usage=lines)
    source = "path: 'u*.xlsx', account: account, time: day, known_at: day, id: id, retracted: gone"
    found = bench.prepare(f"activity:\n  usage: {{{source}}}").facts.sources["usage"]
    assert rows(found, "account", "occurred_at") == [("a", datetime(2024, 5, 3))]


def test_a_bad_cell_is_quarantined_with_its_value(bench):
    lines = [
        HEADER,
        *(("a", datetime(2024, 5, day), day) for day in range(1, 20)),
        ("a", "soon", 2),
    ]
    workbook(bench.folder / "u.xlsx", Usage=lines)
    source = "path: u.xlsx, timezone: UTC, account: account, time: day, measures: [n]"
    found = bench.prepare(f"activity:\n  usage: {{{source}}}", head="quarantine: {max_share: 0.5}")
    assert reasons(found) == {"time in column day is not a time": 1}
    assert len(rows(found.facts.sources["usage"], "occurred_at")) == 19


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("path: u.xlsx", r"several sheets, and none is named[^→]*→ add `table:` with one of: A, B"),
        ("path: u.xlsx, table: C", r"has no sheet `C`[^→]*→ use one of: A, B"),
        ("path: text.xlsx", r"cannot be read as a workbook[^→]*→ check `format`"),
        ("path: empty.xlsx", r"holds no rows"),
        ("path: twice.xlsx", r"the header names it more than once: write `account \(1\)` or"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_way_out(bench, source, said):
    workbook(bench.folder / "u.xlsx", A=TWO_DAYS, B=TWO_DAYS)
    workbook(bench.folder / "empty.xlsx", A=[])
    workbook(bench.folder / "twice.xlsx", A=[("account", "Account")])
    (bench.folder / "text.xlsx").write_text("account,day\n")
    with pytest.raises(DataError, match=said):
        read(bench, source)


def test_every_sheet_is_a_table_to_init(tmp_path):
    answers = [("Customer", "Answered", "NPS")]
    answers += [(1000 + k % 5, datetime(2024, 1, 1 + k), k % 11) for k in range(20)]
    customers = [("Customer", "Name", "Created")]
    customers += [(1000 + k, f"Firm {k}", date(2023, 1, 1)) for k in range(5)]
    answers = [("Answers of the second half",), (), *answers]
    workbook(tmp_path / "all.xlsx", Kunden=customers, Umfrage=answers, Leer=[])
    text = propose(tmp_path / "all.xlsx", tmp_path)
    assert "path: all.xlsx\n    table: Umfrage\n    skip_rows: 2\n    account: Customer\n" in text
    assert "accounts:\n    path: all.xlsx\n    table: Kunden\n    key: Customer\n" in text
    assert "Leer" not in text
