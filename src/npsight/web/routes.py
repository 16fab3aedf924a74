"""Every page and action there is, as data."""

from __future__ import annotations

from npsight.web import home, model, segments, settings, signin
from npsight.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (
    *home.ROUTES,
    *model.ROUTES,
    *segments.ROUTES,
    *signin.ROUTES,
    *settings.ROUTES,
)
