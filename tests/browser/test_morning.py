"""A whole morning of a CS manager, from the sign-in to the answer that closes a loop."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from chromium import assert_accessible
from hands import Hand, Keys, Pointer
from morning_company import MANAGERS, PASSWORD, Served, login_of
from playwright.sync_api import Browser, Locator, Page, expect
from watching import FITS, PATIENCE_MILLISECONDS, PHONE, Watch, enter, watched

STEPS_BACK = re.compile(r"[1-9]\d* more\s+steps?\s+back")
NOTE = "Spoke to the sponsor; the exports are what hurts."
expect.set_options(timeout=PATIENCE_MILLISECONDS)
POINTS = re.compile(r"[+−-]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Way:
    """How somebody works: the browser's settings, and whether by the keyboard alone."""

    name: str
    owner: str
    settings: dict[str, Any] = field(default_factory=dict)
    keyboard: bool = False


WAYS = (
    Way("light", MANAGERS[0]),
    Way("dark", MANAGERS[1], {"color_scheme": "dark"}),
    Way("phone", MANAGERS[2], {"viewport": PHONE, "has_touch": True}),
    Way("no script", MANAGERS[3], {"java_script_enabled": False}),
    Way("keyboard", MANAGERS[4], keyboard=True),
)


@dataclass(frozen=True)
class Desk:
    """A page, what is watched of it, and the hand that works it."""

    page: Page
    watch: Watch
    hand: Hand

    def button(self, name: str, within: Locator | None = None) -> Locator:
        """The first button of that name."""
        return (within or self.page).get_by_role("button", name=name, exact=True).first

    def fits(self) -> None:
        """Nothing on the page has to be scrolled to the side with it."""
        assert self.page.evaluate(FITS), f"{self.page.url} is wider than the screen"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_morning(browser: Browser, served: Served, way: Way) -> None:
    with watched(browser, served.address, **way.settings) as (page, watch):
        desk = Desk(page, watch, Keys(page) if way.keyboard else Pointer())
        sign_in(desk, way)
        week = weeks_calls(desk)
        name, account = find_a_sliding_passive(desk, week, way)
        read_why(desk)
        due = log_a_call(desk)
        it_left_the_list(desk, name, way)
        it_is_on_the_board(desk, name, due)
        answer(served, account)
        the_loop_is_closed(desk, name)
        sign_out(desk)
        assert (desk.watch.faults, desk.watch.strangers, desk.watch.dialogs) == ([], [], [])


def test_a_note_is_not_lost_with_its_session(browser: Browser, served: Served) -> None:
    with watched(browser, served.address) as (page, _):
        enter(page, login_of(MANAGERS[0]), PASSWORD)
        page.goto("/worklist?list=all&back=show")
        page.locator("tbody th a").last.click()
        page.get_by_text("Snooze: leave it alone").click()
        until = (datetime.now(UTC) + timedelta(days=3)).date()
        page.get_by_label("Until").fill(until.isoformat())
        page.get_by_label("Why", exact=True).fill(NOTE)
        page.context.clear_cookies()
        page.get_by_role("button", name="Snooze", exact=True).click()
        assert_accessible(page)
        expect(page.get_by_role("textbox", name="Why")).to_have_value(NOTE)
        page.get_by_label("Login").fill(login_of(MANAGERS[0]))
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        assert_accessible(page)
        page.get_by_role("button", name="Send it now").click()
        expect(page.locator("summary", has_text="Snoozed until")).to_be_visible()


def test_no_column_of_the_list_is_out_of_sight(browser: Browser, served: Served) -> None:
    with watched(browser, served.address) as (page, _):
        enter(page, login_of(MANAGERS[0]), PASSWORD)
        page.goto("/worklist?list=all")
        for width in (320, 640, 1024, 1263, 1280, 1600):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(FITS), width
            assert page.locator(".wl-card").evaluate("c => c.scrollWidth <= c.clientWidth"), width


def sign_in(desk: Desk, way: Way) -> None:
    """The first page asks for it, and leads to the week's calls."""
    desk.page.goto("/")
    desk.fits()
    desk.hand.write(desk.page.get_by_label("Login"), login_of(way.owner))
    desk.hand.write(desk.page.get_by_label("Password", exact=True), PASSWORD)
    desk.hand.press(desk.button("Sign in"))
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Worklist")
    expect(desk.page.get_by_role("status")).to_have_text(
        "0 of your 6 for this week are done, 6 to go."
    )
    desk.fits()


def weeks_calls(desk: Desk) -> list[str]:
    """The accounts to call this week."""
    names = [link.inner_text() for link in desk.page.locator("tbody th a").all()]
    assert len(names) == 6
    return names


def find_a_sliding_passive(desk: Desk, week: list[str], way: Way) -> tuple[str, str]:
    """Filter for them, and open the first that is to be called this week; its name and key."""
    desk.hand.press(desk.page.locator(".wl-filters summary"))
    desk.hand.choose(desk.page.get_by_label("Owner"), way.owner)
    desk.hand.choose(desk.page.get_by_label("Band now → next"), "Passive sliding")
    desk.hand.press(desk.button("Show"))
    expect(desk.page.get_by_role("link", name="Remove passive sliding")).to_be_visible()
    rows = desk.page.locator("tbody tr")
    assert rows.count() > 0
    for row in rows.all():
        assert " ".join(row.locator(".wl-move").inner_text().split()).startswith("passive")
        assert way.owner in row.locator("th").inner_text()
    desk.fits()
    found = [link for link in desk.page.locator("tbody th a").all() if link.inner_text() in week]
    name = found[0].inner_text()
    desk.hand.press(found[0])
    expect(desk.page.get_by_role("heading", level=1)).to_have_text(name)
    desk.fits()
    return name, desk.page.locator("h1 + p .key").inner_text()


def read_why(desk: Desk) -> None:
    """The points that are shown add up to the risk that is shown, to the digit."""
    cells = desk.page.locator("table.why tr > :nth-child(2)").all_inner_texts()[1:]
    start, *shares, total = [points(cell) for cell in cells]
    assert len(shares) >= 3
    assert start + sum(shares) == pytest.approx(total, abs=1e-9)
    card = desk.page.get_by_label("Forecast").locator(".card", has_text="Detractor risk")
    assert points(card.locator(".number").inner_text()) == round(total)
    expect(desk.page.get_by_role("heading", name="What to say")).to_be_visible()


def points(text: str) -> float:
    """The number of “+3.2” or “−1.4”."""
    found = POINTS.search(text)
    assert found is not None, text
    return float(found.group().replace("−", "-"))


def log_a_call(desk: Desk) -> str:
    """Write down what was said, and by when there is to be a next step; its day as it is shown."""
    panel = desk.page.locator("#follow-up")
    day = datetime.now(UTC).date() + timedelta(days=5)
    desk.hand.set_day(panel.get_by_label("Due").first, day)
    desk.hand.write(panel.get_by_label("What was said, or is to be done?"), NOTE)
    desk.hand.press(desk.button("Log a call", panel))
    expect(panel.locator(".chip.state").first).to_have_text("contacted")
    expect(panel.get_by_text(NOTE).first).to_be_visible()
    expect(panel.locator(".chip.due").first).to_have_text("due in 5 days")
    desk.fits()
    return "due in 5 days"


def it_left_the_list(desk: Desk, name: str, way: Way) -> None:
    """The week counts the call, and the account steps back for a while."""
    desk.hand.press(desk.page.get_by_label("Pages").get_by_role("link", name="Worklist"))
    expect(desk.page.get_by_role("status")).to_have_text(
        "1 of your 6 for this week are done, 5 to go."
    )
    names = desk.page.locator("tbody th a").all_inner_texts()
    assert name not in names
    assert len(names) == 5
    desk.hand.press(desk.page.get_by_label("Lists").get_by_role("link", name="All accounts"))
    expect(desk.page.get_by_text(STEPS_BACK)).to_be_visible()
    desk.hand.press(desk.page.get_by_role("link", name="Show them too"))
    row = desk.page.locator("tbody tr", has_text=name)
    expect(row.locator("th .chip")).to_contain_text("Contacted lately until")
    desk.fits()


def it_is_on_the_board(desk: Desk, name: str, due: str) -> None:
    """The follow-up stands among those contacted, with its due day and its note."""
    desk.hand.press(desk.page.get_by_label("Pages").get_by_role("link", name="Follow-ups"))
    lane = desk.page.get_by_role("region", name="Contacted")
    card = lane.locator("li.ticket", has_text=name)
    expect(card.locator(".chip.due")).to_have_text(due)
    expect(card.get_by_text("risk").first).to_be_visible()
    desk.fits()


def answer(served: Served, account: str) -> None:
    """The survey tool sends the account's next answer, which is scored at once."""
    row = {
        "id": f"next-{account}",
        "account": account,
        "score": 9,
        "occurred_at": datetime.now(UTC).isoformat(),
        "comment": "The exports work. Thank you for the call.",
    }
    reply = httpx.post(
        f"{served.address}/v1/responses",
        json={"responses": [row]},
        headers={"X-API-Key": served.key},
        timeout=120,
    )
    assert reply.status_code == 200, reply.text
    assert [result["status"] for result in reply.json()["results"]] == ["rescored"]


def the_loop_is_closed(desk: Desk, name: str) -> None:
    """Nobody touched the follow-up: the answer ended it, and both readings are shown."""
    desk.page.reload()
    lane = desk.page.get_by_role("region", name="Recovered", exact=False).first
    link = lane.get_by_role("link", name=name, exact=True)
    desk.hand.press(link)
    expect(desk.page.get_by_role("heading", level=1)).to_have_text(name)
    readings = desk.page.locator("#follow-up table.readings").first
    before, after = readings.locator("tbody tr").all()
    expect(before).to_contain_text("passive")
    expect(after).to_contain_text("promoter (9)")
    assert after.locator("td").all_inner_texts()[1].endswith("%")
    expect(desk.page.locator("#follow-up")).to_contain_text("closed the loop")
    expect(desk.page.get_by_text("The exports work. Thank you for the call.")).to_be_visible()
    desk.fits()


def sign_out(desk: Desk) -> None:
    """By the menu; the page that was open asks for a sign-in now."""
    left = desk.page.url
    desk.hand.press(desk.page.locator(".top .menu summary"))
    desk.hand.press(desk.button("Sign out"))
    expect(desk.page.get_by_role("status")).to_contain_text("You are signed out.")
    desk.page.goto(left)
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Sign in to npsight")
