"""A workbook: what another program reads from it, and what a spreadsheet is told."""

from __future__ import annotations

import io
import re
from datetime import date
from zipfile import ZipFile

import pytest
from python_calamine import CalamineWorkbook

from npsight.web.workbook import LONGEST_TEXT, PART_BYTES, Column, workbook

COLUMNS = (
    Column("Name", width=30),
    Column("Risk", "share"),
    Column("Revenue", "amount"),
    Column("Renewal", "day"),
)
NAN = float("nan")


def made(*rows, sheet="Worklist") -> bytes:
    return b"".join(workbook(sheet, COLUMNS, rows, frozen=1))


def read_back(content: bytes, sheet="Worklist"):
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(sheet).to_python()


def part(content: bytes, name: str) -> str:
    return ZipFile(io.BytesIO(content)).read(name).decode()


def test_values_are_read_back_in_their_types():
    rows = [
        ("Müller & Söhne", 0.25, 1234.5, date(2026, 3, 29)),
        ("株式会社", 1, 0, date(1900, 3, 1)),
    ]
    assert read_back(made(*rows)) == [
        ["Name", "Risk", "Revenue", "Renewal"],
        ["Müller & Söhne", 0.25, 1234.5, date(2026, 3, 29)],
        ["株式会社", 1.0, 0.0, date(1900, 3, 1)],
    ]


def test_what_is_missing_or_no_number_is_an_empty_cell():
    content = made((None, None, NAN, None), ("", float("inf"), 1.0, None))
    assert read_back(content)[1:] == [["", "", "", ""], ["", "", 1.0, ""]]


@pytest.mark.parametrize("text", ["=SUM(A1:A9)", "+1", "-1", "@x"])
def test_a_text_stays_one_when_its_cell_is_edited(text):
    content = made((text, 0, 0, None))
    assert read_back(content)[1][0] == text
    sheet = part(content, "xl/worksheets/sheet1.xml")
    assert "<f>" not in sheet
    styles = re.findall(r"<xf [^>]*/>", part(content, "xl/styles.xml").partition("<cellXfs")[2])
    (guarded,) = (place for place, style in enumerate(styles) if 'quotePrefix="1"' in style)
    assert f'<c r="A2" s="{guarded}" t="inlineStr">' in sheet


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<b>&\"'", "<b>&\"'"),
        (" spaces  kept ", " spaces  kept "),
        ("a\x00b\x0bc\ud800", "a b c "),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("_x0041_", "_x0041_"),
        ("x" * 40_000, "x" * LONGEST_TEXT),
    ],
)
def test_texts_come_back_as_they_were(text, read):
    assert read_back(made((text, 0, 0, None)))[1][0] == read


def test_the_heading_stays_in_sight_and_filters_reach_to_the_last_row():
    content = made(("a", 0, 0, None), ("b", 0, 0, None), sheet='R & D"s')
    sheet = part(content, "xl/worksheets/sheet1.xml")
    assert 'xSplit="1" ySplit="1" topLeftCell="B2"' in sheet
    assert '<autoFilter ref="A1:D3"/>' in sheet
    width = re.search('<col min="1" max="1" width="([0-9.]+)"', sheet)
    assert width is not None
    assert float(width[1]) == pytest.approx(30, abs=1)
    assert "'!$A$1:$D$3" in part(content, "xl/workbook.xml")
    assert read_back(content, 'R & D"s')[1][0] == "a"


def test_it_is_sent_in_parts():
    rows = ((f"{number * 7919:x}" * 9, number, number, None) for number in range(5_000))
    first, *others = workbook("Worklist", COLUMNS, rows, frozen=1)
    assert len(first) == PART_BYTES
    assert len(read_back(b"".join([first, *others]))) == 5_001


def test_without_rows_there_is_the_heading():
    assert read_back(made()) == [["Name", "Risk", "Revenue", "Renewal"]]
