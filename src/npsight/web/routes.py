"""Every page and action there is, as data."""

from __future__ import annotations

from npsight.web import account, home, settings, signin
from npsight.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (*account.ROUTES, *home.ROUTES, *signin.ROUTES, *settings.ROUTES)
