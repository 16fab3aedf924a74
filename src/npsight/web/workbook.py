"""A workbook of one sheet (.xlsx), written by XlsxWriter.

Days and numbers are typed, so that they sort and add up whatever language the spreadsheet speaks;
a CSV file leaves it to guess which sign parts columns and which decimals. Texts are texts, never
formulas or links.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import xlsxwriter

from npsight.jobs.files import FORMULA_STARTS

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_TEXT = 32_767
PART_BYTES = 64 * 1024
Kind = Literal["text", "whole", "amount", "share", "day"]
FORMATS: dict[Kind, int] = {"text": 0, "whole": 1, "amount": 3, "share": 9, "day": 14}
"""Kind of a column -> number of a format that every spreadsheet has: `1`, `1,234`, `5%`, a day."""
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}


@dataclass(frozen=True)
class Column:
    """Its heading, what its cells hold, and its least width in characters."""

    heading: str
    kind: Kind = "text"
    width: int = 14


def workbook(
    sheet: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]], frozen: int
) -> Iterator[bytes]:
    """The file in parts; the heading and the first `frozen` columns stay in sight.

    Each row has a value a column. None, NaN and infinities are empty cells; what XML cannot hold
    of a text becomes a space, and a text longer than a cell holds is cut.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, _OPTIONS) as book:
        page = book.add_worksheet(sheet)
        bold = book.add_format({"bold": True})
        guarded = book.add_format({"quote_prefix": True})
        formats = [book.add_format({"num_format": FORMATS[column.kind]}) for column in columns]
        for place, column in enumerate(columns):
            # At least the heading's width, with the button of its filter.
            page.set_column(place, place, max(column.width, len(column.heading) + 4))
            page.write_string(0, place, column.heading, bold)
        last = 0
        for last, row in enumerate(rows, 1):
            for place, (value, shown) in enumerate(zip(row, formats, strict=True)):
                if isinstance(value, date):
                    page.write_datetime(last, place, value, shown)
                elif isinstance(value, (int, float)) and not isinstance(value, bool):
                    if math.isfinite(value):
                        page.write_number(last, place, value, shown)
                elif value is not None and value != "":
                    text = _UNFIT.sub(" ", str(value)[:LONGEST_TEXT])
                    # It would be a formula once somebody edits the cell.
                    as_is = guarded if text.startswith(FORMULA_STARTS) else shown
                    page.write_string(last, place, text, as_is)
        page.freeze_panes(1, frozen)
        page.autofilter(0, 0, last, len(columns) - 1)
        page.repeat_rows(0)
        page.set_landscape()
    file.seek(0)
    while part := file.read(PART_BYTES):
        yield part
