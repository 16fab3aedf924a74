"""HubSpot's request signatures, version 3, in place of a key.

Rules: developers.hubspot.com, "Validating requests" (v3): base64 of HMAC-SHA256, with the app's
client secret, over method + URI + body + timestamp; the URI as HubSpot called it, with twelve
escapes decoded; nothing older than five minutes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time

SIGNATURE_HEADER = "X-HubSpot-Signature-v3"
TIMESTAMP_HEADER = "X-HubSpot-Request-Timestamp"
MAX_AGE_MS = 5 * 60 * 1000
PATHS = frozenset(
    {
        "/v1/score",
        "/v1/responses",
        "/v1/responses/one",
        "/v1/facts",
        "/v1/facts/one",
        "/v1/follow-ups",
    }
)
"""What HubSpot's workflows and webhooks may call without a key."""
SCOPES = frozenset({"score", "write"})

_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_ESCAPE = re.compile("|".join(_DECODED), re.IGNORECASE)
_MILLISECONDS = re.compile(r"[0-9]{10,16}", re.ASCII)


def signature(secret: str, method: str, uri: str, body: bytes, timestamp: str) -> bytes:
    """The signature of a request, base64; `uri` is the whole URI as it was called."""
    head = f"{method}{decoded(uri)}".encode("utf-8", "surrogateescape")
    message = head + body + timestamp.encode("utf-8", "surrogateescape")
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest())


def decoded(uri: str) -> str:
    """The URI with the escapes that HubSpot decodes before it signs; all others stay."""
    return _ESCAPE.sub(lambda found: _DECODED[found[0].upper()], uri)


def signature_fault(
    secret: str,
    method: str,
    uri: str,
    body: bytes,
    timestamp: str | None,
    signed: str,
    now_ms: float | None = None,
) -> str:
    """Why a request is not taken for one of HubSpot's; "" when it is. Compares in constant time."""
    if timestamp is None or not _MILLISECONDS.fullmatch(timestamp):
        return f"{TIMESTAMP_HEADER} must be there, in milliseconds"
    now = time.time() * 1000 if now_ms is None else now_ms
    # A clock that is ahead is as wrong as one that is behind.
    if abs(now - int(timestamp)) > MAX_AGE_MS:
        return f"{TIMESTAMP_HEADER} is more than five minutes away from now"
    expected = signature(secret, method, uri, body, timestamp)
    if not hmac.compare_digest(expected, signed.encode("utf-8", "surrogateescape")):
        return f"{SIGNATURE_HEADER} does not fit the request"
    return ""
