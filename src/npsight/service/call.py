"""What one request carries through the service beside Starlette's request: its id and its body."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.types import Scope

PLACE = "npsight.call"
"""Where it stands in a request's ASGI scope, which all that handles the request has in hand."""
Headers = Iterable[tuple[bytes, bytes]]
UNREAD: Any = object()
"""In place of a body's JSON, of which null is one."""
# Seeded by the system when a process starts. Asking the system for each id would cost more than
# all else that is done for a score, and an id only has to be no other's, not to be a secret.
_random = Random()


class Call:
    """One request's own; slots, for every request reads them several times.

    Attributes
    ----------
    id
        32 hexadecimal digits, told in the answer and in the log.
    headers
        By name in lower case.
    most_bytes
        The longest body that is read; None for the usual cap.
    body
        Its bytes as they came; None until they were read.
    json
        The value that the body holds; `UNREAD` until it was read.
    caller
        Who calls, once that is known; None before.
    """

    __slots__ = ("body", "caller", "headers", "id", "json", "most_bytes")

    def __init__(self, headers: Headers, most_bytes: int | None = None) -> None:
        # Of headers of one name the first is meant.
        self.headers = dict(reversed(list(headers)))
        self.id = f"{_random.getrandbits(128):032x}"
        self.most_bytes = most_bytes
        self.body: bytes | None = None
        self.json = UNREAD
        self.caller: Any = None


def call_of(request: Request) -> Call:
    """The request's call, begun where there is none."""
    found = request.scope.get(PLACE)
    return found if isinstance(found, Call) else begin_call(request.scope)


def begin_call(scope: Scope, most_bytes: int | None = None) -> Call:
    """A new call of the request of that scope."""
    call = scope[PLACE] = Call(scope["headers"], most_bytes)
    return call
