"""Request bodies: capped in length and time, and read once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from npsight.service.begun import Begun
from npsight.service.call import UNREAD, Call, call_of
from npsight.service.problems import ApiError
from npsight.service.strictjson import parse_json

Buffer = TypeVar("Buffer", bytes, bytearray)
MAX_BODY_BYTES = 1_000_000
BODY_SECONDS = 10.0
"""From the first byte asked for to the last: who sends in drops must not hold a place for long."""


@dataclass(frozen=True)
class ScoreRequest:
    """`accounts` may hold anything: each is judged by itself when it is scored."""

    accounts: tuple[Any, ...]
    drivers: bool


async def read_json(request: Request) -> Any:
    """The body's JSON value; read once, however often it is asked for.

    Raises
    ------
    ApiError
        415 no JSON content type, 413 more bytes than the endpoint takes, 408 longer than
        `BODY_SECONDS` on its way, 400 not UTF-8 or not JSON.
    """
    call = call_of(request)
    if call.json is UNREAD:
        _check_media(call.headers)
        call.json = parse_json(await raw_body(request))
    return call.json


def _check_media(headers: Mapping[bytes, bytes]) -> None:
    """A look at the bytes is enough for what nearly everybody sends."""
    media_type = headers.get(b"content-type", b"")
    if media_type != b"application/json":
        kind = media_type.decode("latin-1").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            sent = f", not {kind[:100]}" if kind else ""
            detail = f"send Content-Type: application/json{sent}"
            raise ApiError(415, "unsupported-media-type", detail)
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        raise ApiError(415, "unsupported-media-type", "send the body without Content-Encoding")


async def raw_body(request: Request) -> bytes:
    """The body's bytes as they came; 413 for more than the endpoint takes."""
    call = call_of(request)
    if call.body is None:
        call.body = await _capped(call, request.receive)
    return call.body


async def _capped(call: Call, receive: Receive) -> bytes:
    most = MAX_BODY_BYTES if call.most_bytes is None else call.most_bytes
    length = call.headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    first = Begun(receive())
    if first.results and not first.results[0].get("more_body", False):
        return _joined(b"", first.results[0], most)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            message = await first
            _joined(body, message, most)
            # A chunked body tells no length.
            while message.get("more_body", False):
                message = await receive()
                _joined(body, message, most)
    except TimeoutError:
        raise _too_slow() from None
    return bytes(body)


def _joined(body: Buffer, message: Message, most: int) -> Buffer:
    """The body and the next part of it; a bytearray grows."""
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body += message.get("body", b"")
    if len(body) > most:
        raise _too_large(most)
    return body


def _too_slow() -> ApiError:
    detail = f"the body did not arrive within {BODY_SECONDS:g} seconds; send it at once"
    # What still comes of it must not be taken for the next request.
    return ApiError(408, "body-too-slow", detail, headers={"Connection": "close"})


def _too_large(most: int) -> ApiError:
    return ApiError(413, "body-too-large", f"the body may have at most {most:,} bytes; send parts")
