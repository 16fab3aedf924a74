"""A form that came too late: nothing of it is done, and nothing that was written is lost."""

from __future__ import annotations

import html
import json
import re

import pytest
from browsed import PASSWORD, browse

from npsight.errors import StateError
from npsight.store.database import shown

NOTE = 'They said: "<b>too slow</b>" & left.\nCall again in May.'
HERE = {"Sec-Fetch-Site": "same-origin", "Origin": "https://testserver"}
PATH = "/accounts/a000/follow-up"


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    return browse(tmp_path_factory.mktemp("unsent"))


def hidden(text: str) -> dict[str, str]:
    """The hidden fields of the last form of a page."""
    form = text.rpartition("<form")[2]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found}


def test_a_note_outlives_its_session(browsed):
    browsed.sign_in("csm", login="late")
    nobody = browsed.nobody()
    ended = nobody.post(PATH, data={"csrf": "old", "note": NOTE, "action": "call"}, headers=HERE)
    assert ended.status_code == 403
    assert "Your session has ended." in ended.text
    assert f"{html.escape(NOTE, quote=False)}</textarea>" in ended.text.replace("&#34;", '"')
    fields = hidden(ended.text)
    wrong = nobody.post("/sign-in", data={**fields, "login": "late", "password": "x" * 12})
    assert hidden(wrong.text)["unsent"] == fields["unsent"]
    within = nobody.post("/sign-in", data={**fields, "login": "late", "password": PASSWORD})
    assert within.status_code == 200
    assert "Nothing of it was saved yet." in within.text
    assert f'<form method="post" action="{PATH}">' in within.text
    again = hidden(within.text)
    assert (again["note"], again["action"]) == (NOTE, "call")
    sent = nobody.post(PATH, data=again, headers=HERE)
    # The tiny project has no such account, but the form got as far as asking for it.
    assert sent.status_code in (303, 404)


def test_a_note_of_an_earlier_session_can_be_sent_in_the_new_one(browsed):
    browser = browsed.sign_in("csm")
    response = browser.client.post(PATH, data={"csrf": "old", "note": NOTE}, headers=HERE)
    assert response.status_code == 403
    assert hidden(response.text) == {"csrf": browser.csrf, "note": NOTE}


def test_only_a_page_of_ours_has_its_form_offered_again(browsed):
    browser = browsed.sign_in("csm")
    unsaid = browser.client.post(PATH, data={"csrf": "x", "note": NOTE})
    assert unsaid.status_code == 403
    assert "This form is too old." in unsaid.text
    assert browser.csrf not in unsaid.text.partition("<main")[2]


def test_a_form_without_words_or_with_a_password_is_not_carried_along(browsed):
    for fields in ({"note": ""}, {"password": "a secret of theirs", "new": "another one"}):
        response = browsed.nobody().post("/settings/password", data=fields, headers=HERE)
        assert response.status_code == 403
        assert "a secret of theirs" not in response.text
        assert "Sign in, then repeat what you did." in response.text


@pytest.mark.parametrize(
    "unsent",
    [
        "", "x", "[]", "{}", "[1, 2]", '["/a", []]', "[" * 5000,
        json.dumps(["//evil.example/a", {"note": "x"}]),
        json.dumps(["https://evil.example/a", {"note": "x"}]),
        json.dumps(["/\\evil.example", {"note": "x"}]),
        json.dumps(["/accounts/a/follow-up", {"note": ""}]),
    ],
)  # fmt: skip
def test_what_cannot_have_been_carried_is_left_out(browsed, unsent):
    login = browsed.sign_in("csm").get("/settings").text.partition("<dt>Login</dt><dd>")[2]
    data = {"login": login.partition("<")[0], "password": PASSWORD, "unsent": unsent}
    response = browsed.nobody().post("/sign-in", data=data)
    assert response.status_code == 303
    assert response.headers["location"] == "/worklist"


def test_a_note_outlives_a_store_that_is_out_of_reach(browsed, monkeypatch):
    browser = browsed.sign_in("csm")
    engine = browsed.live.state.store.engine

    def locked(page, account):
        raise StateError(f"{shown(engine.url)}: the store is locked\n  → wait, then retry")

    monkeypatch.setattr("npsight.web.followups.visible_account", locked)
    response = browser.post(PATH, {"note": NOTE}, headers=HERE)
    assert response.status_code == 503
    assert "The store is locked. Wait, then retry." in response.text
    assert shown(engine.url) not in response.text
    assert hidden(response.text) == {"csrf": browser.csrf, "note": NOTE}
    unsaid = browser.post(PATH, headers=HERE)
    assert unsaid.status_code == 503
    assert shown(engine.url) not in unsaid.text
