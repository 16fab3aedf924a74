"""Every page and action there is, as data."""

from __future__ import annotations

from npsight.web import home, settings, signin, worklist
from npsight.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (*home.ROUTES, *signin.ROUTES, *settings.ROUTES, *worklist.ROUTES)
