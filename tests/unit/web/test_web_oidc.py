"""Signing in at an issuer that is really called, and everything that must not get in."""

from __future__ import annotations

import html
import re
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from json import dumps
from urllib.parse import parse_qs, urlsplit

import pytest
from browsed import PASSWORD, Browsed, browse
from openid_provider import CLIENT, SECRET, Provider, followed, new_key, openid_provider

from npsight.config.schema import OpenIdConnect
from npsight.errors import ConfigError
from npsight.outgoing.openid import Issuer, OpenIdError
from npsight.store.auditlog import entries
from npsight.store.users import user_by_login, user_of_issuer, users_of
from npsight.web import oidc, people
from npsight.web.claimed import role_of
from npsight.web.flow import VALID, new_flow, packed, unpacked

CALLBACK = "https://testserver/sign-in/oidc/callback"
PAGES = """
pages:
  oidc:
    issuer: {issuer}
    client_id: {client}
    client_secret: TEST_OIDC_SECRET
    role_claim: realm_access.roles
    roles: {{nps-reader: viewer, nps-csm: csm, nps-boss: admin}}
    owner_claim: name
"""


@pytest.fixture(scope="module")
def _provider():
    with openid_provider() as made:
        yield made


@pytest.fixture(scope="module")
def browsed(_provider, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_OIDC_SECRET", SECRET)
        more = PAGES.format(issuer=_provider.address, client=CLIENT)
        yield browse(tmp_path_factory.mktemp("oidc"), more=more)


@pytest.fixture
def provider(_provider) -> Provider:
    _provider.reset()
    _provider.person["realm_access"] = {"roles": ["nps-csm", "something"]}
    oidc._metadata_in.cache_clear()
    return _provider


def begun(client, query: str = "") -> str:
    """The address at the provider that a browser is sent to."""
    response = client.get(f"/sign-in/oidc{query}")
    assert response.status_code == 303, response.text
    return response.headers["location"]


def came_back(browsed: Browsed, client=None):
    """The answer to a browser that was at the provider."""
    client = client or browsed.nobody()
    return client.get(followed(begun(client)))


def assert_nobody_came_in(response, *words: str, status: int = 403) -> None:
    assert response.status_code == status, response.text
    for word in words:
        assert word in response.text
    assert "npsight_session" not in response.headers.get("set-cookie", "")
    assert "canary" not in response.text


# The way in


def test_a_browser_is_sent_there_with_what_binds_the_answer_to_it(browsed, provider):
    client = browsed.nobody()
    response = client.get("/sign-in/oidc?next=/settings&zone=Asia/Tokyo")
    asked = parse_qs(urlsplit(response.headers["location"]).query)
    assert asked["redirect_uri"] == [CALLBACK]
    assert asked["response_type"] == ["code"]
    assert asked["tenant"] == ["a"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["state"][0]) == len(asked["nonce"][0]) == len(asked["code_challenge"][0]) == 43
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-npsight_sign_in=")
    for part in ("HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax", "Secure"):
        assert part in cookie
    other = parse_qs(urlsplit(begun(client)).query)
    for name in ("state", "nonce", "code_challenge"):
        assert other[name] != asked[name]
    assert SECRET not in cookie + response.headers["location"]


def test_somebody_is_made_and_signed_in_and_made_once(browsed, provider):
    store = browsed.live.state.store
    provider.person |= {"sub": "made", "preferred_username": "made", "email": "made@example.com"}
    client = browsed.nobody()
    address = begun(client, "?next=/settings&zone=Asia/Tokyo")
    response = client.get(followed(address))
    assert response.headers["location"] == "/settings"
    page = client.get("/settings")
    assert page.status_code == 200
    assert "Present password" not in page.text
    user = user_of_issuer(store, "tiny", provider.address, "made")
    assert (user.login, user.name, user.role, user.owner, user.email, user.time_zone) == (
        "made", "Ada", "csm", "Ada", "made@example.com", "Asia/Tokyo",
    )  # fmt: skip
    provider.person |= {"name": "Ada Byron", "realm_access": {"roles": ["nps-reader"]}}
    assert came_back(browsed).headers["location"] == "/worklist"
    again = user_of_issuer(store, "tiny", provider.address, "made")
    assert (again.id, again.name, again.role, again.owner) == (
        user.id, "Ada Byron", "viewer", "Ada Byron",
    )  # fmt: skip
    done = [entry.action for entry in entries(store, "tiny", subject="user made")]
    assert done == [
        "signed in", "signed in at the issuer", "signed in", "settings", "user added",
    ]  # fmt: skip


def test_the_secret_may_go_in_the_form(browsed, provider):
    provider.auth_method = "client_secret_post"
    assert came_back(browsed).headers["location"] == "/worklist"


def test_nobody_is_taken_for_a_user_with_the_same_login(browsed, provider):
    store = browsed.live.state.store
    browsed.sign_in("admin", login="root")
    provider.person |= {"sub": "not root", "preferred_username": "root", "email": "root@x"}
    assert came_back(browsed).status_code == 303
    user = user_of_issuer(store, "tiny", provider.address, "not root")
    assert (user.login, user.role) == ("root-2", "csm")
    assert user_by_login(store, "tiny", "root")[0].issuer is None


def test_who_came_that_way_has_no_password(browsed, provider):
    store = browsed.live.state.store
    provider.person |= {"sub": "no password", "preferred_username": "passless"}
    assert came_back(browsed).status_code == 303
    form = {"login": "passless", "password": ""}
    assert browsed.nobody().post("/sign-in", data=form).status_code == 403
    with pytest.raises(ConfigError, match="has no password here"):
        people.reset_password(store, browsed.live.state.spec, "passless", PASSWORD, "a test")


def test_the_page_offers_both_ways_and_passwords_only_where_somebody_has_one(
    provider, tmp_path, monkeypatch
):
    monkeypatch.setenv("TEST_OIDC_SECRET", SECRET)
    browsed = browse(tmp_path, more=PAGES.format(issuer=provider.address, client=CLIENT))
    page = browsed.nobody().get("/sign-in").text
    assert "Sign in with your company account" in page
    assert 'name="password"' not in page
    browsed.sign_in("csm")
    assert 'name="password"' in browsed.nobody().get("/sign-in").text


def test_a_note_outlives_its_session_where_the_company_signs_in(browsed, provider):
    """The issuer's pages open in a window of their own; the note waits in the one that it is in."""
    provider.person |= {"sub": "late", "preferred_username": "late"}
    path, note = "/accounts/a000/follow-up", 'They said: "<b>too slow</b>".'
    here = {"Sec-Fetch-Site": "same-origin", "Origin": "https://testserver"}
    client = browsed.nobody()
    ended = client.post(path, data={"csrf": "old", "note": note}, headers=here)
    for _ in range(2):
        assert ended.status_code == 403
        assert 'data-zone target="_blank"' in ended.text
        waiting = form_of(ended.text, path)
        assert waiting == {"csrf": "", "note": note}
        # Sent before anybody signed in, it waits on.
        ended = client.post(path, data=waiting, headers=here)
    assert came_back(browsed, client).headers["location"] == "/worklist"
    within = client.post(path, data=waiting, headers=here)
    assert within.status_code == 403
    assert "Nothing of it was saved yet." in within.text
    again = form_of(within.text, path)
    assert again["csrf"]
    assert again["note"] == note
    # The tiny project has no such account, but the form got as far as asking for it.
    assert client.post(path, data=again, headers=here).status_code == 404


def form_of(text: str, path: str) -> dict[str, str]:
    """The hidden fields of the form that leads there."""
    form = text.partition(f'action="{path}">')[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found}


def test_signing_out_offers_to_sign_out_there_too(browsed, provider):
    client = browsed.nobody()
    came_back(browsed, client)
    token = client.get("/settings").text.partition('name="csrf" value="')[2].partition('"')[0]
    out = client.post("/sign-out", data={"csrf": token}).headers["location"]
    assert 'href="/sign-in/oidc/end"' in client.get(out).text
    end = urlsplit(client.get("/sign-in/oidc/end").headers["location"])
    assert f"{end.scheme}://{end.netloc}{end.path}" == f"{provider.address}/out"
    assert parse_qs(end.query) == {
        "client_id": [CLIENT],
        "post_logout_redirect_uri": ["https://testserver/sign-in"],
    }
    provider.metadata = {"end_session_endpoint": None}
    oidc._metadata_in.cache_clear()
    assert client.get("/sign-in/oidc/end").status_code == 404


# What must not get in


@dataclass(frozen=True)
class Clock:
    """So many seconds from now, whenever the test runs."""

    seconds: int


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("nonce", "another"), ("nonce", None), ("nonce", ""),
        ("aud", "another client"), ("aud", None), ("aud", ["another"]),
        ("aud", [CLIENT, "another"]), ("azp", "another"),
        ("iss", "https://evil.example"), ("iss", None),
        ("exp", Clock(-61)), ("exp", None), ("exp", "9999999999"),
        ("iat", None), ("iat", Clock(3600)),
        ("nbf", Clock(3600)),
        ("sub", None), ("sub", ""), ("sub", 7), ("sub", "s" * 256),
        ("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
    ],
)  # fmt: skip
def test_a_token_with_a_wrong_claim_is_refused(browsed, provider, claim, value):
    told = int(time.time()) + value.seconds if isinstance(value, Clock) else value
    provider.wrong = {claim: told}
    assert_nobody_came_in(came_back(browsed), "could not be proved")


def test_clocks_may_differ_a_little(browsed, provider):
    provider.wrong = {"exp": int(time.time()) - 30, "iat": int(time.time()) + 30}
    assert came_back(browsed).status_code == 303


def test_an_audience_of_several_needs_us_as_the_party(browsed, provider):
    provider.wrong = {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert came_back(browsed).status_code == 303


def unsigned(claims) -> str:
    parts = [urlsafe_b64encode(dumps(part).encode()).rstrip(b"=").decode()
             for part in ({"alg": "none", "typ": "JWT"}, claims)]  # fmt: skip
    return ".".join([*parts, ""])


def altered(provider: Provider):
    """A token whose claims were changed after it was signed."""

    def forge(claims) -> str:
        head, _, mark = provider.signed(claims, provider.keys[0]).split(".")
        body = urlsafe_b64encode(dumps({**claims, "sub": "boss"}).encode()).rstrip(b"=").decode()
        return f"{head}.{body}.{mark}"

    return forge


@pytest.mark.parametrize(
    "forge",
    [
        lambda provider: unsigned,
        lambda provider: provider.signed_with_public_key,
        altered,
        lambda provider: lambda claims: provider.signed(claims, new_key(provider.keys[0].kid)),
        lambda provider: lambda claims: provider.signed(claims, new_key("unknown")),
        lambda provider: lambda claims: "no token",
        lambda provider: lambda claims: "..",
    ],
    ids=[
        "alg none",
        "HS256 with the public key",
        "altered",
        "same kid",
        "unknown kid",
        "text",
        "dots",
    ],
)
def test_a_token_that_the_issuer_did_not_sign_is_refused(browsed, provider, forge):
    provider.forge = forge(provider)
    assert_nobody_came_in(came_back(browsed), "could not be proved")


def test_a_rotated_key_is_taken_and_the_old_one_no_more(browsed, provider):
    assert came_back(browsed).status_code == 303
    old = provider.rotate()
    assert came_back(browsed).status_code == 303
    provider.forge = lambda claims: provider.signed(claims, old)
    assert_nobody_came_in(came_back(browsed), "could not be proved")


def test_a_symmetric_key_in_the_set_is_no_key(browsed, provider, monkeypatch):
    from joserfc import jwt
    from joserfc.jwk import OctKey

    secret = OctKey.import_key("a secret of thirty-two characters", {"kid": "oct"})
    monkeypatch.setattr(
        Issuer, "keys", lambda self, metadata: {"keys": [secret.as_dict(private=True)]}
    )
    provider.forge = lambda claims: jwt.encode({"alg": "HS256", "kid": "oct"}, claims, secret)
    assert_nobody_came_in(came_back(browsed), "could not be proved")


def test_who_was_denied_is_told_so(browsed, provider):
    provider.denies = True
    assert_nobody_came_in(came_back(browsed), "did not let you in")


def test_an_answer_cannot_be_used_twice(browsed, provider):
    client = browsed.nobody()
    answer = followed(begun(client))
    kept = dict(client.cookies)
    assert client.get(answer).status_code == 303
    again = browsed.nobody()
    for name, value in kept.items():
        again.cookies.set(name, value, domain="testserver.local", path="/")
    assert_nobody_came_in(again.get(answer), status=503)


def test_a_state_is_used_once_though_the_issuer_takes_its_code_again(browsed, provider):
    client = browsed.nobody()
    answer = followed(begun(client))
    kept = dict(client.cookies)
    codes = dict(provider.codes)
    assert client.get(answer).status_code == 303
    provider.codes |= codes
    again = browsed.nobody()
    for name, value in kept.items():
        again.cookies.set(name, value, domain="testserver.local", path="/")
    assert_nobody_came_in(again.get(answer), "finished before")


def test_an_answer_of_another_browser_is_refused(browsed, provider):
    attacker, victim = browsed.nobody(), browsed.nobody()
    answer = followed(begun(attacker))
    assert_nobody_came_in(victim.get(answer), "not begun here")
    begun(victim)
    assert_nobody_came_in(victim.get(answer), "not begun here")


def test_a_code_that_was_put_into_ones_own_answer_is_refused(browsed, provider):
    victim, attacker = browsed.nobody(), browsed.nobody()
    stolen = parse_qs(urlsplit(followed(begun(victim))).query)["code"][0]
    state = parse_qs(urlsplit(begun(attacker)).query)["state"][0]
    injected = f"/sign-in/oidc/callback?code={stolen}&state={state}&iss={provider.address}"
    # The verifier of another browser: the issuer refuses the code.
    assert_nobody_came_in(attacker.get(injected), "does not give the token", status=503)


@pytest.mark.parametrize(
    "query",
    ["", "?code=x", "?state=x", "?code=x&state=%C3%A9", "?error=server_error"],
)
def test_an_address_without_an_answer_is_refused(browsed, provider, query):
    client = browsed.nobody()
    begun(client)
    assert_nobody_came_in(client.get(f"/sign-in/oidc/callback{query}"), "not begun here")


@pytest.mark.parametrize("issuer", ["", "&iss=https://evil.example"])
def test_an_answer_of_another_issuer_is_refused(browsed, provider, issuer):
    client = browsed.nobody()
    answer = followed(begun(client)).partition("&iss=")[0]
    assert_nobody_came_in(client.get(f"{answer}{issuer}"), "another sign-in")


def test_who_has_no_role_is_refused_and_not_kept(browsed, provider):
    store = browsed.live.state.store
    for roles in (None, {"roles": []}, {"roles": ["other"]}, "text", {"roles": {"nps-boss": 1}}):
        provider.person |= {"sub": "roleless", "realm_access": roles}
        assert_nobody_came_in(came_back(browsed), "no role in npsight")
    assert user_of_issuer(store, "tiny", provider.address, "roleless") is None


def test_who_was_disabled_is_refused(browsed, provider):
    store, spec = browsed.live.state.store, browsed.live.state.spec
    provider.person |= {"sub": "ended", "preferred_username": "ended"}
    assert came_back(browsed).status_code == 303
    people.disable(store, spec, "ended", "a test", datetime.now(UTC))
    provider.person["name"] = "Changed"
    assert_nobody_came_in(came_back(browsed), "Your access to npsight was ended.")
    assert user_by_login(store, "tiny", "ended")[0].name == "Ada"


def test_hostile_names_of_claims_are_shown_as_text(browsed, provider):
    hostile = "<script>alert(1)</script>\u202e"
    provider.person |= {"sub": hostile, "name": hostile, "preferred_username": hostile}
    client = browsed.nobody()
    assert came_back(browsed, client).status_code == 303
    page = client.get("/settings").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


# The pieces


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"roles": "a"}, "viewer"), ({"roles": ["a", "b"]}, "admin"), ({"roles": ["x"]}, None),
        ({"roles": [["a"], 1, None]}, None), ({}, None), ({"roles": "x"}, None),
    ],
)  # fmt: skip
def test_the_highest_role_counts(claims, role):
    settings = {"issuer": "https://i.example", "client_id": "c", "client_secret": "S"}
    found = OpenIdConnect(**settings, roles={"a": "viewer", "b": "admin"})
    assert role_of(found, claims) == role
    assert role_of(found.model_copy(update={"default_role": "viewer"}), claims) == (
        role or "viewer"
    )


def test_what_a_browser_remembers_cannot_be_made_or_altered_or_kept():
    now = datetime(2026, 6, 1, tzinfo=UTC)
    flow = new_flow("/worklist", "", now)
    cookie = packed(flow, "secret")
    assert unpacked(cookie, "secret", now) == flow
    assert unpacked(cookie, "secret", now + VALID - timedelta(seconds=1)) == flow
    assert unpacked(cookie, "secret", now + VALID) is None
    assert unpacked(cookie, "secret", now - timedelta(seconds=1)) is None
    assert unpacked(cookie, "another", now) is None
    body, _, mark = cookie.partition(".")
    other = packed(new_flow("/worklist", "", now), "secret").partition(".")[0]
    for broken in ("", ".", body, f"{other}.{mark}", f"{body}.é", f"é.{mark}"):
        assert unpacked(broken, "secret", now) is None


def test_an_issuer_is_called_by_https_but_on_this_machine():
    with pytest.raises(ConfigError, match="without encryption"):
        Issuer("http://login.example.com", CLIENT, SECRET)
    assert Issuer("https://login.example.com", CLIENT, SECRET)
    assert Issuer("http://127.0.0.1:9", CLIENT, SECRET)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"issuer": "https://another.example"}, "another address"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"jwks_uri": "http://evil.example/keys"}, "jwks_uri"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
    ],
)
def test_an_issuer_that_tells_nonsense_is_refused(browsed, provider, told, words):
    provider.metadata = told
    response = browsed.nobody().get("/sign-in/oidc")
    assert_nobody_came_in(response, words, status=503)


def test_an_issuer_that_does_not_answer_is_said(provider):
    with pytest.raises(OpenIdError, match="cannot be asked"):
        Issuer("http://127.0.0.1:9", CLIENT, SECRET).metadata()


def test_a_private_address_that_the_issuer_only_names_is_not_called(provider):
    issuer = Issuer(provider.address, CLIENT, SECRET)
    metadata = issuer.metadata()
    from dataclasses import replace

    inner = replace(metadata, keys="https://10.0.0.7/keys")
    with pytest.raises(OpenIdError, match="not public"):
        issuer.keys(inner)


def test_without_an_issuer_there_is_no_such_way(tmp_path):
    browsed = browse(tmp_path)
    for path in ("/sign-in/oidc", "/sign-in/oidc/callback?code=x&state=y", "/sign-in/oidc/end"):
        assert browsed.nobody().get(path).status_code == 404
    assert users_of(browsed.live.state.store, "tiny") == []
