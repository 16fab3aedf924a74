"""Every page as axe, the console and a narrow screen find it, in light and dark colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from morning_company import ABSENT, ADMIN, PASSWORD, Served, accounts_owned_by, login_of
from playwright.sync_api import Page
from starlette.routing import compile_path
from watching import FITS, PHONE, WIDE, Watch, enter, watched

from npsight.store.users import user_by_login
from npsight.web.routes import ROUTES

GRAVE = ("serious", "critical")
FOLDED = "details:not([open]):not(.menu)"
ELSEWHERE = {
    "/": "leads to the worklist",
    "/worklist.csv": "is a file",
    "/worklist.xlsx": "is a file",
    "/sign-in/oidc": "leads to another host",
    "/sign-in/oidc/callback": "is come back to from another host",
    "/sign-in/oidc/end": "leads to another host",
}


@dataclass(frozen=True)
class Office:
    """A page that an administrator is signed in on, and addresses of what there is."""

    page: Page
    watch: Watch
    account: str
    calm: str
    follow_up: str
    user: str

    def go(self, path: str) -> int:
        """Open an address of these; returns the status."""
        known = {"account": self.account, "calm": self.calm, "follow_up": self.follow_up}
        answer = self.page.goto(path.format(**known, user=self.user))
        assert answer is not None
        return answer.status


@pytest.fixture(scope="module")
def office(browser: Any, served: Served) -> Iterator[Office]:
    # Colours that change by and by would be judged halfway.
    with watched(browser, served.address, reduced_motion="reduce") as (page, watch):
        enter(page, login_of(ADMIN), PASSWORD)
        account, calm = accounts_owned_by(served, ABSENT)
        page.goto(f"/accounts/{account}")
        page.get_by_label("What was said, or is to be done?").fill("A first call.")
        page.get_by_role("button", name="Log a call", exact=True).click()
        page.goto(f"/follow-ups?owner={quote(ABSENT)}")
        follow_up = page.get_by_role("link", name="History").get_attribute("href") or ""
        found = user_by_login(served.store, served.company.project.name, login_of(ADMIN))
        assert found is not None
        made = Office(page, watch, account, calm, follow_up.rpartition("/")[2], found[0].id)
        watch.faults.clear()
        yield made


def refused(office: Office) -> int:
    """A form that says what is wrong with it."""
    office.go("/follow-ups/{follow_up}")
    with office.page.expect_navigation() as found:
        office.page.get_by_role("button", name="Plan in place").click()
    return found.value.status


def conflict(office: Office) -> int:
    """Both versions of a follow-up that somebody else was quicker to change."""
    office.go("/follow-ups/{follow_up}")
    other = office.page.context.new_page()
    other.goto(office.page.url)
    for page, note in ((other, "Theirs, quicker."), (office.page, "Mine, later.")):
        page.get_by_label("What happened?").fill(note)
        with page.expect_navigation() as found:
            page.get_by_role("button", name="Log another call").click()
    other.close()
    return found.value.status


def snooze_conflict(office: Office) -> int:
    """The same of a snooze."""
    office.go("/accounts/{calm}")
    other = office.page.context.new_page()
    other.goto(office.page.url)
    for page, days in ((other, 4), (office.page, 9)):
        page.locator("summary", has_text="Snooze").click()
        day = datetime.now(UTC).date() + timedelta(days=days)
        page.get_by_label("Until").fill(day.isoformat())
        page.get_by_role("textbox", name="Why").fill("Their holidays.")
        with page.expect_navigation() as found:
            page.get_by_role("button", name="Snooze", exact=True).click()
    other.close()
    return found.value.status


def wrong_password(office: Office) -> int:
    """The sign-in page, after a failed attempt."""
    office.page.context.clear_cookies()
    office.page.goto("/sign-in")
    office.page.get_by_label("Login").fill("nobody")
    office.page.get_by_label("Password", exact=True).fill("a wrong password")
    with office.page.expect_navigation() as found:
        office.page.get_by_role("button", name="Sign in", exact=True).click()
    return found.value.status


PAGES: dict[str, tuple[str | Callable[[Office], int], int]] = {
    "the week": ("/worklist?list=week&owner=Ada+Park", 200),
    "a week without calls": ("/worklist?list=week&owner=Nobody", 200),
    "all accounts": ("/worklist?list=all&back=show", 200),
    "filtered": ("/worklist?list=all&move=passive+sliding&sort=revenue", 200),
    "nothing found": ("/worklist?list=all&q=zzzzzz", 200),
    "account": ("/accounts/{account}", 200),
    "account without follow-up": ("/accounts/{calm}?why=churn", 200),
    "board": ("/follow-ups?owner=all", 200),
    "empty board": ("/follow-ups?owner=all&due=overdue", 200),
    "follow-up": ("/follow-ups/{follow_up}", 200),
    "refused form": (refused, 422),
    "conflict": (conflict, 412),
    "snooze conflict": (snooze_conflict, 412),
    "segments": ("/segments", 200),
    "impact": ("/impact", 200),
    "model": ("/model", 200),
    "model in figures": ("/model/figures", 200),
    "settings": ("/settings", 200),
    "users": ("/users", 200),
    "user": ("/users/{user}", 200),
    "audit log": ("/audit", 200),
    "empty audit log": ("/audit?subject=nothing", 200),
    "missing page": ("/no-such-page", 404),
    "missing account": ("/accounts/nobody", 404),
    # The last one ends the session.
    "wrong password": (wrong_password, 403),
}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_grave_is_wrong_with_a_page(office: Office, name: str) -> None:
    way, status = PAGES[name]
    assert (office.go(way) if isinstance(way, str) else way(office)) == status
    faults, strangers = list(office.watch.faults), list(office.watch.strangers)
    office.watch.faults.clear()
    assert (faults, strangers) == ([], [])
    unfold(office.page)
    assert grave(office.page) == []
    office.page.emulate_media(color_scheme="dark")
    # Only colours differ.
    assert grave(office.page, {"runOnly": ["color-contrast"]}) == []
    office.page.emulate_media(color_scheme="light")
    office.page.set_viewport_size(PHONE)
    width = office.page.evaluate("document.scrollingElement.scrollWidth")
    assert office.page.evaluate(FITS), f"the page is {width} px wide on a phone"
    office.page.set_viewport_size(WIDE)


def test_every_page_is_looked_at() -> None:
    given = {"account": "a/b", "calm": "a", "follow_up": "f", "user": "u"}
    paths = [urlsplit(w.format(**given)).path for w, _ in PAGES.values() if isinstance(w, str)]
    paths.append("/sign-in")
    missing = [
        route.path
        for route in ROUTES
        if route.method == "GET"
        and route.path not in ELSEWHERE
        and not any(compile_path(route.path)[0].match(path) for path in paths)
    ]
    assert missing == []


def unfold(page: Page) -> None:
    """Open what is folded: it is part of the page."""
    page.evaluate(f"document.querySelectorAll('{FOLDED}').forEach(el => {{ el.open = true; }})")


def grave(page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """What axe finds serious or critical, each with the place."""
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{fault['id']}: {node['target']} {node.get('failureSummary', '')[:300]}"
        for fault in found
        if fault["impact"] in GRAVE
        for node in fault["nodes"][:3]
    ]
