"""Every page and action there is, as data."""

from __future__ import annotations

from npsight.web import (
    account,
    audit,
    followups,
    home,
    impact,
    model,
    oidc,
    segments,
    settings,
    signin,
    users,
    worklist,
)
from npsight.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (
    *home.ROUTES,
    *signin.ROUTES,
    *oidc.ROUTES,
    *settings.ROUTES,
    *users.ROUTES,
    *audit.ROUTES,
    *worklist.ROUTES,
    *segments.ROUTES,
    *model.ROUTES,
    *impact.ROUTES,
    *followups.ROUTES,
    # Accounts' keys may hold slashes: what lies below an account comes before it.
    *account.ROUTES,
)
