"""The worklist as a workbook: what Excel opens by a double click, in every language."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from starlette.responses import Response, StreamingResponse

from npsight.store import ScoreRun
from npsight.store.worklistquery import Wanted
from npsight.store.worklistread import Listed
from npsight.web.page import Page, PageError
from npsight.web.rendering import zone_of
from npsight.web.workbook import MEDIA_TYPE, Column, workbook
from npsight.web.worklisttable import COLUMNS, some_rows

MOST = 100_000
"""Accounts of a run from which on spreadsheets are slow, and the file would be large."""
FROZEN = 3
"""Rank, account and name stay in sight."""
HEADINGS = {
    "rank": Column("Rank", "whole", 8),
    "account": Column("Account", width=12),
    "name": Column("Name", width=30),
    "owner": Column("Owner", width=20),
    "segment": Column("Segment"),
    "band_now": Column("Band now"),
    "expected_band": Column("Band expected next"),
    "detractor_risk": Column("Detractor risk", "share"),
    "risk_low_80": Column("Risk from (80 %)", "share"),
    "risk_high_80": Column("Risk to (80 %)", "share"),
    "risk_level": Column("Risk level"),
    "predicted_nps": Column("Expected NPS", "whole"),
    "nps_low_80": Column("NPS from (80 %)", "whole"),
    "nps_high_80": Column("NPS to (80 %)", "whole"),
    "churn_risk": Column("Risk to leave", "share"),
    "revenue": Column("Revenue a year", "amount"),
    "renewal_at": Column("Renewal", "day", 12),
    "driver": Column("Main driver", width=20),
    "second_driver": Column("Second driver", width=20),
    "driver_sentence": Column("Main driver in words", width=60),
    "second_driver_sentence": Column("Second driver in words", width=60),
    "last_contact_at": Column("Last contact", "day", 12),
    "follow_up": Column("Follow-up"),
    "due_on": Column("Due", "day", 12),
    "steps_back": Column("Steps back"),
    "steps_back_until": Column("Steps back until", "day"),
    "priority": Column("Priority", "amount"),
    "priority_reason": Column("Priority in words", width=60),
}


def as_workbook(page: Page, run: ScoreRun, wanted: Wanted | Iterable[Listed]) -> Response:
    """A file of all wanted rows, with filters; days are those of the user's zone.

    Raises
    ------
    PageError
        422: the run has more accounts than a workbook is for.
    """
    if run.account_count > MOST:
        said = f"A workbook is for at most {MOST:,} accounts; there are {run.account_count:,}."
        raise PageError(422, said, "Download the CSV file: it has no end.")
    zone = zone_of(page.user.time_zone)
    name = f"worklist-{run.as_of.astimezone(zone):%Y-%m-%d}"
    rows = chain.from_iterable(some_rows(page.store, run, wanted, zone))
    content = workbook("Worklist", [HEADINGS[column] for column in COLUMNS], rows, FROZEN)
    headers = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
    return StreamingResponse(content, media_type=MEDIA_TYPE, headers=headers)
