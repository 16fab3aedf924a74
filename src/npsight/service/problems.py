"""Every error as RFC 9457 problem+json, for people who debug a CRM and see the body alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from npsight.errors import ModelIntegrityError, NotFoundError, NpsightError, StateError
from npsight.service.call import call_of
from npsight.service.known import BY_CODE

MEDIA_TYPE = "application/problem+json"
MOST_FAULTS = 100
"""So many faults of a body, or of a row, are told: an answer must not outgrow what was sent."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """One fault of a body: an RFC 6901 pointer to the place, and what is wrong there."""

    pointer: str
    detail: str


def told(faults: Sequence[Fault]) -> Sequence[Fault]:
    """The first `MOST_FAULTS`, and how many more there are."""
    more = len(faults) - MOST_FAULTS
    if more <= 0:
        return faults
    noun = "fault" if more == 1 else "faults"
    return [*faults[:MOST_FAULTS], Fault("", f"has {more:,} more {noun}; mend these first")]


class ApiError(Exception):
    """An answer that is an error. `code` is for programs and one of `known.KNOWN`.

    `detail` is for people. `retry_after` is in seconds; the answer has it as a header and in its
    body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        faults: Sequence[Fault] = (),
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)
        self.retry_after = retry_after
        self.headers = dict(headers or {})


class Json(Response):
    """Compact JSON that is refused rather than wrong when a number is not finite."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """UTF-8 bytes."""
        return json.dumps(
            content, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        ).encode()


class Ready(Response):
    """A good answer whose JSON is already there as bytes."""

    media_type = "application/json"

    def __init__(self, body: bytes) -> None:
        # As Starlette's own would set them, without looking for what cannot be there.
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"application/json"),
        ]


def request_id(request: Request) -> str:
    """The request's id, the same however often it is asked for."""
    return call_of(request).id


def problem(request: Request, error: ApiError, headers: Mapping[str, str] | None = None) -> Json:
    """The error as a response; the body repeats all a caller needs, for CRMs hide headers."""
    known = BY_CODE.get(error.code)
    body: dict[str, Any] = {
        "type": known.type if known else "about:blank",
        "title": known.title if known else HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "request_id": request_id(request),
        "retry_after": error.retry_after,
        "errors": [{"pointer": f.pointer, "detail": f.detail} for f in told(error.faults)],
    }
    headers = {**error.headers, **(headers or {})}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Json(body, error.status, headers, MEDIA_TYPE)


async def answer_of(request: Request, error: Exception) -> Response:
    """The response that tells of an error, whatever it is."""
    for kind, handler in HANDLERS.items():
        if isinstance(error, kind):
            return await handler(request, error)
    return await on_crash(request, error)


async def on_api_error(request: Request, error: Exception) -> Response:
    """Our own errors."""
    assert isinstance(error, ApiError)
    return problem(request, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Starlette's: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    details = {
        404: "there is no such path; /openapi.json lists those of the API",
        405: f"this path takes another method: {headers.get('Allow')}",
    }
    known = ApiError(
        error.status_code,
        phrase.lower().replace(" ", "-"),
        details.get(error.status_code, phrase),
    )
    return problem(request, known, headers)


async def on_broken_body(request: Request, _error: Exception) -> Response:
    """The client was gone before its body was whole; a proxy may still want an answer."""
    return problem(request, ApiError(400, "incomplete-body", "the body ended early; send it again"))


async def on_npsight_error(request: Request, error: Exception) -> Response:
    """Errors of the lower layers; their texts name files and stay in the log."""
    assert isinstance(error, NpsightError)
    if isinstance(error, NotFoundError):
        return problem(request, ApiError(404, "not-found", str(error).replace("\n  → ", "; ")))
    log.error("%s: %s", request_id(request), error)
    if isinstance(error, StateError):
        detail = "the store is busy or cannot be read; retry in a few seconds"
        return problem(request, ApiError(503, "store-unavailable", detail, retry_after=5))
    if isinstance(error, ModelIntegrityError):
        detail = "the served model does not fit the stored inputs; score the project again"
        return problem(request, ApiError(503, "model-mismatch", detail))
    return problem(request, ApiError(500, "internal-error", "the request failed; see the log"))


async def on_crash(request: Request, error: Exception) -> Response:
    """A defect: its type and place are logged, never the values it was about."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"
    log.error("%s: %s at %s", request_id(request), type(error).__name__, place)
    return problem(request, ApiError(500, "internal-error", "the request failed; see the log"))


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    ApiError: on_api_error,
    HTTPException: on_http_error,
    ClientDisconnect: on_broken_body,
    NpsightError: on_npsight_error,
}
"""What makes the response of an error; any other is a defect."""
