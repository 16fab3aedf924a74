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
from pathlib import Path
from typing import Any

import yaml

from npsight.config.load import load_project
from npsight.store import open_project_store
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
    "worklist": "/worklist",
    "follow-ups": "/follow-ups",
    "segments": "/segments",
    "impact": "/impact",
    "model": "/model",
    "settings": "/settings",
    "users": "/users",
    "audit": "/audit",
}
LOOKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("light", {"viewport": {"width": 1360, "height": 860}, "color_scheme": "light"}),
    ("dark", {"viewport": {"width": 1360, "height": 860}, "color_scheme": "dark"}),
    ("phone", {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"}),
)
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
        password = with_user(config)
        with served(config) as address:
            take(chromium, address, password, options.to, options.full)
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


def with_user(config: Path) -> str:
    """Add somebody who may see everything; returns the password."""
    project, password = load_project(config), secrets.token_urlsafe(16)
    with closing(open_project_store(project)) as store:
        owner = store.scores(store.latest_run(project.name).id, limit=1)[0].owner
        user = User(uuid.uuid4().hex, "ada", owner or "Ada", "admin", owner, None, "Europe/Berlin")
        add_user(store, project.name, user, hashed(password), "make screenshots")
    return password


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


def take(chromium: str, address: str, password: str, folder: Path, full: bool) -> None:
    """Open every page in every look."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for look, settings in LOOKS:
            context = browser.new_context(base_url=address, **settings)
            page = context.new_page()
            page.goto("/sign-in")
            page.screenshot(path=folder / f"sign-in-{look}.png")
            page.get_by_label("Login").fill("ada")
            page.get_by_label("Password", exact=True).fill(password)
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.wait_for_load_state()
            accounts = [
                link.get_attribute("href") or ""
                for link in page.locator("a[href^='/accounts/']").all()
            ]
            if look == "light":
                work(page, list(dict.fromkeys(a.partition("#")[0] for a in accounts))[:6])
            for name, path in {**PAGES, "account": accounts[0] if accounts else "/"}.items():
                page.goto(path)
                page.screenshot(path=folder / f"{name}-{look}.png", full_page=full)
                print(f"  {name}-{look}.png", flush=True)
            context.close()
        browser.close()


def work(page: Any, accounts: list[str]) -> None:
    """What a morning leaves behind: follow-ups in several states."""
    for place, path in enumerate(accounts):
        page.goto(path)
        forms = page.locator("form[action$='/follow-up']")
        if forms.count() == 0:
            continue
        note = forms.first.locator("textarea")
        if note.count():
            note.first.fill(("Left a message.", "Spoke to the sponsor; wants a plan.")[place % 2])
        buttons = forms.first.locator("button")
        buttons.nth(min(place % 2, buttons.count() - 1)).click()
        page.wait_for_load_state()


if __name__ == "__main__":
    sys.exit(main())
