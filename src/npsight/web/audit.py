"""Who did what and when, for administrators."""

from __future__ import annotations

from starlette.responses import Response

from npsight.store.auditlog import AuditEntry, entries
from npsight.web.page import Page, PageRoute

ROWS = 50


def audit_page(page: Page) -> Response:
    """Entries, newest first, of everything or of one subject such as `account A-1001`."""
    subject = page.query.get("subject", "").strip()[:300]
    before = _number(page.query.get("before", ""))
    found = entries(
        page.store, page.project.name, subject=subject or None, before=before, limit=ROWS + 1
    )
    shown = found[:ROWS]
    older = shown[-1].seq if len(found) > ROWS else None
    rows = [(entry, _details(entry)) for entry in shown]
    return page.html("audit.html", rows=rows, subject=subject, before=before, older=older)


def _details(entry: AuditEntry) -> list[tuple[str, str]]:
    """What changed, as words: `role: viewer`, or `state: to contact → contacted`."""
    return [(name.replace("_", " "), _words(value)) for name, value in entry.detail.items()]


def _words(value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " → ".join(_words(item) for item in value)
    return str(value)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 16 else None


ROUTES = (PageRoute("GET", "/audit", audit_page, role="admin"),)
