"""Every page and action there is, as data."""

from __future__ import annotations

from npsight.web import (
    audit,
    followups,
    home,
    impact,
    oidc,
    segments,
    settings,
    signin,
    users,
)
from npsight.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (
    *home.ROUTES,
    *signin.ROUTES,
    *oidc.ROUTES,
    *settings.ROUTES,
    *users.ROUTES,
    *audit.ROUTES,
    *segments.ROUTES,
    *impact.ROUTES,
    *followups.ROUTES,
)
from npsight.web import account, home, settings, signin
from npsight.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (*account.ROUTES, *home.ROUTES, *signin.ROUTES, *settings.ROUTES)
