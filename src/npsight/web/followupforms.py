"""What a posted form says about a follow-up."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from npsight.service.followuprules import driver_changes, text_of
from npsight.store import ScoreRow
from npsight.web.page import Page, PageError
from npsight.worklist.followups import FollowUpError

ETAG = re.compile(r'"([0-9a-f]{1,64})\.(\d{1,9})"')
TEXTS = ("owner", "reason", "driver", "notes")


@dataclass(frozen=True)
class Wanted:
    """What somebody asked for.

    `changes` are fields of a follow-up to their new values: those that the form had.
    """

    action: str
    note: str | None
    contacted_at: datetime | None
    changes: dict[str, Any] = field(default_factory=dict)


def read_form(page: Page, row: ScoreRow | None, zone: ZoneInfo) -> Wanted:
    """The fields of the form; raises FollowUpError for a day or a time that cannot be read."""
    form, faults = page.form, []
    changes: dict[str, Any] = {name: text_of(form[name]) for name in TEXTS if name in form}
    if "driver" in changes:
        try:
            changes |= driver_changes(changes["driver"], row)
        except KeyError:
            faults.append("The account has no such driver.")
    if form.get("due_on"):
        try:
            changes["due_on"] = date.fromisoformat(form["due_on"])
        except ValueError:
            faults.append("The due day cannot be read: write it as 2026-03-31.")
    at = None
    if form.get("contacted_at"):
        try:
            at = local_instant(form["contacted_at"], zone)
        except ValueError:
            faults.append("The time of the contact cannot be read: write it as 2026-03-31T14:05.")
    if faults:
        raise FollowUpError(faults)
    return Wanted(form.get("action", ""), text_of(form.get("note", "")), at, changes)


def local_instant(text: str, zone: ZoneInfo) -> datetime:
    """The instant of a wall clock's time in the zone.

    A time that the clock skips is read with the offset from before it; of one that it shows
    twice the first is meant. Raises ValueError where it is no such time.
    """
    read = datetime.fromisoformat(text)
    if read.tzinfo is not None:
        raise ValueError("a wall clock has no offset")
    return read.replace(tzinfo=zone).astimezone(UTC)


def etag(identity: str, version: int) -> str:
    """What names a version of a follow-up in HTTP."""
    return f'"{identity}.{version}"'


def seen_version(page: Page, identity: str) -> int:
    """The version that the form, or `If-Match`, says it changes; -1 for one of something else.

    Raises
    ------
    PageError
        428: neither says one.
    """
    header = page.request.headers.get("if-match")
    if header is not None:
        found = ETAG.fullmatch(header.strip())
        return int(found[2]) if found is not None and found[1] == identity else -1
    text = page.form.get("version", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise PageError(
            428, "The form does not say which version it changes.", "Open the page again."
        )
    return int(text)
