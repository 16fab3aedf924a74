"""Signing in and out with a local user."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import timedelta

from starlette.responses import Response

from npsight.service.limits import whole_seconds
from npsight.store.attempts import Attempt, begin_attempt, forgive_attempt
from npsight.store.sessions import end_session, session_of, start_session
from npsight.store.users import User, change_user, has_local_user, rehash, user_by_login
from npsight.web.cookies import drop_session_cookie, set_session_cookie
from npsight.web.page import Page, PageRoute
from npsight.web.passwords import hashed, is_dated, matches
from npsight.web.unsent import Unsent, carried, unsent_page
from npsight.web.zones import is_zone

LONGEST_LOGIN = 200


def sign_in_page(page: Page) -> Response:
    """The form."""
    if page.session is not None:
        return page.go("/worklist")
    return form_page(page, page.query.get("next", ""))


def form_page(
    page: Page, after: str, status: int = 200, fault: str = "", unsent: Unsent | None = None
) -> Response:
    """The form, with what went wrong, and another form that waits to be sent."""
    oidc = page.project.pages.oidc
    return page.html(
        "signin.html",
        status,
        next=local_path(after),
        fault=fault,
        login=page.form.get("login", "")[:LONGEST_LOGIN],
        company=oidc is not None,
        local=oidc is None or has_local_user(page.store, page.project.name),
        signed_out=page.query.get("signed_out", ""),
        unsent=unsent or carried(page),
    )


def sign_in(page: Page) -> Response:
    """Check login and password; the same answer whichever is wrong."""
    after = local_path(page.form.get("next", ""))
    user, wait = check_password(
        page, page.form.get("login", "").strip(), page.form.get("password", "")
    )
    if wait is not None:
        return too_often(page, after, wait)
    if user is None:
        return form_page(page, after, 403, "Login or password is wrong.")
    return enter(page, user, after)


def check_password(page: Page, login: str, password: str) -> tuple[User | None, timedelta | None]:
    """Who has that login and password, and else for how long nobody may try (None: no time)."""
    project, attempt = page.project.name, Attempt(login[:LONGEST_LOGIN], address_of(page))
    until = begin_attempt(page.store, project, attempt, page.now)
    if until is not None:
        return None, until - page.now
    found = user_by_login(page.store, project, login) if len(login) <= LONGEST_LOGIN else None
    user, secret = found if found is not None else (None, None)
    if not matches(secret, password) or user is None or user.disabled_at is not None:
        return None, None
    with page.store.writing() as connection:
        forgive_attempt(connection, project, attempt)
    if secret is not None and is_dated(secret):
        rehash(page.store, user, hashed(password))
    return user, None


def too_often(page: Page, after: str, wait: timedelta) -> Response:
    """Nobody may try that login, or from that address, for a while."""
    response = form_page(page, after, 429, f"Too many failed sign-ins. {wait_words(wait)}")
    response.headers["Retry-After"] = str(whole_seconds(wait.total_seconds()))
    return response


def wait_words(wait: timedelta) -> str:
    """When to try again."""
    seconds = whole_seconds(wait.total_seconds())
    words = f"{seconds} seconds" if seconds < 90 else f"{round(seconds / 60)} minutes"
    return f"Wait {words}, then try again."


def enter(page: Page, user: User, after: str, zone: str | None = None) -> Response:
    """Sign a user in, in a session of its own, and open the page they wanted."""
    zone = zone or page.form.get("zone", "")
    if user.signed_in_at is None and is_zone(zone) and zone != user.time_zone:
        # What their browser says, until they choose.
        change_user(
            page.store, page.project.name, user.login, user.login, "settings", time_zone=zone
        )
    before = page.session.digest if page.session is not None else None
    project, life = page.project.name, page.session_life
    token = start_session(page.store, project, user, page.now, life, replaces=before)
    unsent = carried(page)
    if unsent is None:
        response = page.go(after)
    else:
        session = session_of(page.store, project, token, page.now, life)
        response = unsent_page(replace(page, session=session), unsent, 200)
    set_session_cookie(response, page, token)
    return response


def sign_out(page: Page) -> Response:
    """End the session."""
    end_session(page.store, page.project.name, page.signed_in, page.now)
    oidc = page.project.pages.oidc
    theirs = oidc is not None and page.user.issuer == oidc.issuer
    response = page.go(f"/sign-in?signed_out={'company' if theirs else 'here'}")
    drop_session_cookie(response, page)
    return response


def local_path(text: str) -> str:
    """The path, if it is one of this site, else the worklist's."""
    own = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if own and text.isprintable() and len(text) <= 2000 else "/worklist"


def address_of(page: Page) -> str | None:
    """Where a request comes from, as far as guesses are counted by it.

    None for this machine, which is a proxy that does not say for whom it asks. Somebody who has
    an IPv6 network has 2⁶⁴ addresses in it, so it counts as one.
    """
    host = page.request.client.host if page.request.client else None
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return host
    if address.is_loopback:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network(f"{address}/64", strict=False))
    return str(address)


ROUTES = (
    PageRoute("GET", "/sign-in", sign_in_page, role=None),
    PageRoute("POST", "/sign-in", sign_in, role=None),
    PageRoute("POST", "/sign-out", sign_out),
)
