"""What one request carries through the service beside Starlette's request: its id and its body."""

from __future__ import annotations

from random import Random
from typing import Any

from starlette.requests import Request
from starlette.types import Scope

PLACE = "npsight.call"
"""Where it stands in a request's ASGI scope, which all that handles the request has in hand."""
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
    most_bytes
        The longest body that is read; None for the usual cap.
    body
        Its bytes as they came; None until they were read.
    json
        The value that the body holds; `UNREAD` until it was read.
    """

    __slots__ = ("body", "id", "json", "most_bytes")

    def __init__(self, most_bytes: int | None = None) -> None:
        self.id = f"{_random.getrandbits(128):032x}"
        self.most_bytes = most_bytes
        self.body: bytes | None = None
        self.json = UNREAD


def call_of(request: Request) -> Call:
    """The request's call, begun where there is none."""
    found = request.scope.get(PLACE)
    return found if isinstance(found, Call) else begin_call(request.scope)


def begin_call(scope: Scope, most_bytes: int | None = None) -> Call:
    """A new call of the request of that scope."""
    call = scope[PLACE] = Call(most_bytes)
    return call


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of that name, which is in lower case; None where there is none."""
    for found, value in scope["headers"]:
        if found == name:
            return bytes(value)
    return None
