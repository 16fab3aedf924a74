"""Standard Webhooks 1.0.0: secrets derived from one master secret, and the three headers.

The secret of an endpoint is HKDF-SHA256 (RFC 5869) of the master, for the endpoint's id and the
version of its secret. So the store holds no secret, and a rotation is a higher number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from standardwebhooks import Webhook

from npsight.errors import OutgoingError
from npsight.store import WebhookEndpoint

SALT = b"npsight webhooks"
SECRET_BYTES = 32


def derived_key(master: bytes, purpose: str) -> bytes:
    """32 bytes by HKDF-SHA256: extract, then one block of expand."""
    extracted = hmac.digest(SALT, master, hashlib.sha256)
    return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)[:SECRET_BYTES]


def secret_of(master: bytes, endpoint_id: str, version: int) -> str:
    """`whsec_` and the Base64 of the endpoint's key, as its receiver is given it."""
    key = derived_key(master, f"signing|{endpoint_id}|{version}")
    return "whsec_" + base64.b64encode(key).decode()


def master_check(master: bytes, endpoint_id: str) -> str:
    """What is stored to know the master again; nothing can be computed back from it."""
    return derived_key(master, f"check|{endpoint_id}").hex()[:16]


def check_master(master: bytes, endpoint: WebhookEndpoint) -> None:
    """Raises OutgoingError where signatures would be made with another secret than was shown."""
    if not hmac.compare_digest(master_check(master, endpoint.id), endpoint.master_check):
        raise OutgoingError(
            f"webhook {endpoint.name}: NPSIGHT_WEBHOOK_MASTER is not the one it was added with, so "
            "its receiver could not verify a message\n"
            "  → set the variable as it was, or remove the webhook and add it again"
        )


def signed_headers(
    master: bytes, endpoint: WebhookEndpoint, message_id: str, body: str, now: datetime
) -> dict[str, str]:
    """The headers of one attempt at `now` (aware); two signatures while a rotation overlaps."""
    signatures = [
        Webhook(secret_of(master, endpoint.id, version)).sign(message_id, now, body)
        for version in endpoint.secret_versions(now)
    ]
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
