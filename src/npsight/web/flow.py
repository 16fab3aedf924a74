"""What a browser remembers while its user is at the issuer: signed, and good for ten minutes."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

VALID = timedelta(minutes=10)


@dataclass(frozen=True)
class Flow:
    """One sign-in that was begun.

    Attributes
    ----------
    state, nonce
        Come back in the address and in the token: proof that the answer is to this question.
    verifier
        What the code is exchanged with (PKCE): a code that somebody took is of no use.
    after, zone
        The page to open then, and the time zone of the browser, or "".
    """

    state: str
    nonce: str
    verifier: str
    after: str
    zone: str
    begun_at: float


def new_flow(after: str, zone: str, now: datetime) -> Flow:
    """A flow of fresh random values, 256 bits each."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Flow(state, nonce, verifier, after, zone, now.timestamp())


def packed(flow: Flow, secret: str) -> str:
    """The flow as the value of a cookie."""
    body = urlsafe_b64encode(json.dumps(asdict(flow)).encode())
    return f"{body.decode()}.{_mark(body, secret)}"


def unpacked(cookie: str, secret: str, now: datetime) -> Flow | None:
    """The flow of a cookie that we made, ``begun_at <= now < begun_at + VALID``; else None."""
    body, _, mark = cookie.partition(".")
    if not hmac.compare_digest(_mark(body.encode(), secret).encode(), mark.encode()):
        return None
    flow = Flow(**json.loads(urlsafe_b64decode(body)))
    age = now.timestamp() - flow.begun_at
    return flow if 0 <= age < VALID.total_seconds() else None


def _mark(body: bytes, secret: str) -> str:
    key = hmac.digest(secret.encode(), b"npsight sign-in flow", hashlib.sha256)
    return hmac.digest(key, body, hashlib.sha256).hex()
