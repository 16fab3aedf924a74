"""An OpenID Connect provider on this machine: real keys, real HTTP, and faults to order."""

from __future__ import annotations

import hmac
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from json import dumps
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey
from live import listening
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "npsight-tests", "canary secret: of/the+client"


@dataclass
class Provider:
    """Who signs in there, and what it does wrong.

    Attributes
    ----------
    person
        Claims of who is signed in at the provider.
    wrong
        Claims that are put into the token instead of the true ones; None leaves one out.
    forge
        Makes the token in a way of its own, from its claims.
    """

    address: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, Any] = field(default_factory=dict)
    forge: Any = None
    denies: bool = False
    auth_method: str = "client_secret_basic"
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: list[RSAKey] = field(default_factory=lambda: [new_key("one")])
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def reset(self) -> None:
        """A faultless provider again, with the person of the tests."""
        fresh = Provider(self.address, {"sub": "s-1", "preferred_username": "ada", "name": "Ada"})
        fresh.keys = self.keys
        self.__dict__.update(fresh.__dict__)

    def rotate(self) -> RSAKey:
        """Sign with a new key; the old one is published no more. Returns the old one."""
        old = self.keys[0]
        self.keys = [new_key(f"key-{time.time_ns()}")]
        return old

    def configuration(self, _request: Request) -> Response:
        told = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize?tenant=a",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/out",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": [self.auth_method],
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse({**told, **self.metadata})

    def published(self, _request: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        back = {"state": asked["state"], "iss": self.address}
        if self.denies:
            back["error"] = "access_denied"
        else:
            code = f"code-{len(self.codes)}-{time.time_ns()}"
            self.codes[code] = asked
            back["code"] = code
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 303)

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self.codes.pop(form.get("code", ""), None)
        if self._client(request, form) != (CLIENT, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        challenge = create_s256_code_challenge(form.get("code_verifier", ""))
        fits = asked is not None and (asked["code_challenge"], asked["redirect_uri"]) == (
            challenge,
            form.get("redirect_uri"),
        )
        if asked is None or not fits:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = {"access_token": "canary access", "token_type": "Bearer"}
        return JSONResponse({**token, "id_token": self._token(asked["nonce"])})

    def _client(self, request: Request, form: dict[str, str]) -> tuple[str, str]:
        if self.auth_method == "client_secret_post":
            return form.get("client_id", ""), form.get("client_secret", "")
        basic = request.headers.get("authorization", "").removeprefix("Basic ")
        name, _, secret = b64decode(basic).decode().partition(":")
        return unquote(name), unquote(secret)

    def _token(self, nonce: str) -> str:
        now = int(time.time())
        times = {"iat": now, "exp": now + 300}
        claims = {"iss": self.address, "aud": CLIENT, **times, "nonce": nonce, **self.person}
        claims |= self.wrong
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.forge(claims) if self.forge else self.signed(claims, self.keys[0])

    @staticmethod
    def signed(claims: dict[str, Any], key: RSAKey) -> str:
        """The token as it should be."""
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    def signed_with_public_key(self, claims: dict[str, Any]) -> str:
        """HS256 with what everybody can read as its secret."""
        # By hand: the library refuses to have a public key as a secret.
        header = {"alg": "HS256", "typ": "JWT", "kid": self.keys[0].kid}
        told = ".".join(_encoded(dumps(part).encode()) for part in (header, claims))
        mark = hmac.digest(self.keys[0].as_pem(private=False), told.encode(), "sha256")
        return f"{told}.{_encoded(mark)}"


def _encoded(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def new_key(name: str) -> RSAKey:
    """A key pair of the provider's."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@contextmanager
def openid_provider() -> Iterator[Provider]:
    """A provider that listens on this machine."""
    provider = Provider()
    routes = [
        Route("/.well-known/openid-configuration", provider.configuration),
        Route("/authorize", provider.authorize),
        Route("/token", provider.token, methods=["POST"]),
        Route("/keys", provider.published),
    ]
    with listening(Starlette(routes=routes)) as address:
        provider.address = address
        provider.reset()
        yield provider


def followed(address: str) -> str:
    """What a browser does at the provider: path and query it is sent back with."""
    import httpx

    back = httpx.get(address, follow_redirects=False).headers["location"]
    parts = urlsplit(back)
    return f"{parts.path}?{parts.query}"
