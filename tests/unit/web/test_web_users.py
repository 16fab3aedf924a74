"""Administrators' pages: who may sign in, as what, and who did what."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

import pytest
from browsed import HASH, PASSWORD, browse
from sqlalchemy import update

from npsight.errors import ConfigError, StateError
from npsight.store.auditlog import audit_log, entries, note
from npsight.store.tables import scores
from npsight.store.users import User, add_user, has_user, user_by_login
from npsight.web import people
from npsight.web.greeting import greet

HOSTILE = "<script>alert(1)</script>\u202e=1+1"


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    return browse(tmp_path_factory.mktemp("users"))


@pytest.fixture(scope="module")
def store(browsed):
    return browsed.live.state.store


@pytest.fixture
def admin(browsed):
    return browsed.sign_in("admin")


@pytest.fixture
def person(store):
    login = f"p{uuid.uuid4().hex[:8]}"
    return add_user(store, "tiny", User(uuid.uuid4().hex, login, "P", "csm"), HASH, "a test")


def known(store, login: str) -> User | None:
    found = user_by_login(store, "tiny", login)
    return None if found is None else found[0]


def shown_password(page: str) -> str:
    return re.search(r'class="secret code">([^<]+)<', page).group(1)


def enters(browsed, login: str, password: str) -> bool:
    form = {"login": login, "password": password}
    return browsed.nobody().post("/sign-in", data=form).status_code == 303


def test_a_user_is_added_with_a_password_that_is_shown_once(browsed, store, admin):
    fields = {"login": "new", "role": "viewer", "name": "N", "email": "n@x.y", "owner": " Ada "}
    page = admin.post("/users", fields)
    assert page.status_code == 200
    password = shown_password(page.text)
    assert enters(browsed, "new", password)
    user = known(store, "new")
    assert (user.role, user.name, user.email, user.owner) == ("viewer", "N", "n@x.y", "Ada")
    assert password not in admin.get("/users").text + admin.get("/audit").text
    (entry,) = [e for e in entries(store, "tiny", subject="user new") if e.action == "user added"]
    assert entry.actor.startswith("admin-")
    assert entry.detail == {"role": "viewer", "owner": "Ada"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"login": ""}, "The login cannot be used"),
        ({"login": "a b"}, "The login cannot be used"),
        ({"login": "a/b"}, "The login cannot be used"),
        ({"login": "x" * 101}, "The login cannot be used"),
        ({"role": "root"}, "There is no such role"),
        ({"email": "nowhere"}, "Is no e-mail address"),
        ({"login": "taken"}, "already"),
    ],
)
def test_a_user_that_cannot_be_is_not_added_and_the_form_stays_filled(
    browsed, store, admin, fields, words
):
    if known(store, "taken") is None:
        browsed.sign_in("csm", login="taken")
    page = admin.post("/users", {"login": "fine", "role": "csm", "name": "Kept", **fields})
    assert page.status_code == 422
    assert words in page.text
    assert 'value="Kept"' in page.text
    assert known(store, "fine") is None


def test_hostile_names_are_shown_as_text(store, admin):
    user = User(uuid.uuid4().hex, HOSTILE, HOSTILE, "csm", HOSTILE, f"{HOSTILE}@x")
    add_user(store, "tiny", user, None, HOSTILE)
    for path in ("/users", f"/users/{user.id}", "/audit", f"/audit?subject={HOSTILE}"):
        page = admin.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


def test_who_is_changed_is_told_in_the_log(store, admin, person):
    fields = {"name": "New Name", "email": "", "owner": "Ada Park", "role": "viewer"}
    answer = admin.post(f"/users/{person.id}", fields)
    assert answer.headers["location"] == f"/users/{person.id}?saved=saved"
    assert "Saved." in admin.get(answer.headers["location"]).text
    after = known(store, person.login)
    assert (after.name, after.email, after.owner, after.role) == (
        "New Name", None, "Ada Park", "viewer",
    )  # fmt: skip
    entry = entries(store, "tiny", subject=f"user {person.login}")[0]
    assert entry.detail == {"name": "New Name", "owner": "Ada Park", "role": "viewer"}
    count = len(entries(store, "tiny", subject=f"user {person.login}"))
    admin.post(f"/users/{person.id}", fields)
    assert len(entries(store, "tiny", subject=f"user {person.login}")) == count
    assert admin.post(f"/users/{person.id}", {**fields, "role": "root"}).status_code == 422
    assert admin.post(f"/users/{person.id}", {**fields, "email": "no"}).status_code == 422


def test_a_new_password_ends_the_old_one_and_all_sessions(browsed, admin, person):
    browser = browsed.enter(person.login)
    page = admin.post(f"/users/{person.id}/password")
    password = shown_password(page.text)
    assert browser.get("/settings").status_code == 303
    assert not enters(browsed, person.login, PASSWORD)
    assert enters(browsed, person.login, password)


def test_a_disabled_user_is_out_at_once_until_enabled(browsed, store, admin, person):
    browser = browsed.enter(person.login)
    admin.post(f"/users/{person.id}/disable")
    assert browser.get("/settings").status_code == 303
    assert not enters(browsed, person.login, PASSWORD)
    assert "disabled" in admin.get("/users").text
    admin.post(f"/users/{person.id}/enable")
    assert browser.get("/settings").status_code == 303
    assert enters(browsed, person.login, PASSWORD)
    done = [e.action for e in entries(store, "tiny", subject=f"user {person.login}")]
    assert done == ["signed in", "enabled", "disabled", "signed in", "user added"]


def test_signing_somebody_out_everywhere(browsed, admin, person):
    browsers = [browsed.enter(person.login) for _ in range(2)]
    admin.post(f"/users/{person.id}/sign-out")
    assert [browser.get("/settings").status_code for browser in browsers] == [303, 303]
    assert enters(browsed, person.login, PASSWORD)


def test_a_role_counts_from_the_next_click_on(browsed, store, admin, person):
    browser = browsed.enter(person.login)
    assert browser.get("/users").status_code == 403
    people.set_role(store, browsed.live.state.spec, person.login, "admin", "a test")
    assert browser.get("/users").status_code == 200
    assert '<a href="/users"' in browser.get("/settings").text


def test_nobody_takes_their_own_access_away(browsed, store):
    admin = browsed.sign_in("admin", login="lonely")
    me = known(store, "lonely")
    assert admin.post(f"/users/{me.id}/disable").status_code == 422
    assert admin.post(f"/users/{me.id}", {"role": "viewer"}).status_code == 422
    assert admin.post(f"/users/{me.id}", {"name": "Still Me"}).status_code == 303
    assert (known(store, "lonely").role, known(store, "lonely").disabled_at) == ("admin", None)


def test_a_user_that_is_not_there(admin):
    assert admin.get("/users/nobody").status_code == 404
    assert admin.post("/users/nobody/disable").status_code == 404


def test_the_log_in_pages_and_of_one_subject(browsed, store, admin):
    at = datetime(2026, 6, 1, 12, tzinfo=UTC)
    with store.writing() as connection:
        for number in range(120):
            detail = {"state": ["to contact", "contacted"], "note": None, "n": number}
            note(connection, "tiny", at, "ada", "moved", "account A-1", detail)
        note(connection, "another project", at, "eve", "spied", "account A-1")
    page, seen, address = admin, [], "/audit?subject=account+A-1"
    while address:
        text = page.get(address).text
        seen += re.findall(r"n: (\d+)<", text)
        found = re.search(r'rel="next" href="([^"]+)"', text)
        address = found.group(1).replace("&amp;", "&") if found else ""
    assert [int(number) for number in seen] == list(range(119, -1, -1))
    assert "state: to contact → contacted; note: none" in text
    assert "spied" not in text
    assert "1 Jun 2026, 12:00" in text
    assert admin.get("/audit?subject=nothing").text.count("<td") == 0
    assert admin.get("/audit?before=x").status_code == 200
    assert admin.get(f"/audit?before={10**30}").status_code == 200


def test_the_log_calls_things_by_their_names(browsed, store, admin):
    at, identity = datetime(2026, 6, 1, 12, tzinfo=UTC), "0123456789abcdef" * 2
    account = store.scores(store.latest_run("tiny").id)[0].account
    with store.writing() as connection:
        key = scores.c.account == account
        connection.execute(update(scores).where(key).values(name="Oak <Labs>"))
        told = {"follow_up": identity, "until": "2026-06-25T00:00:00+00:00"}
        note(connection, "tiny", at, "ada", "named", f"account {account}", told)
        note(connection, "tiny", at, "ada", "named", f"view {identity}", {"name": "Sliding"})
        note(connection, "tiny", at, "ada", "named", f"run {identity}", {"call": 3})
    text = admin.get("/audit").text
    for words in (
        f'account Oak &lt;Labs&gt;</bdi></a> <span class="small dim"><bdi>{account}</bdi>',
        f'<a href="/follow-ups/{identity}">follow up</a>; until: 25 Jun 2026, 00:00',
        "<bdi>view Sliding</bdi>",
        "<bdi>run 01234567…</bdi>",
        f"/audit?subject=run%20{identity}",
    ):
        assert words in text, words


def test_the_log_has_no_way_to_change_an_entry():
    from npsight.store import auditlog

    assert {name for name in vars(auditlog) if name in ("update", "delete")} == set()
    assert audit_log.c.seq.primary_key


# The first start


def test_the_first_start_makes_an_administrator_once(tmp_path):
    browsed = browse(tmp_path)
    project, store = browsed.live.state.spec, browsed.live.state.store
    first, then = greet(project, "http://127.0.0.1:3000")
    password = re.search(
        r"^the pages: http://127.0.0.1:3000, to open with login admin and password (\S+)$", first
    ).group(1)
    assert "shown once" in then
    assert enters(browsed, "admin", password)
    assert known(store, "admin").role == "admin"
    assert greet(project, "http://127.0.0.1:3000") == ("the pages: http://127.0.0.1:3000",)
    (entry,) = [e for e in entries(store, "tiny") if e.action == "user added"]
    assert entry.actor == "npsight serve"


def test_where_pages_are_off_nobody_is_made(tmp_path):
    browsed = browse(tmp_path, more="\npages: {enabled: false}\n")
    assert greet(browsed.live.state.spec, "http://127.0.0.1:3000") == ()
    assert not has_user(browsed.live.state.store, "tiny")


def test_two_first_starts_make_one_administrator(tmp_path):
    store = browse(tmp_path).live.state.store
    add_user(store, "tiny", User("1", "admin", "A", "admin"), HASH, "x", only_first=True)
    with pytest.raises(StateError, match="users already"):
        add_user(store, "tiny", User("2", "other", "A", "admin"), HASH, "x", only_first=True)
    assert known(store, "other") is None


def test_a_project_with_an_issuer_starts_without_a_user(tmp_path, monkeypatch):
    oidc = "{issuer: https://i.example, client_id: c, client_secret: TEST_GREET_SECRET}"
    browsed = browse(tmp_path, more=f"\npages: {{oidc: {oidc}}}\n")
    project = browsed.live.state.spec
    with pytest.raises(ConfigError, match="TEST_GREET_SECRET"):
        greet(project, "http://127.0.0.1:3000")
    monkeypatch.setenv("TEST_GREET_SECRET", "s")
    (line,) = greet(project, "http://127.0.0.1:3000")
    assert "company's accounts" in line
    assert not has_user(browsed.live.state.store, "tiny")
