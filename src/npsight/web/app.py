"""The pages as an ASGI app: who asks is known and may ask before a page is made."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from pathlib import Path

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from npsight.errors import NotFoundError, NpsightError
from npsight.service.state import Live
from npsight.store.sessions import Session, session_of
from npsight.web.cookies import session_token
from npsight.web.page import Page, PageError, PageRoute
from npsight.web.routes import ROUTES

log = logging.getLogger(__name__)
STATIC = Path(__file__).with_name("static")
FORM_BYTES = 64 * 1024
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def build_pages(live: Live) -> Starlette:
    """The pages over what is served now."""
    routes = [_route(live, route) for route in ROUTES]
    app = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=STATIC))],
        exception_handlers={HTTPException: _on_http_error(live), Exception: _on_crash(live)},
    )
    app.router.redirect_slashes = False
    return app


def _route(live: Live, route: PageRoute) -> Route:
    async def answer(request: Request) -> Response:
        form = await _form(request) if route.method == "POST" else {}
        response = await run_sync(_answer, live, route, request, form)
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return Route(route.path, answer, methods=[route.method])


def _answer(live: Live, route: PageRoute, request: Request, form: Mapping[str, str]) -> Response:
    page = Page(request, live, None, datetime.now(UTC), form)
    try:
        page = Page(request, live, _session(page), page.now, form)
        if route.method == "POST":
            check_origin(request)
        if route.role is not None:
            if page.session is None:
                return _to_sign_in(page)
            if not page.may(route.role):
                raise PageError(403, "Your role does not allow this.", "Ask an administrator.")
            if route.method == "POST" and not compare_digest(
                form.get("csrf", ""), page.session.csrf
            ):
                raise PageError(403, "This form is too old.", "Open the page again and repeat.")
        return route.handler(page)
    except PageError as error:
        return error_page(page, error)
    except NotFoundError as error:
        return error_page(page, PageError(404, str(error).partition("\n")[0]))
    except NpsightError as error:
        what, _, remedy = str(error).partition("\n  → ")
        log.error("%s %s: %s", request.method, route.path, what)
        return error_page(page, PageError(503, what, remedy))


def error_page(page: Page, error: PageError) -> Response:
    """What went wrong, and the way out."""
    return page.html("error.html", error.status, error=error)


def check_origin(request: Request) -> None:
    """Refuse what another site has the browser send (403).

    Browsers tell where a form comes from by `Sec-Fetch-Site`, older ones by `Origin`.
    """
    fetched = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    foreign = origin is not None and origin.partition("://")[2] != host
    if fetched not in ("same-origin", "none") or foreign:
        raise PageError(403, "This form was sent from another site.", "Open the page here.")


def _session(page: Page) -> Session | None:
    token = session_token(page.request)
    if not token:
        return None
    pages = page.project.pages
    idle, longest = timedelta(hours=pages.session_hours), timedelta(days=pages.session_days)
    return session_of(page.store, page.project.name, token, page.now, idle, longest)


def _to_sign_in(page: Page) -> Response:
    if page.request.method != "GET":
        raise PageError(403, "Your session has ended.", "Sign in, then repeat what you did.")
    query = f"?{page.request.url.query}" if page.request.url.query else ""
    target = page.request.url.replace(scheme="", netloc="", path="/sign-in", query="")
    asked = target.include_query_params(next=f"{page.request.url.path}{query}")
    return RedirectResponse(str(asked), 303)


async def _form(request: Request) -> dict[str, str]:
    if int(request.headers.get("content-length") or 0) > FORM_BYTES:
        raise HTTPException(413)
    async with request.form(max_files=0, max_fields=100, max_part_size=FORM_BYTES) as form:
        return {key: value for key, value in form.items() if isinstance(value, str)}


def _on_http_error(live: Live):  # type: ignore[no-untyped-def]
    async def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        words = {
            404: "There is no such page.",
            405: "This page cannot do that.",
            413: "The form is too long.",
        }
        said = PageError(status, words.get(status, "The request cannot be read."))
        response = error_page(Page(request, live, None), said)
        response.headers.update(HEADERS)
        return response

    return answer


def _on_crash(live: Live):  # type: ignore[no-untyped-def]
    async def answer(request: Request, error: Exception) -> Response:
        mark = secrets.token_hex(4)
        log.error("a page failed (%s, %s)", mark, type(error).__name__)
        said = PageError(500, f"This page failed ({mark}).", "Try again; tell an administrator.")
        response = error_page(Page(request, live, None), said)
        response.headers.update(HEADERS)
        return response

    return answer
