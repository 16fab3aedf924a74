"""The worklist as a table for a spreadsheet, sent while it is read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response, StreamingResponse

from npsight.jobs.files import cell
from npsight.service.zipped import packed_parts, takes_gzip
from npsight.store import ScoreRow, ScoreRun
from npsight.store.worklistquery import Wanted
from npsight.store.worklistread import Listed, every_row
from npsight.web.page import Page
from npsight.web.rendering import zone_of

AT_ONCE = 500
MARK = "\ufeff"
"""Without it Excel takes UTF-8 for something else."""
COLUMNS = (
    *("rank", "account", "name", "owner", "segment", "band_now", "expected_band"),
    *("detractor_risk", "risk_low_80", "risk_high_80", "risk_level"),
    *("predicted_nps", "nps_low_80", "nps_high_80", "churn_risk"),
    *("revenue", "renewal_at", "driver", "second_driver", "driver_sentence"),
    *("second_driver_sentence", "last_contact_at", "follow_up", "due_on"),
    *("steps_back", "steps_back_until", "priority", "priority_reason"),
)


def as_csv(page: Page, run: ScoreRun, wanted: Wanted | Iterable[Listed]) -> Response:
    """A file of all wanted rows: UTF-8, numbers as numbers, days such as `2026-03-29`.

    Instants are told by their day in the user's zone. A text that a spreadsheet would run as a
    formula gets a leading apostrophe.
    """
    rows: Iterable[Listed] = (
        wanted if not isinstance(wanted, Wanted) else every_row(page.store, run, wanted, AT_ONCE)
    )
    name = f"worklist-{run.as_of.astimezone(_zone(page)):%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept-Encoding"}
    lines = _lines(page, run, rows)
    is_packed = takes_gzip(page.request.headers.get("accept-encoding", ""))
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    content = packed_parts(lines) if is_packed else lines
    return StreamingResponse(content, media_type="text/csv; charset=utf-8", headers=headers)


def _lines(page: Page, run: ScoreRun, rows: Iterable[Listed]) -> Iterator[str]:
    yield MARK + _text([COLUMNS])
    zone = _zone(page)
    iterator = iter(rows)
    while some := list(islice(iterator, AT_ONCE)):
        scores = page.store.scores_of(run.id, [row.account for row in some])
        yield _text(_cells(r, scores[r.account], zone) for r in some if r.account in scores)


def _zone(page: Page) -> ZoneInfo:
    return zone_of(page.user.time_zone)


def _cells(row: Listed, score: ScoreRow, zone: ZoneInfo) -> list[Any]:
    notes = {str(n.get("driver")): n for n in score.drivers or score.churn_drivers}
    told = {
        "driver": _of(notes, row.driver, "label"),
        "second_driver": _of(notes, row.second_driver, "label"),
        "driver_sentence": _of(notes, row.driver, "sentence"),
        "second_driver_sentence": _of(notes, row.second_driver, "sentence"),
        "follow_up": row.state,
        # A renewal is a day already, written as its midnight.
        "renewal_at": None if row.renewal_at is None else row.renewal_at.date(),
        "last_contact_at": _day(row.last_contact_at, zone),
        "steps_back": row.stands_back_why if row.stands_back else None,
        "steps_back_until": _day(row.stands_back_until, zone),
    }
    shown = {name: getattr(row, name, getattr(score, name, None)) for name in COLUMNS}
    return [cell(value, True) for value in {**shown, **told}.values()]


def _day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return None if at is None else at.astimezone(zone).date()


def _of(notes: dict[str, Any], key: str | None, what: str) -> str | None:
    note = notes.get(key or "")
    return None if note is None else str(note.get(what, ""))


def _text(rows: Iterable[Iterable[Any]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()
