"""The worklist as a table for programs and spreadsheets, sent while it is read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from npsight.jobs.files import cell
from npsight.service.zipped import packed_parts, takes_gzip
from npsight.store import ScoreRun
from npsight.store.worklistquery import Wanted
from npsight.store.worklistread import Listed
from npsight.web.page import Page
from npsight.web.rendering import zone_of
from npsight.web.worklisttable import COLUMNS, some_rows

MARK = "\ufeff"
"""Without it Excel takes UTF-8 for something else."""


def as_csv(page: Page, run: ScoreRun, wanted: Wanted | Iterable[Listed]) -> Response:
    """A file of all wanted rows: UTF-8, numbers as numbers, days such as `2026-03-29`.

    Instants are told by their day in the user's zone. A text that a spreadsheet would run as a
    formula gets a leading apostrophe.
    """
    zone = zone_of(page.user.time_zone)
    name = f"worklist-{run.as_of.astimezone(zone):%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept-Encoding"}
    lines = _lines(some_rows(page.store, run, wanted, zone))
    is_packed = takes_gzip(page.request.headers.get("accept-encoding", ""))
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    content = packed_parts(lines) if is_packed else lines
    return StreamingResponse(content, media_type="text/csv; charset=utf-8", headers=headers)


def _lines(chunks: Iterable[list[list[Any]]]) -> Iterator[str]:
    yield MARK + _text([COLUMNS])
    for rows in chunks:
        yield _text([cell(value, True) for value in row] for row in rows)


def _text(rows: Iterable[Iterable[Any]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()
