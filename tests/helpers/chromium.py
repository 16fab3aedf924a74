"""Chromium without a screen, and what a page does in it that it should not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MILLISECONDS = 60_000
"""Of a step; a machine that tests share may be slow."""


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser; the tests are skipped where there is none."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("Chromium is missing; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


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

    def look_at(self, page: Page) -> None:
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


def watched(context: Any, address: str) -> tuple[Page, Watch]:
    """A page of a context, and its watch."""
    page = context.new_page()
    watch = Watch(urlsplit(address).netloc)
    watch.look_at(page)
    return page, watch


def sign_in(page: Page, login: str, password: str) -> None:
    """Sign in on the page, by its form."""
    page.goto("/sign-in")
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/worklist*")
