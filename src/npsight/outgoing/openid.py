"""Calls to an OpenID Connect issuer: what it offers, a code for a token, its keys."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from npsight.config.outside import allowed_targets
from npsight.errors import ConfigError, Problem, StateError
from npsight.outgoing.http import Answer, Sender, SendError
from npsight.outgoing.targets import TargetPolicy

SECONDS = 8.0
"""A person waits for each call."""
MAX_BYTES = 500_000
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Metadata:
    """What an issuer says of itself; `end_session` is None where it offers none."""

    issuer: str
    authorization: str
    token: str
    keys: str
    end_session: str | None
    algorithms: tuple[str, ...]
    auth_methods: tuple[str, ...]
    names_issuer: bool


@dataclass(frozen=True)
class Tokens:
    """What a code was exchanged for."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


class OpenIdError(StateError):
    """The issuer cannot be used now; the message holds no secret and nothing that it sent."""


class Issuer:
    """An issuer that the project names: that alone lets it have a private address.

    Raises
    ------
    ConfigError
        It would be called without encryption on another machine.
    """

    def __init__(self, address: str, client_id: str, client_secret: str) -> None:
        self.address = address
        self.client_id = client_id
        self._secret = client_secret
        parts = urlsplit(address)
        self.is_plain = parts.scheme == "http"
        if self.is_plain and parts.hostname not in LOOPBACK:
            problem = Problem(
                "would be called without encryption", "use https", key="pages.oidc.issuer"
            )
            raise ConfigError("sign-in with OpenID Connect is not possible", [problem])
        own = f"{'http://' if self.is_plain else ''}{parts.netloc.rpartition('@')[2].lower()}"
        self._policy = TargetPolicy.of((*allowed_targets(), own))

    def metadata(self) -> Metadata:
        """What the issuer offers; raises OpenIdError."""
        url = f"{self.address.rstrip('/')}/.well-known/openid-configuration"
        told = self._json("GET", url, "its configuration")
        if told.get("issuer") != self.address:
            raise OpenIdError(
                "the company sign-in calls itself by another address than the project file\n"
                "  → write `pages.oidc.issuer` exactly as its configuration has `issuer`"
            )
        end = told.get("end_session_endpoint")
        return Metadata(
            self.address,
            self._endpoint(told, "authorization_endpoint"),
            self._endpoint(told, "token_endpoint"),
            self._endpoint(told, "jwks_uri"),
            self._endpoint(told, "end_session_endpoint") if end else None,
            _texts(told.get("id_token_signing_alg_values_supported"), ("RS256",)),
            _texts(told.get("token_endpoint_auth_methods_supported"), ("client_secret_basic",)),
            told.get("authorization_response_iss_parameter_supported") is True,
        )

    def exchange(self, metadata: Metadata, code: str, verifier: str, redirect: str) -> Tokens:
        """The tokens for a code that the browser brought back; raises OpenIdError."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if "client_secret_basic" in metadata.auth_methods:
            # RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
            pair = f"{quote(self.client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["authorization"] = _basic(pair)
        else:
            fields |= {"client_id": self.client_id, "client_secret": self._secret}
        body = urlencode(fields).encode()
        told = self._json("POST", metadata.token, "the token", headers, body)
        id_token, access = told.get("id_token"), told.get("access_token")
        if not isinstance(id_token, str):
            raise OpenIdError(
                "the company sign-in sent no identity\n  → allow the scope `openid` there"
            )
        return Tokens(id_token, access if isinstance(access, str) else "")

    def keys(self, metadata: Metadata) -> dict[str, Any]:
        """The issuer's public keys, a JWK set; raises OpenIdError."""
        return self._json("GET", metadata.keys, "its keys")

    def _endpoint(self, told: Mapping[str, Any], name: str) -> str:
        url = told.get(name)
        parts = urlsplit(url if isinstance(url, str) else "")
        plain = self.is_plain and parts.scheme == "http" and parts.hostname in LOOPBACK
        if not parts.hostname or not (parts.scheme == "https" or plain):
            raise OpenIdError(
                f"the company sign-in names no usable `{name}`\n  → see its configuration"
            )
        return str(url)

    def _json(
        self,
        method: str,
        url: str,
        what: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> dict[str, Any]:
        asked = {"accept": "application/json", **(headers or {})}
        try:
            # Companies have authorities of their own: SSL_CERT_FILE names them.
            with Sender(self._policy, _context()) as sender:
                answer = sender.send(method, url, asked, body, SECONDS, MAX_BYTES)
        except SendError as error:
            raise OpenIdError(
                f"the company sign-in cannot be asked for {what} ({error})\n"
                "  → try again in a minute; tell an administrator if it stays so"
            ) from None
        return _object(answer, what)


def _object(answer: Answer, what: str) -> dict[str, Any]:
    try:
        told = json.loads(answer.body) if answer.status == 200 else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise OpenIdError(
            f"the company sign-in does not give {what} (status {answer.status})\n"
            "  → sign in again; an administrator checks client id, secret and redirect address"
        )
    return told


def _texts(value: object, default: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list):
        return default
    return tuple(item for item in value if isinstance(item, str)) or default


def _context() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=True)


def _basic(pair: str) -> str:
    return f"Basic {b64encode(pair.encode()).decode()}"
