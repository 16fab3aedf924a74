"""`make screenshots`: every page of a scored demo company as a picture, light, dark and on a phone.

The project's state is copied first, and people act on the copy (calls, notes, a due day), so that
the pages show what they show in use and the demo stays as it was.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from npsight.config.load import load_project
from npsight.store import create_key, open_project_store
from npsight.store.users import User, add_user
from npsight.web.passwords import hashed

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
PAGES = {
    "worklist": "/worklist?list=week",
    "worklist-all": "/worklist?list=all",
    "follow-ups": "/follow-ups",
    "segments": "/segments",
    "impact": "/impact",
    "model": "/model",
    "model-figures": "/model/figures",
    "settings": "/settings",
    "users": "/users",
    "audit": "/audit",
}
WIDE = {"width": 1360, "height": 860}
LOOKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("light", {"viewport": WIDE, "color_scheme": "light"}),
    ("dark", {"viewport": WIDE, "color_scheme": "dark"}),
    ("phone", {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"}),
)
MORNINGS: tuple[tuple[tuple[str, str], ...], ...] = (
    (
        ("Spoke to the sponsor: the exports fail for their largest team.", "Log a call"),
        ("Exports fixed with engineering by Friday; review on the 3rd.", "Plan in place"),
    ),
    (("Left a message with the sponsor.", "Log a call"),),
    (
        ("Two of their admins left; nobody knows the product any more.", "Log a call"),
        ("Training for the new admins is booked.", "Plan in place"),
    ),
    (("Ask about the open invoices first.", "Open, call later"),),
    (
        ("They move to another tool in spring.", "Log a call"),
        ("The contract was cancelled.", "Not recovered"),
    ),
    (
        ("Their champion is back from leave.", "Log a call"),
        ("They renewed and want to be a reference.", "Recovered"),
    ),
    (
        ("Ask who owns the contract now.", "Open, call later"),
        ("Merged with another account.", "Close"),
    ),
)
"""Of each account the notes and buttons of its follow-up."""
DUE = (9, 2, 16, 0, 30)
"""Days until the follow-ups are due."""
LOGIN = "screenshots"
"""A user of the copy that nobody has added to the demo."""
BIG = ("data", "mlartifacts", "features", "models", "quarantine", "*.log", "mlflow*")


def main() -> int:
    """Write the pictures; 1 where something they need is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-c", "--config", type=Path, default=Path("configs/demo.yaml"))
    parser.add_argument("--to", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--full", action="store_true", help="whole pages, not the first screen")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("Chromium is missing; install it, on Debian with: apt-get install chromium")
        return 1
    if not (load_project(options.config).state_dir / "npsight.db").exists():
        print(f"{options.config}: nothing was scored yet; run `make demo` first")
        return 1
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        config = copied(options.config.resolve(), Path(scratch))
        password, key = with_user(config)
        with served(config) as address:
            take(chromium, address, password, key, options.to, options.full)
    print(f"{len(list(options.to.glob('*.png')))} pictures in {options.to}")
    return 0


def copied(config: Path, folder: Path) -> Path:
    """A project file whose state is a copy of the project's, with the same tables."""
    project = load_project(config)
    shutil.copytree(project.state_dir, folder / "state", ignore=shutil.ignore_patterns(*BIG))
    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    content["state"] = "state"
    content["tables"] = _absolute(content["tables"], config.parent)
    copy = folder / config.name
    copy.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return copy


def _absolute(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_absolute(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: str((folder / item).resolve()) if key == "path" else _absolute(item, folder)
        for key, item in value.items()
    }


def with_user(config: Path) -> tuple[str, str]:
    """Add somebody who may see everything; returns the password, and a key for answers."""
    project, password = load_project(config), secrets.token_urlsafe(16)
    with closing(open_project_store(project)) as store:
        owner = store.scores(store.latest_run(project.name).id, limit=1)[0].owner
        user = User(uuid.uuid4().hex, LOGIN, owner or "Ada", "admin", owner, None, "Europe/Berlin")
        add_user(store, project.name, user, hashed(password), "make screenshots")
        key, _ = create_key(store, project.name, "make screenshots", ["write"])
    return password, key


@contextmanager
def served(config: Path) -> Iterator[str]:
    """The pages' address while they are served."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    npsight = Path(sys.executable).with_name("npsight")
    command = [str(npsight), "serve", "-c", str(config), "--port", str(port)]
    child = subprocess.Popen(
        command, stderr=subprocess.DEVNULL, env={**os.environ, "BENTOML_DO_NOT_TRACK": "true"}
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/healthz", timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(60)


def take(chromium: str, address: str, password: str, key: str, folder: Path, full: bool) -> None:
    """Have people act, then open every page in every look."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        accounts: list[str] = []
        for look, settings in LOOKS:
            context = browser.new_context(
                base_url=address, locale="en-GB", timezone_id="Europe/Berlin", **settings
            )
            page = context.new_page()
            page.goto("/sign-in")
            page.screenshot(path=folder / f"sign-in-{look}.png")
            page.get_by_label("Login").fill(LOGIN)
            page.get_by_label("Password", exact=True).fill(password)
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.wait_for_load_state()
            if not accounts:
                page.goto("/worklist?list=all")
                links = page.locator("tbody th a[href^='/accounts/']").all()
                accounts = [link.get_attribute("href") or "" for link in links]
                work(page, accounts, key)
            for name, path in {**PAGES, **addresses(page, accounts)}.items():
                page.goto(path)
                page.screenshot(path=folder / f"{name}-{look}.png", full_page=full)
                print(f"  {name}-{look}.png", flush=True)
            context.close()
        browser.close()


def addresses(page: Any, accounts: list[str]) -> dict[str, str]:
    """Pages of single accounts: the one that answered, and the first passive that slides."""
    page.goto("/worklist?list=all&back=show&move=passive+sliding")
    slides = page.locator("tbody th a").first
    found = {"account-sliding": slides.get_attribute("href") or "/"} if slides.count() else {}
    return {"account": accounts[0], **found} if accounts else found


def work(page: Any, accounts: list[str], key: str) -> None:
    """What some mornings leave behind: follow-ups in every state, one closed by an answer."""
    today = datetime.now(UTC).date()
    for place, (path, morning) in enumerate(zip(accounts, MORNINGS, strict=False)):
        for step, (note, button) in enumerate(morning):
            page.goto(path)
            panel = page.locator("#follow-up")
            if step == 0:
                due = today + timedelta(days=DUE[place % len(DUE)])
                panel.locator("input[name=due_on]").first.fill(due.isoformat())
                panel.locator("select[name=reason]").first.select_option(index=1 + place % 5)
            panel.locator("textarea[name=note]").first.fill(note)
            panel.get_by_role("button", name=button, exact=True).first.click()
            page.wait_for_load_state()
    if len(accounts) > len(MORNINGS):
        snooze(page, accounts[len(MORNINGS)])
    if accounts:
        answer(page, accounts[0], key)


def snooze(page: Any, path: str) -> None:
    """Have an account step back for as long as can be."""
    page.goto(path)
    page.get_by_text("Snooze: leave it alone").click()
    day = page.locator("input[name=until]")
    day.fill(day.get_attribute("max"))
    page.locator("input[name=why]").fill("Their office moves this month.")
    page.get_by_role("button", name="Snooze", exact=True).click()
    page.wait_for_load_state()


def answer(page: Any, path: str, key: str) -> None:
    """The next survey answer of an account, as the survey tool sends it."""
    row = {
        "id": secrets.token_hex(6),
        "account": unquote(path.removeprefix("/accounts/")),
        "score": 9,
        "occurred_at": datetime.now(UTC).isoformat(),
        "comment": "The new reports are just what we asked for. Thank you for calling.",
    }
    reply = page.request.post(
        "/v1/responses", data={"responses": [row]}, headers={"X-API-Key": key}
    )
    if reply.status != 200:
        print(f"  the answer was refused: {reply.text()}")


if __name__ == "__main__":
    sys.exit(main())
