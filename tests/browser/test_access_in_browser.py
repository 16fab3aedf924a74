"""Signing in, settings and users as people see them: mouse, keyboard, phone, without scripts."""

from __future__ import annotations

import re

import pytest
from chromium import PASSWORD, assert_accessible, sign_in, visitor

from npsight.store.users import user_by_login


@pytest.fixture(scope="module")
def admin(pages):
    return pages.add("grace", "admin")


def test_a_wrong_password_is_said_and_the_right_one_lets_in(browser, pages):
    login = pages.add("ada", "csm", "Ada Park")
    with visitor(browser, pages.address, timezone_id="Asia/Tokyo") as page:
        page.goto("/settings?saved=1")
        assert page.url == f"{pages.address}/sign-in?next=%2Fsettings%3Fsaved%3D1"
        page.get_by_label("Login").fill(login)
        page.get_by_label("Password").fill("a wrong password")
        page.get_by_role("button", name="Sign in").click()
        assert page.get_by_role("alert").inner_text() == "Login or password is wrong."
        assert_accessible(page)
        assert page.get_by_label("Login").input_value() == login
        assert page.get_by_label("Password").input_value() == ""
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("/settings?saved=1")
        assert page.get_by_role("heading", name="Settings").is_visible()
        assert page.evaluate("document.cookie") == ""
        # What the browser says of itself was taken.
        assert page.get_by_label("Time zone").input_value() == "Asia/Tokyo"
    found = user_by_login(pages.store, pages.project, login)
    assert found is not None
    assert found[0].time_zone == "Asia/Tokyo"


def test_by_keyboard_alone(browser, pages):
    login = pages.add("keys", "csm")
    with visitor(browser, pages.address) as page:
        page.goto("/sign-in?next=/settings")
        # The login has the focus.
        page.keyboard.type(login)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("/settings")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        menu = page.locator("details.menu")
        page.locator("summary").focus()
        page.keyboard.press("Enter")
        assert menu.get_attribute("open") is not None
        page.keyboard.press("Escape")
        assert menu.get_attribute("open") is None
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Sign out"
        page.keyboard.press("Enter")
        page.wait_for_url("/sign-in?signed_out=here")
        assert "You are signed out." in page.get_by_role("status").inner_text()


def test_without_scripts_on_a_phone(browser, pages):
    login = pages.add("plain", "csm")
    with visitor(browser, pages.address, javascript=False, phone=True) as page:
        sign_in(page, login)
        page.locator("summary").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("/sign-in?signed_out=here")
    assert user_by_login(pages.store, pages.project, login)[0].time_zone == "UTC"


def ground(page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_colours_are_as_the_device_until_chosen(browser, pages):
    login = pages.add("colours", "csm")
    light, dark = "rgb(245, 246, 249)", "rgb(14, 19, 25)"
    with visitor(browser, pages.address, color_scheme="dark") as page:
        sign_in(page, login)
        assert ground(page) == dark
        page.get_by_label("Colours").select_option("light")
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("/settings?saved=1")
        assert ground(page) == light
        page.get_by_label("Colours").select_option("dark")
        page.get_by_role("button", name="Save").click()
        page.wait_for_function(f"getComputedStyle(document.body).backgroundColor === '{dark}'")
        page.emulate_media(color_scheme="light")
        assert ground(page) == dark


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"phone": True}], ids=str)
def test_no_serious_fault_of_access_is_found(browser, pages, admin, look):
    with visitor(browser, pages.address, **look) as page:
        page.goto("/sign-in")
        assert_accessible(page)
        sign_in(page, admin)
        for path in ("/settings", "/users", f"/users/id-{admin}", "/audit", "/no-such-page"):
            page.goto(path)
            assert page.get_by_role("heading", level=1).count() == 1
            assert_accessible(page)
        page.goto("/settings")
        page.locator("summary").click()
        assert_accessible(page)


def test_an_administrator_adds_somebody_who_then_comes_in(browser, pages, admin):
    with visitor(browser, pages.address) as page:
        sign_in(page, admin, after="/users")
        page.get_by_label("Login").fill("newcomer")
        page.get_by_label("Role").select_option("viewer")
        page.get_by_role("button", name="Add").click()
        assert_accessible(page)
        password = page.locator(".secret").inner_text()
        assert re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}", password)
    with visitor(browser, pages.address) as page:
        sign_in(page, "newcomer", password)
        assert page.get_by_text("newcomer · viewer").count() == 1


def test_a_script_in_a_page_is_not_run(browser, pages, admin):
    policy = "Content Security Policy"
    with visitor(browser, pages.address, expected=policy) as page:
        sign_in(page, admin)
        before = page.evaluate("window.planted")
        with page.expect_event("console", lambda told: policy in told.text):
            page.evaluate(
                "const s = document.createElement('script'); s.textContent = 'window.planted = 1';"
                "document.body.append(s)"
            )
        assert before is None
        assert page.evaluate("window.planted") is None
