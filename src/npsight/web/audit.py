"""Who did what and when, for administrators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.responses import Response

from npsight.errors import NotFoundError
from npsight.store.auditlog import AuditEntry, entries
from npsight.store.users import users_of
from npsight.web.page import Page, PageRoute
from npsight.web.rendering import moment, zone_of

ROWS = 50
IDENTITY = re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{64})\b")
"""What npsight made up itself, such as the key of a scoring run: its beginning is shown."""
SHOWN = 8


@dataclass(frozen=True)
class Detail:
    """What changed, as words: `role: viewer`; `address` is the page of what it names, if any."""

    name: str
    words: str
    address: str = ""


@dataclass(frozen=True)
class Line:
    """An entry as the page shows it: what it was done to by its name, and its key beside that."""

    entry: AuditEntry
    subject: str
    key: str
    details: tuple[Detail, ...]


def audit_page(page: Page) -> Response:
    """Entries, newest first, of everything or of one subject such as `account A-1001`."""
    subject = page.query.get("subject", "").strip()[:300]
    before = _number(page.query.get("before", ""))
    found = entries(
        page.store, page.project.name, subject=subject or None, before=before, limit=ROWS + 1
    )
    shown = found[:ROWS]
    older = shown[-1].seq if len(found) > ROWS else None
    names = _names(page, shown)
    zone = zone_of(page.user.time_zone)
    rows = [_line(entry, names, zone) for entry in shown]
    return page.html("audit.html", rows=rows, subject=subject, before=before, older=older)


def _names(page: Page, shown: Sequence[AuditEntry]) -> dict[str, str]:
    """What subjects are called, where that is known and not their key."""
    names = {f"user {user.login}": user.name for user in users_of(page.store, page.project.name)}
    for entry in shown:
        if entry.subject.startswith("view ") and entry.detail.get("name"):
            names[entry.subject] = str(entry.detail["name"])
    kinds = (entry.subject.partition(" ") for entry in shown)
    keys = sorted({key for kind, _, key in kinds if kind == "account"})
    try:
        run = page.store.latest_run(page.project.name)
    except NotFoundError:
        return names
    scored = page.store.scores_of(run.id, keys) if keys else {}
    return names | {f"account {key}": row.name for key, row in scored.items() if row.name}


def _line(entry: AuditEntry, names: dict[str, str], zone: ZoneInfo) -> Line:
    kind, _, key = entry.subject.partition(" ")
    name = names.get(entry.subject)
    subject = f"{kind} {name}" if name and name != key else _short(entry.subject)
    shown_key = key if name and name != key and not IDENTITY.fullmatch(key) else ""
    details = tuple(
        Detail(label.replace("_", " "), _words(value, zone), _address(label, value))
        for label, value in entry.detail.items()
    )
    return Line(entry, subject, shown_key, details)


def _address(label: str, value: Any) -> str:
    return f"/follow-ups/{quote(str(value), safe='')}" if label == "follow_up" and value else ""


def _words(value: object, zone: ZoneInfo) -> str:
    """A value as words: `viewer`, `to contact → contacted`, instants in the zone."""
    if value is None or value == "":
        return "none"
    if isinstance(value, dict):
        told = ((key.replace("_", " "), _words(item, zone)) for key, item in value.items())
        return ", ".join(f"{key} {words}" for key, words in told)
    if isinstance(value, list):
        return " → ".join(_words(item, zone) for item in value)
    return _instant(str(value), zone) or _short(str(value))


def _instant(text: str, zone: ZoneInfo) -> str:
    """An instant of ISO 8601 with its offset as day and time; empty for any other text."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return moment(at, zone) if at.tzinfo is not None else ""


def _short(text: str) -> str:
    return IDENTITY.sub(lambda found: f"{found[0][:SHOWN]}…", text)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 16 else None


ROUTES = (PageRoute("GET", "/audit", audit_page, role="admin"),)
