"""A workbook of one sheet (.xlsx), made while its rows are read.

Office Open XML (ECMA-376), of which a sheet needs little. Days and numbers are typed, so that they
sort and add up whatever language the spreadsheet speaks; a CSV file leaves it to guess which sign
parts columns and which decimals. Texts are texts, never formulas.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from npsight.jobs.export import FORMULA_STARTS

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_TEXT = 32_767
DAY_0 = date(1899, 12, 30)
"""Days of a spreadsheet count from it, since March 1900."""
Kind = Literal["text", "whole", "amount", "share", "day"]
FORMATS: dict[Kind, int] = {"text": 0, "whole": 1, "amount": 3, "share": 9, "day": 14}
"""Kind of a column -> number of a format that every spreadsheet has: `1`, `1,234`, `5%`, a day."""
STYLES = tuple(FORMATS)
HEADING, GUARDED = len(STYLES), len(STYLES) + 1
"""Styles of headings, and of texts that would be a formula once somebody edits the cell."""

_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_LIKE_A_CODE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


@dataclass(frozen=True)
class Column:
    """Its heading, what its cells hold, and its least width in characters."""

    heading: str
    kind: Kind = "text"
    width: int = 14


def workbook(
    sheet: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]], frozen: int
) -> Iterator[bytes]:
    """The file, part by part; the heading and the first `frozen` columns stay in sight.

    Each row has a value a column. None, NaN and infinities are empty cells.
    """
    sent = _Sent()
    with ZipFile(sent, "w", ZIP_DEFLATED) as packed:
        count = 1
        with packed.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write(_head(columns, frozen).encode())
            for row in rows:
                count += 1
                part.write(_row(row, columns).encode())
                yield from sent.taken()
            area = f"$A$1:${_letters(len(columns))}${count}"
            part.write(_foot(area).encode())
        for name, text in _others(sheet, area).items():
            packed.writestr(name, _XML + text)
    yield from sent.taken()


class _Sent(io.RawIOBase):
    """A file that never goes back: what is written waits to be taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> Iterator[bytes]:
        """What was written since the last time, where anything was."""
        if self._parts:
            yield b"".join(self._parts)
            self._parts.clear()


def _head(columns: Sequence[Column], frozen: int) -> str:
    widths = "".join(
        f'<col min="{place}" max="{place}" width="{_width(column)}" customWidth="1"/>'
        for place, column in enumerate(columns, 1)
    )
    headings = "".join(_text(column.heading, HEADING) for column in columns)
    return (
        f'{_XML}<worksheet {_MAIN}><sheetViews><sheetView tabSelected="1" workbookViewId="0">'
        f'<pane xSplit="{frozen}" ySplit="1" topLeftCell="{_letters(frozen + 1)}2"'
        ' activePane="bottomRight" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{widths}</cols><sheetData><row>{headings}</row>"
    )


def _width(column: Column) -> int:
    """At least the heading's, with the button of its filter."""
    return max(column.width, len(column.heading) + 4)


def _row(values: Sequence[Any], columns: Sequence[Column]) -> str:
    cells = (_cell(value, column.kind) for value, column in zip(values, columns, strict=True))
    return f"<row>{''.join(cells)}</row>"


def _foot(area: str) -> str:
    return (
        f'</sheetData><autoFilter ref="{area.replace("$", "")}"/>'
        '<pageSetup orientation="landscape"/></worksheet>'
    )


def _cell(value: Any, kind: Kind) -> str:
    style = STYLES.index(kind)
    if isinstance(value, date):
        return f'<c s="{style}"><v>{(value - DAY_0).days}</v></c>'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'<c s="{style}"><v>{value!r}</v></c>' if math.isfinite(value) else "<c/>"
    if value is None or value == "":
        return "<c/>"
    return _text(str(value), GUARDED if str(value).startswith(FORMULA_STARTS) else style)


def _text(value: str, style: int) -> str:
    """What XML cannot hold becomes a space; what reads like a code of the format is kept as is."""
    plain = _LIKE_A_CODE.sub("_x005F_", _UNFIT.sub(" ", value[:LONGEST_TEXT]))
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(plain)}</t></is></c>'


def _letters(place: int) -> str:
    """The name of a column: A for 1, AA for 27."""
    letters = ""
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _others(sheet: str, area: str) -> dict[str, str]:
    """The parts around the sheet, by their names."""
    title = escape(sheet, {'"': "&quot;"})
    return {
        "xl/workbook.xml": (
            f'<workbook {_MAIN} xmlns:r="{_LINKS}"><sheets><sheet name="{title}" sheetId="1"'
            ' r:id="rId1"/></sheets><definedNames><definedName name="_xlnm._FilterDatabase"'
            f' localSheetId="0" hidden="1">\'{title}\'!{area}</definedName>'
            f'<definedName name="_xlnm.Print_Titles" localSheetId="0">\'{title}\'!$1:$1'
            "</definedName></definedNames></workbook>"
        ),
        "xl/styles.xml": _styles(),
        "xl/_rels/workbook.xml.rels": _relations(
            ("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml")
        ),
        "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_OFFICE}.sheet.main+xml"/>'
            '<Override PartName="/xl/worksheets/sheet1.xml"'
            f' ContentType="{_OFFICE}.worksheet+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_OFFICE}.styles+xml"/></Types>'
        ),
    }


def _relations(*targets: tuple[str, str]) -> str:
    links = "".join(
        f'<Relationship Id="rId{place}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def _styles() -> str:
    """One style a kind, then headings, then guarded texts."""
    base = 'fillId="0" borderId="0" xfId="0"'
    made = [f'<xf numFmtId="{FORMATS[kind]}" fontId="0" applyNumberFormat="1" {base}/>'
            for kind in STYLES]  # fmt: skip
    made += [
        f'<xf numFmtId="0" fontId="1" applyFont="1" {base}/>',
        f'<xf numFmtId="0" fontId="0" quotePrefix="1" {base}/>',
    ]
    font = '<sz val="11"/><name val="Calibri"/>'
    return (
        f'<styleSheet {_MAIN}><fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>'
        f'</cellStyleXfs><cellXfs count="{len(made)}">{"".join(made)}</cellXfs><cellStyles'
        ' count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
