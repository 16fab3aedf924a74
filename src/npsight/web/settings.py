"""What users set for themselves: time zone, colours, password, and where they are signed in."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from npsight.service.limits import whole_seconds
from npsight.store.sessions import end_sessions, sessions_of
from npsight.store.users import change_user, user_by_login
from npsight.web.page import Page, PageError, PageRoute
from npsight.web.passwords import fault_of, hashed
from npsight.web.signin import check_password, wait_words
from npsight.web.zones import is_zone, zones_by_place

THEMES = (("system", "As the device"), ("light", "Light"), ("dark", "Dark"))
SAID = {
    "1": "Saved.",
    "password": "Your password was changed. You were signed out everywhere else.",
    "sessions": "You were signed out everywhere else.",
}


def settings_page(page: Page) -> Response:
    """The forms."""
    return _shown(page, said=SAID.get(page.query.get("saved", ""), ""))


def save_settings(page: Page) -> Response:
    """Keep time zone and colours."""
    zone, theme = page.form.get("time_zone", ""), page.form.get("theme", "")
    if not is_zone(zone):
        raise PageError(422, "There is no such time zone.", "Choose one such as Europe/Berlin.")
    if theme not in dict(THEMES):
        names = ", ".join(dict(THEMES))
        raise PageError(422, "There are no such colours.", f"Choose of {names}.")
    user = page.user.login
    change_user(page.store, page.project.name, user, user, "settings", time_zone=zone, theme=theme)
    return page.go("/settings?saved=1")


def change_password(page: Page) -> Response:
    """Keep a new password of a local user, who ends their other sessions by it."""
    login = page.user.login
    if not _is_local(page):
        raise PageError(422, "Your password is kept by your company.", "Change it there.")
    new, again = page.form.get("new", ""), page.form.get("again", "")
    fault = fault_of(login, new)
    if fault is None and new != again:
        fault = "The new password and its repetition differ."
    if fault is not None:
        return _shown(page, 422, fault=fault)
    user, wait = check_password(page, login, page.form.get("password", ""))
    if wait is not None:
        response = _shown(page, 429, fault=f"Too many wrong passwords. {wait_words(wait)}")
        response.headers["Retry-After"] = str(whole_seconds(wait.total_seconds()))
        return response
    if user is None:
        return _shown(page, 403, fault="Your present password is another.")
    others = partial(end_sessions, but=page.signed_in.digest)
    change_user(
        page.store,
        page.project.name,
        login,
        login,
        "password changed",
        also=others,
        password_hash=hashed(new),
    )
    return page.go("/settings?saved=password")


def end_others(page: Page) -> Response:
    """Sign out everywhere else."""
    login = page.user.login
    others = partial(end_sessions, but=page.signed_in.digest)
    change_user(page.store, page.project.name, login, login, "signed out elsewhere", also=others)
    return page.go("/settings?saved=sessions")


def _shown(page: Page, status: int = 200, said: str = "", fault: str = "") -> Response:
    return page.html(
        "settings.html",
        status,
        places=zones_by_place(),
        themes=THEMES,
        said=said,
        fault=fault,
        local=_is_local(page),
        sessions=sessions_of(page.store, page.user.id, page.now, page.session_life),
        here=page.signed_in.digest,
    )


def _is_local(page: Page) -> bool:
    found = user_by_login(page.store, page.project.name, page.user.login)
    return found is not None and found[1] is not None


ROUTES = (
    PageRoute("GET", "/settings", settings_page),
    PageRoute("POST", "/settings", save_settings),
    PageRoute("POST", "/settings/password", change_password),
    PageRoute("POST", "/settings/sessions", end_others),
)
