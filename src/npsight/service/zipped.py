"""Long answers, packed with gzip for callers that take it.

What the API answers holds no secret beside what was asked for, and only who has a key is answered,
which no page of another site can send: that a guess stands beside a secret, so that the length
tells whether it was right (BREACH), cannot be brought about. Pages hold a token of their session's
forms, and are never packed; a file that a page gives holds none, and nothing of the request.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator

from anyio.to_thread import run_sync
from starlette.responses import Response

LEAST_BYTES = 32_000
"""More than any one account's answer: packing it would cost more than it saves."""
LEVEL = 4
GZIP_BITS = 31


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` allows gzip (RFC 9110, 12.5.3); what it does not name, it does
    not allow.
    """
    weights: dict[str, str] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        weights[name.strip()] = parameter.replace(" ", "").removeprefix("q=") or "1"
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight.strip("0.") != ""


async def packed(response: Response, accepted: bytes) -> Response:
    """A long response, packed where the caller's `Accept-Encoding` allows it."""
    response.headers["Vary"] = "Accept-Encoding"
    if takes_gzip(accepted.decode("latin-1")):
        # zlib lets other requests run meanwhile.
        response.body = await run_sync(_packed, bytes(response.body))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def _packed(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


def packed_parts(parts: Iterable[str]) -> Iterator[bytes]:
    """A text that is sent while it is made, packed."""
    packer = zlib.compressobj(LEVEL, wbits=GZIP_BITS)
    for part in parts:
        ready = packer.compress(part.encode())
        if ready:
            yield ready
    yield packer.flush()
