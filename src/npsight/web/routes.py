"""Every page and action there is, as data."""

from __future__ import annotations

from npsight.web import audit, home, oidc, settings, signin, users
from npsight.web import home, impact, settings, signin
from npsight.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (
    *home.ROUTES,
    *signin.ROUTES,
    *oidc.ROUTES,
    *settings.ROUTES,
    *users.ROUTES,
    *audit.ROUTES,
)
from npsight.web import followups, home, settings, signin
from npsight.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (*home.ROUTES, *signin.ROUTES, *settings.ROUTES, *followups.ROUTES)
    *settings.ROUTES,
    *impact.ROUTES,
)
