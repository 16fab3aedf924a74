"""What a page is given, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from npsight.config.schema import Role
from npsight.config.specs import ProjectSpec
from npsight.service.state import Live, ServingState
from npsight.store import Store
from npsight.store.sessions import Life, Session
from npsight.store.users import User
from npsight.web.rendering import render

RANKS: dict[Role, int] = {"viewer": 0, "csm": 1, "admin": 2}


class PageError(Exception):
    """An answer other than the page: status, a sentence for people, and the way out."""

    def __init__(self, status: int, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True)
class Page:
    """One request for a page, by somebody who may make it.

    Attributes
    ----------
    request
        Method, path, query, headers; its body was read already.
    session
        Who is signed in; None on the few pages that need nobody.
    form
        Fields of a posted form, the last value of each; its token was checked.
    now
        The instant of the request, UTC: the same for everything on the page.
    """

    request: Request
    live: Live
    session: Session | None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> ServingState:
        """The served model and store."""
        return self.live.state

    @property
    def project(self) -> ProjectSpec:
        """The project file."""
        return self.live.state.spec

    @property
    def store(self) -> Store:
        """Scores, follow-ups, users."""
        return self.live.state.store

    @property
    def signed_in(self) -> Session:
        """The session; raises RuntimeError on a page that needs nobody."""
        if self.session is None:
            raise RuntimeError("nobody is signed in")
        return self.session

    @property
    def user(self) -> User:
        """Who is signed in; raises RuntimeError on a page that needs nobody."""
        return self.signed_in.user

    @property
    def query(self) -> QueryParams:
        """The query of the address."""
        return self.request.query_params

    def path(self, name: str) -> str:
        """A parameter of the path, such as `account`."""
        return str(self.request.path_params[name])

    def may(self, role: Role) -> bool:
        """Whether the user has the role, or a higher one."""
        return self.session is not None and RANKS[self.user.role] >= RANKS[role]

    @property
    def only_owner(self) -> str | None:
        """The owner whose accounts alone the user may see; None for all accounts.

        A CSM without accounts of their own sees those of the owner `""`, that is none.
        """
        own = self.project.pages.csm_sees == "own" and self.user.role == "csm"
        return (self.user.owner or "") if own else None

    @property
    def session_life(self) -> Life:
        """How long a session of the project lasts."""
        pages = self.project.pages
        return Life(timedelta(hours=pages.session_hours), timedelta(days=pages.session_days))

    def html(self, template: str, status: int = 200, **values: Any) -> Response:
        """The page of a template."""
        return HTMLResponse(render(self, template, values), status)

    def go(self, path: str) -> Response:
        """Have the browser load another page of ours (303)."""
        return RedirectResponse(path, 303)


Handler = Callable[[Page], Response]
"""Runs in a thread: it may wait for the database."""


@dataclass(frozen=True)
class PageRoute:
    """One page or action. `role` is the least a user must have; None for nobody signed in."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    role: Role | None = "viewer"
