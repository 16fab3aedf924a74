"""What every answer is sent with, and which requests are not looked at."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import Scope

from npsight.config.specs import ProjectSpec
from npsight.web.page import PageError

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
YEAR = 365 * 86400


def secure(headers: MutableHeaders, is_https: bool) -> None:
    """Add what every answer is sent with; pages hold personal data, so nothing keeps them."""
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
    if is_https:
        headers["Strict-Transport-Security"] = f"max-age={YEAR}"


def wants_html(scope: Scope) -> bool:
    """Browsers name `text/html`; programs `application/json`, `*/*` or nothing."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def is_https(project: ProjectSpec, request: Request) -> bool:
    """Whether the browser speaks to us over TLS, be it by way of a proxy."""
    public = project.service.public_url or ""
    return request.url.scheme == "https" or public.startswith("https://")


def site_of(project: ProjectSpec, request: Request) -> str:
    """Scheme and host under which the browser knows us: `https://nps.example.com`."""
    public = project.service.public_url
    parts = urlsplit(public) if public else urlsplit(str(request.base_url))
    return f"{parts.scheme}://{parts.netloc}"


def check_request(project: ProjectSpec, request: Request) -> None:
    """Refuse a host that is not ours (421), and characters that no address of ours has (400).

    Where `service.public_url` says who we are, no other name is answered, but those of this
    machine: a name that somebody points at us would open the pages under another site's address.
    """
    public = project.service.public_url
    host = _host(request.headers.get("host", ""))
    if public and host not in (urlsplit(public).hostname, "localhost", "127.0.0.1", "::1"):
        raise PageError(421, "This is not the address of these pages.", f"Open {public}.")
    decoded = request.scope["path"] + "".join(f"{k}{v}" for k, v in request.query_params.items())
    if "\x00" in decoded:
        raise PageError(400, "The address cannot be read.", "Start again on the worklist.")


def check_origin(project: ProjectSpec, request: Request) -> None:
    """Refuse what another site has the browser send (403).

    Browsers tell where a form comes from by `Sec-Fetch-Site`; over plain http, and older ones, by
    `Origin`.
    """
    fetched = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign = origin is not None and origin not in _own(project, request)
    if fetched is not None:
        foreign = fetched not in ("same-origin", "none") or (foreign and fetched == "none")
    if foreign:
        raise PageError(403, "This form was sent from another site.", "Open the page here.")


def comes_from_here(project: ProjectSpec, request: Request) -> bool:
    """Whether the browser says that a page of ours sent the form; older ones may say nothing."""
    fetched = request.headers.get("sec-fetch-site")
    return fetched == "same-origin" or request.headers.get("origin") in _own(project, request)


def _own(project: ProjectSpec, request: Request) -> tuple[str, str]:
    """Our addresses, as an `Origin`."""
    return site_of(project, request), f"{request.url.scheme}://{request.headers.get('host')}"


def _host(header: str) -> str | None:
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None
