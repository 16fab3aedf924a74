"""Signing in with the company's own account: OpenID Connect, authorization code with PKCE."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from hmac import compare_digest
from threading import BoundedSemaphore
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from npsight.config.outside import client_secret
from npsight.config.schema import OpenIdConnect
from npsight.errors import StateError
from npsight.outgoing.openid import Issuer, Metadata
from npsight.store.states import use_state
from npsight.store.users import User, user_of_issuer
from npsight.web.claimed import Claimed, claimed, keep_claimed
from npsight.web.cookies import FLOW, drop_cookie, read_cookie, set_cookie
from npsight.web.flow import VALID, Flow, new_flow, packed, unpacked
from npsight.web.guard import site_of
from npsight.web.idtoken import RefusedTokenError, proved_claims
from npsight.web.page import Page, PageError, PageRoute
from npsight.web.signin import enter, local_path
from npsight.web.zones import is_zone

log = logging.getLogger(__name__)
CALLBACK = "/sign-in/oidc/callback"
SCOPE = "openid profile email"
METADATA_SECONDS = 600
AGAIN = "Sign in again; tell an administrator if it stays so."
_AT_ONCE = BoundedSemaphore(8)
"""An issuer that hangs may hold so many of our threads, not all of them."""


def begin(page: Page) -> Response:
    """Send the browser to the issuer."""
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    settings = _settings(page)
    zone = page.query.get("zone", "")
    after = local_path(page.query.get("next", "")[:1000])
    flow = new_flow(after, zone if is_zone(zone) else "", page.now)
    with _talking():
        metadata = _metadata(settings, page)
    asked = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": f"{site_of(page.project, page.request)}{CALLBACK}",
        "scope": SCOPE,
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": create_s256_code_challenge(flow.verifier),
        "code_challenge_method": "S256",
    }
    response = RedirectResponse(_with_query(metadata.authorization, asked), 303)
    value = packed(flow, client_secret(settings.client_secret))
    set_cookie(response, page, FLOW, value, int(VALID.total_seconds()))
    return response


def finish(page: Page) -> Response:
    """Take what the issuer has the browser bring, prove it, and sign the user in."""
    settings = _settings(page)
    flow = _flow(page, settings)
    who = claimed(settings, _proved(page, settings, flow))
    if who.role is None:
        raise PageError(
            403,
            "Your company knows you, but you have no role in npsight.",
            "Ask an administrator for one.",
        )
    response = enter(page, _kept(page, who, flow), flow.after, flow.zone)
    drop_cookie(response, page, FLOW)
    return response


def end(page: Page) -> Response:
    """Have the issuer end its own session, too, where it offers that."""
    settings = _settings(page)
    with _talking():
        address = _metadata(settings, page).end_session
    back = {
        "client_id": settings.client_id,
        "post_logout_redirect_uri": f"{site_of(page.project, page.request)}/sign-in",
    }
    if address is None:
        raise PageError(404, "Your company's sign-in has no sign-out of its own.")
    return RedirectResponse(_with_query(address, back), 303)


def issuer_of(settings: OpenIdConnect) -> Issuer:
    """The project's issuer; raises ConfigError where address or secret cannot be used."""
    return Issuer(settings.issuer, settings.client_id, client_secret(settings.client_secret))


def _settings(page: Page) -> OpenIdConnect:
    if page.project.pages.oidc is None:
        raise PageError(404, "There is no such page.")
    return page.project.pages.oidc


def _flow(page: Page, settings: OpenIdConnect) -> Flow:
    """The sign-in that this browser began and that the address is the answer to."""
    cookie = read_cookie(page, FLOW) or ""
    flow = unpacked(cookie, client_secret(settings.client_secret), page.now)
    state = page.query.get("state", "")
    if flow is None or not compare_digest(flow.state.encode(), state.encode("utf-8", "replace")):
        raise PageError(403, "This sign-in was not begun here, or took too long.", AGAIN)
    return flow


def _proved(page: Page, settings: OpenIdConnect, flow: Flow) -> dict[str, object]:
    """The claims of who came back, proved by the issuer's keys."""
    with _talking():
        metadata = _metadata(settings, page)
        _check_answer(page, metadata)
        issuer = issuer_of(settings)
        redirect = f"{site_of(page.project, page.request)}{CALLBACK}"
        tokens = issuer.exchange(metadata, page.query.get("code", ""), flow.verifier, redirect)
        # Asked for at each sign-in, so that a rotated key needs no rule of its own.
        keys = issuer.keys(metadata)
    try:
        return proved_claims(tokens, keys, metadata, settings.client_id, flow.nonce, page.now)
    except RefusedTokenError as error:
        log.warning("an identity token was refused: %s", error)
        raise PageError(403, "Your company's sign-in could not be proved.", AGAIN) from None


def _check_answer(page: Page, metadata: Metadata) -> None:
    """Refuse an answer of another issuer, a refusal, and one without a code."""
    named = page.query.get("iss")
    if named != metadata.issuer and (named is not None or metadata.names_issuer):
        raise PageError(403, "This answer came from another sign-in.", AGAIN)
    if page.query.get("error") == "access_denied":
        raise PageError(403, "Your company's sign-in did not let you in.", "Ask who runs it.")
    if "error" in page.query or not page.query.get("code"):
        raise PageError(403, "Your company's sign-in reports an error.", AGAIN)


def _kept(page: Page, who: Claimed, flow: Flow) -> User:
    """The user in the store; raises PageError (403) for one who was disabled, and for a replay."""
    known = user_of_issuer(page.store, page.project.name, who.issuer, who.subject)
    if known is not None and known.disabled_at is not None:
        raise PageError(403, "Your access to npsight was ended.", "Ask an administrator.")
    assert who.role is not None
    once = partial(use_state, state=flow.state, now=page.now, valid=VALID)
    try:
        return keep_claimed(page.store, page.project, who, who.role, once)
    except StateError as error:
        raise PageError(403, str(error).partition("\n")[0].capitalize() + ".", AGAIN) from None


def _metadata(settings: OpenIdConnect, page: Page) -> Metadata:
    client_secret(settings.client_secret)
    return _metadata_in(settings.issuer, int(page.now.timestamp()) // METADATA_SECONDS)


@lru_cache(maxsize=4)
def _metadata_in(issuer: str, _slot: int) -> Metadata:
    """Kept for a while: whoever opens the page would else have us call the issuer."""
    return Issuer(issuer, "", "").metadata()


@contextmanager
def _talking() -> Iterator[None]:
    if not _AT_ONCE.acquire(timeout=2.0):
        raise PageError(503, "Your company's sign-in is slow to answer.", "Try again in a minute.")
    try:
        yield
    finally:
        _AT_ONCE.release()


def _with_query(address: str, fields: dict[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(fields)}"


ROUTES = (
    PageRoute("GET", "/sign-in/oidc", begin, role=None),
    PageRoute("GET", CALLBACK, finish, role=None),
    PageRoute("GET", "/sign-in/oidc/end", end, role=None),
)
