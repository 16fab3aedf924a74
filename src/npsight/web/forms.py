"""Posted forms: small ones of text only, read before anything else is done."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

FORM_BYTES = 64 * 1024
FIELDS = 200
KINDS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def read_form(request: Request) -> Mapping[str, str]:
    """Fields of the form, the last value of each.

    Raises
    ------
    HTTPException
        413: it is larger than 64 kB; 415: it is no form; 400: it cannot be read, or holds files
        or NUL characters.
    """
    length = request.headers.get("content-length", "0")
    if not length.isdecimal():
        raise HTTPException(400)
    if int(length) > FORM_BYTES:
        raise HTTPException(413)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in KINDS and (kind or int(length)):
        raise HTTPException(415)
    bounded = Request(request.scope, _Bounded(request).receive)
    async with bounded.form(max_files=0, max_fields=FIELDS, max_part_size=FORM_BYTES) as form:
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
    if any("\x00" in key or "\x00" in value for key, value in fields.items()):
        raise HTTPException(400)
    return fields


class _Bounded:
    """A body that does not say how long it is may not be longer, either."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._left = FORM_BYTES

    async def receive(self) -> Message:
        message = await self._request.receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413)
        return message
