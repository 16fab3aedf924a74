"""Names, owners, comments and notes that mean harm do none in a real browser or a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from morning_company import (
    ADMIN,
    HOSTILE,
    IMAGE,
    PASSWORD,
    SCRIPT,
    Hostile,
    Served,
    account_of,
    login_of,
)
from playwright.sync_api import Page, expect
from watching import FITS, PHONE, WIDE, Watch, enter, watched

ADDED = """() => [...document.querySelectorAll(
  'script:not([src]), style, iframe, object, embed, base, main img, main script'
)].concat([...document.querySelectorAll('*')].filter(
  el => [...el.attributes].some(a => a.name.startsWith('on') || a.name === 'style'
    || /^\\\\s*javascript:/i.test(a.value) && ['href', 'src', 'action'].includes(a.name))
)).map(el => el.outerHTML.slice(0, 200))"""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
PAGES = (
    "/worklist?list=all&back=show&sort=name",
    "/worklist?list=all&back=show",
    f"/worklist?list=all&q={quote(SCRIPT)}&owner={quote(IMAGE)}&segment={quote(SCRIPT)}",
    f"/worklist?list=week&owner={quote(HOSTILE[0].owner)}",
    "/follow-ups?owner=all",
    f"/follow-ups?owner={quote(IMAGE)}",
    "/segments",
    "/impact",
    "/model/figures",
    "/users",
    "/audit",
    f"/audit?subject={quote(IMAGE)}",
    f"/accounts/{quote(SCRIPT, safe='')}",
    f"/{quote(IMAGE, safe='')}",
)


@pytest.fixture(scope="module")
def site(browser: Any, served: Served) -> Iterator[tuple[Page, Watch]]:
    """An administrator's page, once what means harm was typed wherever one can type."""
    with watched(browser, served.address) as (page, watch):
        enter(page, login_of(ADMIN), PASSWORD)
        page.goto("/users")
        page.get_by_label("Login").fill("harm")
        page.get_by_label("Name").fill(SCRIPT)
        page.get_by_label("Owner").last.fill(IMAGE)
        page.get_by_role("button", name="Add", exact=True).click()
        page.goto(f"/worklist?list=all&q={quote('script')}")
        page.get_by_label("Keep this list as").fill(SCRIPT[:40])
        page.get_by_role("button", name="Save view").click()
        watch.faults.clear()
        yield page, watch


def unharmed(page: Page, watch: Watch) -> None:
    """Nothing ran, nothing was added, nobody else was asked."""
    assert page.evaluate("window.harmed") is None
    assert page.evaluate(ADDED) == []
    assert (watch.dialogs, watch.strangers) == ([], [])


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda one: ascii(one.name[:12]))
def test_an_account_is_shown_as_it_calls_itself(
    site: tuple[Page, Watch], served: Served, hostile: Hostile
) -> None:
    page, watch = site
    account = account_of(served, hostile)
    page.goto(f"/accounts/{quote(account)}")
    expect(page.get_by_role("heading", level=1)).to_have_text(" ".join(hostile.name.split()))
    # The name ends where it ends, whatever direction it is written in.
    assert page.locator("h1 bdi").count() == 1
    shown = page.locator("blockquote").first
    assert shown.inner_text()[:20] == hostile.comment[:20]
    unharmed(page, watch)
    for note in (SCRIPT, hostile.comment[:4000], hostile.name[:4000]):
        panel = page.locator("#follow-up")
        panel.locator("textarea[name=note]").first.fill(note)
        panel.get_by_role("button", name="Log a", exact=False).first.click()
        expect(panel.locator(".timeline .said").first).to_contain_text(note[:60])
    unharmed(page, watch)
    page.set_viewport_size(PHONE)
    assert page.evaluate(FITS)
    page.set_viewport_size(WIDE)
    assert watch.faults == []


@pytest.mark.parametrize("path", PAGES, ids=range(len(PAGES)))
def test_lists_and_other_pages_are_unharmed(site: tuple[Page, Watch], path: str) -> None:
    page, watch = site
    page.goto(path)
    unharmed(page, watch)
    page.set_viewport_size(PHONE)
    assert page.evaluate(FITS)
    page.set_viewport_size(WIDE)
    assert watch.faults == []


def test_no_cell_of_the_table_is_a_formula(site: tuple[Page, Watch]) -> None:
    page, _ = site
    answer = page.request.get("/worklist.csv?list=all&back=show")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.text().removeprefix("\ufeff"))))
    names = {row[rows[0].index("name")] for row in rows[1:]}
    assert f"'{HOSTILE[2].name}" in names
    assert HOSTILE[0].name in names
    assert HOSTILE[4].name in names
    cells = [cell for row in rows for cell in row]
    dangerous = [cell for cell in cells if cell.startswith(FORMULA) and not is_number(cell)]
    assert dangerous == []


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
