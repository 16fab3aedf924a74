"""The pages as an ASGI app: who asks is known and may ask before a page is made."""

from __future__ import annotations

import logging
import secrets
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from hmac import compare_digest

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send

from npsight.errors import NotFoundError, NpsightError
from npsight.service.problems import on_http_error
from npsight.service.state import Live
from npsight.store.database import shown
from npsight.store.sessions import Session, session_of
from npsight.web.cookies import session_token
from npsight.web.forms import read_form
from npsight.web.guard import (
    check_origin,
    check_request,
    comes_from_here,
    is_https,
    secure,
    wants_html,
)
from npsight.web.page import Page, PageError, PageRoute
from npsight.web.routes import ROUTES
from npsight.web.signin import form_page
from npsight.web.statics import Statics
from npsight.web.unsent import unsent_of, unsent_page

log = logging.getLogger(__name__)

WORDS = {
    400: "The form cannot be read.",
    404: "There is no such page.",
    405: "This page cannot do that.",
    413: "The form is too long.",
    415: "This is no form.",
}


class Pages(Starlette):
    """The pages over what is served now; every answer, an error too, has the same headers."""

    def __init__(self, live: Live) -> None:
        self.live = live
        by_path: dict[str, dict[str, PageRoute]] = defaultdict(dict)
        for route in ROUTES:
            by_path[route.path][route.method] = route
        routes = [_route(live, path, methods) for path, methods in by_path.items()]
        super().__init__(
            routes=[*routes, Mount("/static", Statics())],
            exception_handlers={HTTPException: self._refused, Exception: self._crashed},
        )
        self.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                secure(headers, is_https(self.live.state.spec, Request(scope)))
            await send(message)

        await super().__call__(scope, receive, secured if scope["type"] == "http" else send)

    async def _refused(self, request: Request, error: Exception) -> Response:
        """No page, no such method, a form that is too long."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 404 and not wants_html(request.scope):
            return await on_http_error(request, error)  # a program that missed the API's paths
        said = PageError(status, WORDS.get(status, "The request cannot be read."))
        response = await run_sync(_refusal, self.live, request, said)
        for name, value in (getattr(error, "headers", None) or {}).items():
            response.headers[name] = value
        return response

    async def _crashed(self, request: Request, error: Exception) -> Response:
        """A defect: the log gets a mark and the kind, for a message could hold customers' data."""
        mark = secrets.token_hex(4)
        log.error("a page failed (%s, %s)", mark, type(error).__name__)
        said = PageError(500, f"This page failed ({mark}).", "Try again; tell an administrator.")
        return error_page(Page(request, self.live, None), said)


def build_pages(live: Live) -> Pages:
    """The pages over what is served now."""
    return Pages(live)


def _route(live: Live, path: str, methods: Mapping[str, PageRoute]) -> Route:
    async def answer(request: Request) -> Response:
        is_post = request.method == "POST"
        form = await read_form(request) if is_post else {}
        route = methods["POST" if is_post else "GET"]
        return await run_sync(_answer, live, route, request, form)

    return Route(path, answer, methods=list(methods))


def _answer(live: Live, route: PageRoute, request: Request, form: Mapping[str, str]) -> Response:
    page = Page(request, live, None, datetime.now(UTC), form)
    try:
        check_request(page.project, request)
        if route.method == "POST":
            check_origin(page.project, request)
        page = Page(request, live, _session(page), page.now, form)
        if route.role is not None:
            if page.session is None:
                return _to_sign_in(page)
            if not page.may(route.role):
                raise PageError(403, "Your role does not allow this.", "Ask an administrator.")
            if route.method == "POST" and not _same(form.get("csrf", ""), page.session.csrf):
                return _too_old(page)
        return route.handler(page)
    except PageError as error:
        return error_page(page, error)
    except NotFoundError as error:
        return error_page(page, PageError(404, str(error).partition("\n")[0]))
    except NpsightError as error:
        what, _, remedy = str(error).partition("\n  → ")
        log.error("%s %s: %s", request.method, route.path, what)
        # Where the store lies is for the log: whoever reads the page can do nothing with it.
        what = _sentence(what.removeprefix(f"{shown(page.store.engine.url)}: "))
        unsent = unsent_of(page) if page.session is not None else None
        if unsent is not None:
            return unsent_page(page, unsent, 503, f"{what} {_sentence(remedy)}".strip())
        return error_page(page, PageError(503, what, _sentence(remedy)))


def error_page(page: Page, error: PageError) -> Response:
    """What went wrong, and the way out."""
    return page.html("error.html", error.status, error=error)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') or not text else '.'}"


def _refusal(live: Live, request: Request, said: PageError) -> Response:
    page = Page(request, live, None)
    try:
        check_request(page.project, request)
        page = Page(request, live, _session(page), page.now)
    except PageError as error:
        said = error
    except NpsightError:
        # Without the store nobody is known; the page is refused all the same.
        log.warning("the store could not be asked who is refused a page")
    return error_page(page, said)


def _session(page: Page) -> Session | None:
    token = session_token(page)
    if not token:
        return None
    return session_of(page.store, page.project.name, token, page.now, page.session_life)


def _same(given: str, kept: str) -> bool:
    return compare_digest(given.encode("utf-8", "replace"), kept.encode())


def _too_old(page: Page) -> Response:
    """A form of another session: what was written on it is offered again, if it came from here."""
    unsent = unsent_of(page)
    if unsent is None or not comes_from_here(page.project, page.request):
        raise PageError(403, "This form is too old.", "Open the page again and repeat.")
    return unsent_page(page, unsent, 403)


def _to_sign_in(page: Page) -> Response:
    if page.request.method not in ("GET", "HEAD"):
        unsent = unsent_of(page)
        if unsent is None:
            raise PageError(403, "Your session has ended.", "Sign in, then repeat what you did.")
        return form_page(page, "/worklist", 403, unsent=unsent)
    query = f"?{page.request.url.query}" if page.request.url.query else ""
    target = page.request.url.replace(scheme="", netloc="", path="/sign-in", query="")
    asked = target.include_query_params(next=f"{page.request.url.path}{query}")
    return RedirectResponse(str(asked), 303)
