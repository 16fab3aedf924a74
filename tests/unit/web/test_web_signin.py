"""Signing in with a password: what is told, what is counted, what a session is."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from browsed import PASSWORD, Browsed, browse
from sqlalchemy import select, update

from npsight.store.attempts import (
    FORGET,
    FREE,
    Attempt,
    begin_attempt,
    forgive_attempt,
    sign_in_failures,
    wait_for,
)
from npsight.store.auditlog import entries
from npsight.store.sessions import (
    Life,
    end_sessions,
    session_of,
    sessions,
    start_session,
    sweep_sessions,
)
from npsight.store.users import User, add_user, user_by_login
from npsight.web.passwords import fault_of, hashed, matches, random_password
from npsight.web.signin import local_path

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LIFE = Life(timedelta(hours=12), timedelta(days=7))


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    return browse(tmp_path_factory.mktemp("signin"))


@pytest.fixture(scope="module")
def store(browsed):
    return browsed.live.state.store


@pytest.fixture
def user(store):
    login = f"u{uuid.uuid4().hex[:8]}"
    return add_user(store, "tiny", User(uuid.uuid4().hex, login, "U", "csm"), None, "a test")


def tried(client, login: str, password: str, **headers: str):
    return client.post("/sign-in", data={"login": login, "password": password}, headers=headers)


# What is told


def test_wrong_login_and_wrong_password_are_answered_alike(browsed):
    browsed.sign_in("csm", login="known")
    nobody = browsed.nobody()
    wrong = tried(nobody, "known", "a wrong password")
    unknown = tried(nobody, "unkno", "a wrong password")
    assert wrong.status_code == unknown.status_code == 403
    assert wrong.text == unknown.text.replace("unkno", "known")
    assert "Login or password is wrong." in wrong.text
    assert "a wrong password" not in wrong.text
    assert "set-cookie" not in wrong.headers


def test_the_login_of_a_disabled_user_is_answered_alike(browsed, store):
    browsed.sign_in("csm", login="gone")
    from npsight.web import people

    people.disable(store, browsed.live.state.spec, "gone", "a test", datetime.now(UTC))
    response = tried(browsed.nobody(), "gone", PASSWORD)
    assert response.status_code == 403
    assert "Login or password is wrong." in response.text


def test_who_is_signed_in_need_not_again(browsed):
    assert browsed.sign_in("csm").get("/sign-in").headers["location"] == "/worklist"


@pytest.mark.parametrize("path", ["/worklist", "/accounts/a%2F1", "/worklist?owner=Ada&sort=rank"])
def test_the_page_that_was_wanted_is_opened(path):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "",
     "/\t/evil.example", "/\r\nSet-Cookie: x=1", "worklist", "\\\\evil.example", "/" + "a" * 2000],
)  # fmt: skip
def test_no_address_of_another_site_is_opened(browsed, path):
    assert local_path(path) == "/worklist"
    browsed.sign_in("csm", login=(login := f"n{uuid.uuid4().hex[:8]}"))
    form = {"login": login, "password": PASSWORD, "next": path}
    assert browsed.nobody().post("/sign-in", data=form).headers["location"] == "/worklist"


# What is counted


def test_how_long_nobody_may_try():
    free = FREE["login"]
    assert wait_for("login", free - 1) is None
    assert wait_for("login", free) == timedelta(seconds=30)
    assert wait_for("login", free + 1) == timedelta(seconds=60)
    assert wait_for("login", free + 5) == timedelta(minutes=15)
    assert wait_for("login", 10**6) == timedelta(minutes=15)
    assert wait_for("address", free) is None


def test_a_login_is_locked_until_an_instant_known_or_not(browsed):
    browsed.sign_in("csm", login="locked")
    nobody = browsed.nobody()
    for login in ("locked", "nobody-has-it"):
        for _ in range(FREE["login"]):
            assert tried(nobody, login, "a wrong password").status_code == 403
        refused = tried(nobody, login, PASSWORD)
        assert refused.status_code == 429
        assert 25 <= int(refused.headers["retry-after"]) <= 30
        assert "Too many failed sign-ins. Wait" in refused.text
        assert "set-cookie" not in refused.headers
    assert tried(nobody, "LOCKED", PASSWORD).status_code == 429


def failed(store, attempt: Attempt, at: datetime, times: int) -> list[datetime | None]:
    return [begin_attempt(store, "tiny", attempt, at) for _ in range(times)]


def test_the_lock_ends_at_its_instant_and_grows(store):
    who = Attempt("grows", None)
    assert failed(store, who, NOW, 6) == [None] * 5 + [NOW + timedelta(seconds=30)]
    just_before = NOW + timedelta(seconds=30, microseconds=-1)
    assert begin_attempt(store, "tiny", who, just_before) == NOW + timedelta(seconds=30)
    later = NOW + timedelta(seconds=30)
    assert failed(store, who, later, 2) == [None, later + timedelta(seconds=60)]


def test_failures_are_forgotten_after_a_day(store):
    who = Attempt("forgotten", None)
    failed(store, who, NOW, 5)
    almost = NOW + FORGET - timedelta(microseconds=1)
    assert failed(store, who, almost, 2)[1] is not None
    assert failed(store, who, almost + FORGET, 5) == [None] * 5


def test_a_right_password_forgets_the_failures_of_the_login_but_not_of_the_address(store):
    def succeed(attempt: Attempt, at: datetime) -> None:
        assert begin_attempt(store, "tiny", attempt, at) is None
        with store.writing() as connection:
            forgive_attempt(connection, "tiny", attempt)

    at = NOW + timedelta(days=9)
    for number in range(FREE["address"] - 1):
        assert begin_attempt(store, "tiny", Attempt(f"guess-{number}", "198.51.100.9"), at) is None
    mine = Attempt("mine", "198.51.100.9")
    succeed(mine, at)
    succeed(mine, at)
    assert begin_attempt(store, "tiny", Attempt("last", "198.51.100.9"), at) is None
    assert begin_attempt(store, "tiny", mine, at) == at + timedelta(seconds=30)
    assert begin_attempt(store, "tiny", Attempt("mine", "198.51.100.10"), at) is None


def test_many_attempts_at_once_gain_nothing(store):
    who = Attempt("at-once", "198.51.100.77")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: begin_attempt(store, "tiny", who, NOW), range(24)))
    assert made.count(None) == FREE["login"]


def test_what_was_typed_is_not_kept(browsed, store):
    tried(browsed.nobody(), "my password by mistake", "x")
    with store.reading() as connection:
        rows = connection.execute(select(sign_in_failures)).all()
    assert rows
    assert "my password" not in str(rows)
    assert "testclient" not in str(rows)


def test_an_address_behind_a_proxy_is_not_locked_for_all(browsed):
    from types import SimpleNamespace

    from npsight.web.signin import address_of

    def seen(host: str | None) -> str | None:
        client = None if host is None else SimpleNamespace(host=host)
        return address_of(SimpleNamespace(request=SimpleNamespace(client=client)))

    assert seen("127.0.0.1") is None
    assert seen("::1") is None
    assert seen(None) is None
    assert seen("203.0.113.4") == "203.0.113.4"
    assert seen("2001:db8:1:2:3:4:5:6") == seen("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert seen("::ffff:203.0.113.4") == "203.0.113.4"


# Passwords


def test_rules_of_passwords():
    assert "at least 12" in fault_of("ada", "elevenchars")
    assert fault_of("ada", "twelve chars") is None
    assert "not be the login" in fault_of("ada.lovelace@x", "Ada.Lovelace@X")
    assert "at most" in fault_of("ada", "x" * 1001)
    assert fault_of("ada", random_password()) is None
    assert random_password() != random_password()


def test_a_hash_is_argon2id_and_salted():
    one, other = hashed(PASSWORD), hashed(PASSWORD)
    assert one.startswith("$argon2id$")
    assert one != other
    assert matches(one, PASSWORD)
    assert not matches(one, PASSWORD + " ")
    assert not matches(None, PASSWORD)
    assert not matches("no hash", PASSWORD)


def test_a_hash_of_other_settings_is_made_anew(browsed, store):
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    add_user(store, "tiny", User("weak-1", "weak", "Weak", "csm"), weak, "a test")
    assert tried(browsed.nobody(), "weak", PASSWORD).status_code == 303
    _, strong = user_by_login(store, "tiny", "weak")
    assert strong != weak
    assert matches(strong, PASSWORD)
    assert tried(browsed.nobody(), "weak", PASSWORD).status_code == 303
    assert user_by_login(store, "tiny", "weak")[1] == strong


# Sessions


def test_cookies_over_tls_and_without(browsed):
    browsed.sign_in("csm", login="cookies")
    form = {"login": "cookies", "password": PASSWORD}
    over_tls = browsed.nobody().post("/sign-in", data=form).headers["set-cookie"]
    name, _, rest = over_tls.partition("=")
    assert name == "__Host-npsight_session"
    assert {part.strip() for part in rest.split(";")[1:]} == {
        "HttpOnly", "Max-Age=604800", "Path=/", "SameSite=lax", "Secure",
    }  # fmt: skip
    client = browsed.nobody()
    client.base_url = "http://testserver"
    plain = client.post("/sign-in", data=form).headers["set-cookie"]
    assert plain.startswith("npsight_session=")
    assert "Secure" not in plain
    assert "HttpOnly" in plain


def test_a_cookie_that_was_planted_is_not_taken_over(browsed):
    browsed.sign_in("csm", login="fixed")
    client = browsed.nobody()
    client.cookies.set("__Host-npsight_session", "planted", domain="testserver.local", path="/")
    form = {"login": "fixed", "password": PASSWORD}
    first = client.post("/sign-in", data=form).cookies["__Host-npsight_session"]
    assert first != "planted"
    second = client.post("/sign-in", data=form).cookies["__Host-npsight_session"]
    assert second not in ("planted", first)
    other = browsed.nobody()
    assert other.get("/settings", headers={"Cookie": f"__Host-npsight_session={first}"}).is_redirect
    found = other.get("/settings", headers={"Cookie": f"__Host-npsight_session={second}"})
    assert found.status_code == 200


def test_a_session_lasts_as_long_as_it_is_said(store, user):
    token = start_session(store, "tiny", user, NOW, LIFE)

    def lives(at: datetime) -> bool:
        return session_of(store, "tiny", token, at, LIFE) is not None

    instant = timedelta(microseconds=1)
    assert not lives(NOW + LIFE.idle)
    assert lives(NOW + LIFE.idle - instant)
    assert lives(NOW + 2 * LIFE.idle - 2 * instant)
    used = NOW + LIFE.longest - instant
    with store.writing() as connection:
        mine = sessions.c.user_id == user.id
        connection.execute(update(sessions).where(mine).values(used_at=used))
    assert lives(used)
    assert not lives(NOW + LIFE.longest)
    assert session_of(store, "another project", token, used, LIFE) is None


def test_sessions_that_are_over_are_swept_away(store, user):
    idle = start_session(store, "tiny", user, NOW, LIFE)
    live = start_session(store, "tiny", user, NOW + timedelta(hours=1), LIFE)
    with store.writing() as connection:
        sweep_sessions(connection, NOW + LIFE.idle, LIFE)
        kept = connection.execute(select(sessions).where(sessions.c.user_id == user.id)).all()
    assert len(kept) == 1
    at = NOW + LIFE.idle
    assert session_of(store, "tiny", live, at, LIFE) is not None
    assert session_of(store, "tiny", idle, at, LIFE) is None


def test_only_a_digest_of_the_token_is_kept(store, user):
    token = start_session(store, "tiny", user, NOW, LIFE)
    with store.reading() as connection:
        assert token not in str(connection.execute(select(sessions)).all())
    with store.writing() as connection:
        assert end_sessions(connection, user.id) == 1
    assert session_of(store, "tiny", token, NOW, LIFE) is None


def test_signing_in_and_out_is_written_down(browsed: Browsed, store):
    browser = browsed.sign_in("csm", login="written")
    browser.post("/sign-out")
    done = [entry.action for entry in entries(store, "tiny", subject="user written")]
    assert done == ["signed out", "signed in", "user added"]


def test_the_browsers_time_zone_is_taken_once(browsed, store):
    def zone(login: str) -> str:
        return user_by_login(store, "tiny", login)[0].time_zone

    form = {"login": "zoned", "password": PASSWORD, "zone": "Asia/Tokyo"}
    secret = hashed(PASSWORD)
    add_user(store, "tiny", User("zoned-1", "zoned", "Z", "csm"), secret, "a test")
    browsed.nobody().post("/sign-in", data=form)
    assert zone("zoned") == "Asia/Tokyo"
    browsed.nobody().post("/sign-in", data={**form, "zone": "Europe/Berlin"})
    assert zone("zoned") == "Asia/Tokyo"
    add_user(store, "tiny", User("zoned-2", "zoned2", "Z", "csm"), secret, "a test")
    browsed.nobody().post("/sign-in", data={**form, "login": "zoned2", "zone": "<script>"})
    assert zone("zoned2") == "UTC"


# Forms and hosts


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"content": b"login=" + b"a" * 70_000,
          "headers": {"content-type": "application/x-www-form-urlencoded"}}, 413),
        ({"content": iter([b"login=", *[b"a" * 10_000] * 8]),
          "headers": {"content-type": "application/x-www-form-urlencoded"}}, 413),
        ({"json": {"login": "x"}}, 415),
        ({"content": b"login=x", "headers": {"content-type": "text/plain"}}, 415),
        ({"content": b"garbage",
          "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": b"garbage", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"files": {"login": ("a.txt", b"x")}}, 400),
        ({"data": {f"f{i}": "x" for i in range(300)}}, 400),
        ({"data": {"login": "a\x00b"}}, 400),
        ({"content": b"", "headers": {"content-length": "x"}}, 400),
        ({"content": b"\xff\xfe=%ff%fe&login=%F0%9F%98%80",
          "headers": {"content-type": "application/x-www-form-urlencoded; charset=utf-16"}}, 403),
    ],
)  # fmt: skip
def test_what_is_no_small_form_is_refused(browsed, options, status):
    assert browsed.nobody().post("/sign-in", **options).status_code == status


def test_only_our_own_name_is_answered(tmp_path):
    public = "\nservice: {public_url: 'https://nps.example.com'}\n"
    browsed = browse(tmp_path, more=public)
    nobody = browsed.nobody()

    def status(host: str) -> int:
        return nobody.get("/sign-in", headers={"Host": host}).status_code

    assert status("nps.example.com") == status("NPS.example.com:443") == 200
    assert status("127.0.0.1:3000") == status("localhost:3000") == status("[::1]:3000") == 200
    assert status("evil.example") == status("nps.example.com.evil.example") == status("[") == 421
    headers = {"Host": "127.0.0.1:3000", "Origin": "https://nps.example.com"}
    form = {"login": "x", "password": "y"}
    assert nobody.post("/sign-in", data=form, headers=headers).status_code == 403
    assert "another site" not in nobody.post("/sign-in", data=form, headers=headers).text
    nobody.base_url = "http://127.0.0.1:3000"
    assert "strict-transport-security" in nobody.get("/sign-in").headers
