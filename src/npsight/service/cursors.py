"""Cursors: where a page ended, as text that callers send back and need not understand.

A cursor holds a place, no permission: what it points at, its reader could ask for anyway. So a
checksum suffices, which tells an altered or cut one from a sound one in every process alike.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from npsight.service.problems import ApiError

LONGEST = 8000
CHECK_BYTES = 9


def cursor_of(kind: str, content: list[Any]) -> str:
    """JSON values as a cursor of a kind."""
    text = json.dumps([kind, *content], allow_nan=False, separators=(",", ":")).encode()
    return urlsafe_b64encode(_check(text) + text).decode().rstrip("=")


def content_of(kind: str, cursor: str) -> list[Any]:
    """The JSON values of a cursor.

    Raises
    ------
    ValueError
        It was altered, cut, or is of another kind.
    """
    if len(cursor) > LONGEST:
        raise ValueError("too long")
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("no cursor") from error
    check, text = raw[:CHECK_BYTES], raw[CHECK_BYTES:]
    if check != _check(text):
        raise ValueError("altered")
    found_kind, *content = json.loads(text)
    if found_kind != kind:
        raise ValueError("of another list")
    return list(content)


def digest_of(*values: Any) -> str:
    """A short digest of JSON values: equal for equal questions."""
    text = json.dumps(values, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()[:16]


def expired(what: str) -> ApiError:
    """410 for a cursor whose list is gone."""
    return ApiError(410, "cursor-expired", f"{what}; start again without a cursor")


def _check(text: bytes) -> bytes:
    return hashlib.sha256(b"npsight cursor 1\n" + text).digest()[:CHECK_BYTES]
