"""What everybody sets for themselves."""

from __future__ import annotations

import pytest
from browsed import PASSWORD, browse

from npsight.store.auditlog import entries
from npsight.store.users import change_user, user_by_login
from npsight.web.zones import is_zone, zones_by_place

NEW = "another long password"


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    return browse(tmp_path_factory.mktemp("settings"))


def changed(browser, password=PASSWORD, new=NEW, again=NEW):
    return browser.post("/settings/password", {"password": password, "new": new, "again": again})


def test_times_are_shown_in_the_users_zone(browsed):
    browser = browsed.sign_in("viewer", login="zoned")
    answer = browser.post("/settings", {"time_zone": "Pacific/Kiritimati", "theme": "dark"})
    assert answer.headers["location"] == "/settings?saved=1"
    page = browser.get("/settings?saved=1").text
    assert "Saved." in page
    assert 'data-theme="dark"' in page
    assert '<option value="Pacific/Kiritimati" selected>Kiritimati</option>' in page
    store = browsed.live.state.store
    assert user_by_login(store, "tiny", "zoned")[0].time_zone == "Pacific/Kiritimati"


@pytest.mark.parametrize(
    "fields",
    [
        {"time_zone": "Mars/Olympus", "theme": "dark"}, {"time_zone": "", "theme": "dark"},
        {"time_zone": "../../etc/passwd", "theme": "dark"}, {"time_zone": "UTC", "theme": "pink"},
        {},
    ],
)  # fmt: skip
def test_what_is_no_zone_or_colour_is_refused(browsed, fields):
    assert browsed.sign_in("viewer").post("/settings", fields).status_code == 422


def test_a_zone_that_this_machine_does_not_know_is_shown_as_utc(browsed):
    browser = browsed.sign_in("viewer", login="odd")
    store = browsed.live.state.store
    change_user(store, "tiny", "odd", "odd", "settings", time_zone="Gone/City")
    page = browser.get("/settings")
    assert page.status_code == 200
    assert '<option value="Gone/City" selected>' in page.text


def test_zones_to_choose_from_are_all_real():
    names = [name for _, zones in zones_by_place() for name, _ in zones]
    assert "Europe/Berlin" in names
    assert ("America/Argentina/Buenos_Aires", "Argentina, Buenos Aires") in dict(zones_by_place())[
        "America"
    ]
    assert all(is_zone(name) for name in names)
    assert len(names) == len(set(names)) > 300


def test_a_new_password_ends_the_other_sessions_only(browsed):
    here = browsed.sign_in("csm", login="changer")
    there = browsed.enter("changer")
    answer = changed(here)
    assert answer.headers["location"] == "/settings?saved=password"
    assert here.get("/settings?saved=password").status_code == 200
    assert there.get("/settings").status_code == 303
    form = {"login": "changer", "password": PASSWORD}
    assert browsed.nobody().post("/sign-in", data=form).status_code == 403
    form["password"] = NEW
    assert browsed.nobody().post("/sign-in", data=form).status_code == 303
    log = str(entries(browsed.live.state.store, "tiny", subject="user changer"))
    assert "password changed" in log
    assert NEW not in log
    assert "argon2" not in log


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"password": "wrong password!"}, 403, "Your present password is another."),
        ({"new": "too short", "again": "too short"}, 422, "at least 12 characters"),
        ({"again": "something else."}, 422, "differ"),
    ],
)
def test_a_password_that_cannot_be_is_refused_in_words(browsed, fields, status, words):
    answer = changed(browsed.sign_in("csm"), **fields)
    assert answer.status_code == status
    assert words in answer.text
    assert NEW not in answer.text


def test_the_password_is_not_the_login(browsed):
    browser = browsed.sign_in("csm", login="a-very-long-login")
    answer = changed(browser, new="A-very-long-LOGIN", again="A-very-long-LOGIN")
    assert "must not be the login" in answer.text


def test_whoever_sits_at_anothers_screen_cannot_guess_for_long(browsed):
    browser = browsed.sign_in("csm")
    statuses = [changed(browser, password=f"wrong guess {n}").status_code for n in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    waits = changed(browser)
    assert waits.status_code == 429
    assert f"Wait {waits.headers['retry-after']} seconds, then try again." in waits.text


def test_signing_out_everywhere_else(browsed):
    here = browsed.sign_in("csm", login="elsewhere")
    there = browsed.enter("elsewhere")
    assert "Sign out everywhere else" in here.get("/settings").text
    assert here.get("/settings").text.count('class="chip good">here') == 1
    here.post("/settings/sessions")
    assert there.get("/settings").status_code == 303
    assert "Nowhere else." in here.get("/settings").text
