"""A form that could not be done: what somebody wrote on it is shown, and can be sent again.

The session ended, or another one began, since its page was opened; or the store is out of reach.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from npsight.web.page import Page

WRITTEN = {"note": "What happened", "notes": "Notes and plan", "why": "Why"}
"""Fields with words of people's own, and what they are called."""
SIGNED_IN = "You signed in again since you opened the form. Nothing of it was saved yet."
FIELD = "unsent"
"""The field in which the form of the sign-in page carries it along."""


@dataclass(frozen=True)
class Unsent:
    """Where a form was going, and its fields but for the token of its session."""

    path: str
    fields: Mapping[str, str]

    @property
    def texts(self) -> list[tuple[str, str]]:
        """What somebody wrote, each with what it is called."""
        return [(label, self.fields[n]) for n, label in WRITTEN.items() if self.fields.get(n)]

    def packed(self) -> str:
        """The same as text, for a hidden field."""
        return json.dumps([self.path, dict(self.fields)], ensure_ascii=False)


def unsent_of(page: Page) -> Unsent | None:
    """The posted form, if somebody wrote something on it; None for any other."""
    fields = {name: value for name, value in page.form.items() if name != "csrf"}
    found = Unsent(quote(page.request.url.path), fields)
    return found if found.texts else None


def carried(page: Page) -> Unsent | None:
    """The form that the sign-in page carried along; None for none that can be read."""
    try:
        path, fields = json.loads(page.form.get(FIELD, ""))
        found = Unsent(path, {str(name): str(value) for name, value in fields.items()})
        ours = path.startswith("/") and not path.startswith("//") and path == quote(path, safe="/%")
        return found if ours and found.texts else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def unsent_page(page: Page, unsent: Unsent, status: int, why: str = SIGNED_IN) -> Response:
    """What was written, and a button that sends it in the session of now."""
    return page.html("unsent.html", status, unsent=unsent, why=why)
