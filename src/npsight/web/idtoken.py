"""What an identity token says, once it is proved whose it is and whom it is for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from npsight.outgoing.openid import Metadata, Tokens

# Only where the issuer signs with a key that we do not have: no `none`, no HMAC.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
KINDS = ("RSA", "EC", "OKP")
LEEWAY_SECONDS = 60
"""By how much the clocks of two machines may differ."""
LONGEST_SUBJECT = 255


class RefusedTokenError(Exception):
    """The token proves nothing; the message names the claim, never its value."""


def proved_claims(
    tokens: Tokens,
    keys: Mapping[str, Any],
    metadata: Metadata,
    client_id: str,
    nonce: str,
    now: datetime,
) -> dict[str, Any]:
    """The claims of a token that this issuer signed for us, for this sign-in, and that is fresh.

    Raises
    ------
    RefusedTokenError
        Signature, `iss`, `aud`, `azp`, `exp`, `iat`, `nonce` or `at_hash` is not as it must be.
    """
    from authlib.oidc.core import CodeIDToken
    from joserfc.errors import JoseError

    header, claims = _signed(tokens.id_token, keys, metadata)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise RefusedTokenError("sub")
    if not all(isinstance(claims.get(name), int | float) for name in ("exp", "iat")):
        raise RefusedTokenError("exp, iat")
    options = {
        "iss": {"essential": True, "value": metadata.issuer},
        "aud": {"essential": True, "value": client_id},
    }
    params = {"nonce": nonce, "client_id": client_id, "access_token": tokens.access_token}
    try:
        token = CodeIDToken(claims, header, options, params)
        token.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError) as error:
        raise RefusedTokenError(str(getattr(error, "claim", "") or type(error).__name__)) from None
    return claims


def _signed(
    token: str, keys: Mapping[str, Any], metadata: Metadata
) -> tuple[dict[str, Any], dict[str, Any]]:
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    usable = [key for key in keys.get("keys", ()) if _is_usable(key)]
    algorithms = [name for name in ALGORITHMS if name in metadata.algorithms]
    if not usable or not algorithms:
        raise RefusedTokenError("no usable keys")
    try:
        known = KeySet.import_key_set({"keys": usable})
        proved = jwt.decode(token, known, algorithms=algorithms)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise RefusedTokenError(f"signature ({type(error).__name__})") from None
    return dict(proved.header), dict(proved.claims)


def _is_usable(key: object) -> bool:
    return isinstance(key, dict) and key.get("kty") in KINDS and key.get("use", "sig") == "sig"
