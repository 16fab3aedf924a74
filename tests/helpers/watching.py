"""What a page does in a browser behind the scenes, and should not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PATIENCE_MILLISECONDS = 60_000
"""Of a step; a machine that tests share may be slow."""
PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1360, "height": 860}
FITS = "() => document.scrollingElement.scrollWidth <= innerWidth"


@dataclass
class Watch:
    """What pages of one context did behind the scenes, page by page.

    `faults` are console errors (a breach of the content security policy is one), uncaught
    exceptions, failed requests and answers of 400 and above; `strangers` requests to another host;
    `dialogs` what alert and its like said.
    """

    host: str
    faults: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def look_at(self, page: Any) -> None:
        """Watch a page from now on."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("requestfailed", self._failed)
        page.on("request", self._asked)
        page.on("dialog", self._opened)

    def _said(self, message: Any) -> None:
        # Of an answer of 400 and above the console only repeats the status.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _failed(self, request: Any) -> None:
        # A request that another page took over from, or that became a download, did not fail.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _asked(self, request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.netloc != self.host:
            self.strangers.append(request.url)

    def _opened(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


@contextmanager
def watched(browser: Any, address: str, **settings: Any) -> Iterator[tuple[Any, Watch]]:
    """A page in a profile of its own, and its watch; asserts nothing."""
    given = {"viewport": WIDE, "color_scheme": "light", "locale": "en-US", **settings}
    context = browser.new_context(base_url=address, **given)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    page = context.new_page()
    watch = Watch(urlsplit(address).netloc)
    watch.look_at(page)
    try:
        yield page, watch
    finally:
        context.close()


def enter(page: Any, login: str, password: str) -> None:
    """Sign in by the form; the worklist is open then."""
    page.goto("/sign-in")
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/worklist*")
