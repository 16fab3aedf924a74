"""A real browser before real pages: Chromium, and a tiny project served by uvicorn."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from npsight.config.load import load_project
from npsight.config.runtime import serving_environment
from npsight.service.entrance import command
from npsight.store import Store, open_project_store
from npsight.store.users import User, add_user
from npsight.web.entrance import FACTORY
from npsight.web.passwords import hashed

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PASSWORD = "correct horse battery"
START_SECONDS = 120.0
PHONE = {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Site:
    """Pages that are served, and the store behind them."""

    address: str
    config: Path
    store: Store
    project: str

    def add(self, login: str, role: str = "csm", owner: str | None = None, **more: Any) -> str:
        """A user with `PASSWORD`; returns the login."""
        user = User(f"id-{login}", login, login.title(), role, owner, **more)  # type: ignore[arg-type]
        add_user(self.store, self.project, user, hashed(PASSWORD), "a test")
        return login


def program_or_skip() -> str:
    """Where Chromium is; the test is skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    return program


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of Playwright's; the test is skipped where there is none."""
    program = program_or_skip()
    sync = pytest.importorskip("playwright.sync_api", reason="needs the dev extra")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def site(config: Path) -> Iterator[Site]:
    """The pages of a project, served in a process of their own until the block ends."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command("127.0.0.1", port, 1, FACTORY),
            env=serving_environment(config),
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=config.parent,
        )
        try:
            _wait(process, address, log)
            project = load_project(config)
            with closing(open_project_store(project)) as store:
                yield Site(address, config, store, project.name)
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def visitor(browser: Any, address: str, **options: Any) -> Iterator[Any]:
    """A page in a profile of its own, in light colours unless told; no error stays unseen.

    `javascript=False` switches scripts off, `phone=True` makes the window 390 px wide, and a
    console error that holds `expected` is no fault.
    """
    phone, script = options.pop("phone", False), options.pop("javascript", True)
    expected = options.pop("expected", None)
    context = browser.new_context(
        base_url=address,
        viewport=PHONE if phone else {"width": 1280, "height": 800},
        java_script_enabled=script,
        **{"color_scheme": "light", **options},
    )
    errors: list[str] = []
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if _is_fault(told) else None)
    try:
        yield page
    finally:
        context.close()
    assert [error for error in errors if expected is None or expected not in error] == []


def sign_in(page: Any, login: str, password: str = PASSWORD, after: str = "/settings") -> None:
    """As people do; then a page is open."""
    page.goto(f"/sign-in?next={after}")
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(after)


def assert_accessible(page: Any) -> None:
    """No serious fault is found by axe, and nothing is wider than the window."""
    # Its script is handed to the page by the browser, which the page's policy cannot refuse.
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    told = [
        f"{fault['id']} ({fault['impact']}): {node['target']} {node.get('failureSummary', '')}"
        for fault in found
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]
    assert told == [], "\n".join(told)
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0, f"{page.url} is {wider} px wider than the window"


def _is_fault(told: Any) -> bool:
    """Whether the console tells a fault of ours; a refused page is none."""
    return told.type == "error" and "the server responded with a status of 4" not in told.text


def _wait(process: subprocess.Popen[bytes], address: str, log: Any) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            # Without TLS: reading all certificates takes 20 ms of work each time.
            if httpx.get(f"{address}/healthz", verify=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    log.seek(0)
    pytest.fail(f"the pages do not start: {log.read()[-2000:].decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
