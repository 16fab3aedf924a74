"""What each user sets for themselves: time zone and colours."""

from __future__ import annotations

from zoneinfo import available_timezones

from starlette.responses import Response

from npsight.store.users import change_user
from npsight.web.page import Page, PageError, PageRoute

THEMES = ("system", "light", "dark")


def settings_page(page: Page) -> Response:
    """The form."""
    saved = page.query.get("saved") == "1"
    return page.html("settings.html", zones=sorted(available_timezones()), saved=saved)


def save_settings(page: Page) -> Response:
    """Keep them."""
    zone, theme = page.form.get("time_zone", ""), page.form.get("theme", "")
    if zone not in available_timezones():
        raise PageError(422, "There is no such time zone.", "Choose one such as Europe/Berlin.")
    if theme not in THEMES:
        raise PageError(422, "There are no such colours.", f"Choose of {', '.join(THEMES)}.")
    user = page.user.login
    change_user(page.store, page.project.name, user, user, "settings", time_zone=zone, theme=theme)
    return page.go("/settings?saved=1")


ROUTES = (
    PageRoute("GET", "/settings", settings_page),
    PageRoute("POST", "/settings", save_settings),
)
