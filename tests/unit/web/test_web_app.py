"""Who may open a page, and what every page is sent with."""

from __future__ import annotations

import pytest
from browsed import Browsed, browse


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    return browse(tmp_path_factory.mktemp("web"))


def test_nobody_is_sent_to_sign_in_and_back(browsed: Browsed):
    response = browsed.nobody().post("/sign-out")
    assert response.status_code == 403


def test_who_signs_in_is_known_by_a_cookie_that_scripts_cannot_read(browsed: Browsed):
    browser = browsed.sign_in("csm")
    assert browser.post("/sign-out").headers["location"] == "/sign-in?signed_out=here"
    assert browser.post("/sign-out").status_code == 403


def test_a_form_without_its_token_is_refused(browsed: Browsed):
    browser = browsed.sign_in("csm")
    assert browser.client.post("/sign-out", data={}).status_code == 403
    assert browser.client.post("/sign-out", data={"csrf": "x"}).status_code == 403


def test_a_form_of_another_site_is_refused(browsed: Browsed):
    browser = browsed.sign_in("csm")
    foreign = {"Origin": "https://evil.example"}
    assert browser.post("/sign-out", headers=foreign).status_code == 403
    assert browser.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
