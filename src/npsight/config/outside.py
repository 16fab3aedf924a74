"""What npsight may talk to outside, and with which secrets: the environment's part of it.

Secrets are read here and nowhere kept; no error shows one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from npsight.errors import ConfigError, Problem

ALLOW_VARIABLE = "NPSIGHT_ALLOW_TARGETS"
MASTER_VARIABLE = "NPSIGHT_WEBHOOK_MASTER"
SALESFORCE_URL = "NPSIGHT_SALESFORCE_URL"
SALESFORCE_TOKEN = "NPSIGHT_SALESFORCE_TOKEN"
SALESFORCE_CLIENT_ID = "NPSIGHT_SALESFORCE_CLIENT_ID"
SALESFORCE_CLIENT_SECRET = "NPSIGHT_SALESFORCE_CLIENT_SECRET"
HUBSPOT_TOKEN = "NPSIGHT_HUBSPOT_TOKEN"
HUBSPOT_URL = "NPSIGHT_HUBSPOT_URL"
HUBSPOT_HOME = "https://api.hubapi.com"
MIN_MASTER_CHARACTERS = 32


@dataclass(frozen=True)
class SalesforceAccess:
    """Where Salesforce is, and either a token or what a token is got with."""

    url: str
    token: str = field(default="", repr=False)
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class HubspotAccess:
    """Where HubSpot is, and the token of a private app."""

    url: str
    token: str = field(repr=False)


def allowed_targets(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Targets that may be called though they are private, as written, in lower case."""
    text = _lookup(environment).get(ALLOW_VARIABLE, "")
    return tuple(part for part in (p.strip().lower() for p in text.split(",")) if part)


def webhook_master(environment: Mapping[str, str] | None = None) -> bytes:
    """The secret that the secrets of all webhooks are derived from.

    Raises
    ------
    ConfigError
        It is not set, or too short to be secret.
    """
    value = _lookup(environment).get(MASTER_VARIABLE, "").strip()
    if len(value) < MIN_MASTER_CHARACTERS:
        what = f"has {len(value)} characters, too few" if value else "is not set"
        remedy = (
            f"export {MASTER_VARIABLE}=… with {MIN_MASTER_CHARACTERS} random characters or more "
            "(`openssl rand -base64 32`), the same for every npsight process, and keep a copy"
        )
        raise ConfigError(
            "webhooks cannot be signed",
            [Problem(f"the environment variable `{MASTER_VARIABLE}` {what}", remedy)],
        )
    return value.encode()


def salesforce_access(environment: Mapping[str, str] | None = None) -> SalesforceAccess:
    """Raises ConfigError naming every variable that is missing."""
    found = _lookup(environment)
    problems = []
    if not found.get(SALESFORCE_URL):
        remedy = f"export {SALESFORCE_URL}=https://YOURS.my.salesforce.com"
        problems.append(_unset(SALESFORCE_URL, remedy))
    pair = (SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET)
    if not found.get(SALESFORCE_TOKEN):
        for name in pair:
            if not found.get(name):
                remedy = f"set both {' and '.join(pair)}, or {SALESFORCE_TOKEN} alone"
                problems.append(_unset(name, remedy))
    if problems:
        raise ConfigError("nothing was sent to Salesforce", problems)
    return SalesforceAccess(
        found[SALESFORCE_URL].rstrip("/"),
        found.get(SALESFORCE_TOKEN, ""),
        found.get(SALESFORCE_CLIENT_ID, ""),
        found.get(SALESFORCE_CLIENT_SECRET, ""),
    )


def hubspot_access(environment: Mapping[str, str] | None = None) -> HubspotAccess:
    """Raises ConfigError where the token is missing."""
    found = _lookup(environment)
    if not found.get(HUBSPOT_TOKEN):
        remedy = f"export {HUBSPOT_TOKEN}=… with the access token of a private app"
        raise ConfigError("nothing was sent to HubSpot", [_unset(HUBSPOT_TOKEN, remedy)])
    return HubspotAccess((found.get(HUBSPOT_URL) or HUBSPOT_HOME).rstrip("/"), found[HUBSPOT_TOKEN])


def client_secret(variable: str, environment: Mapping[str, str] | None = None) -> str:
    """The secret that the issuer of sign-ins knows us by; raises ConfigError without one."""
    value = _lookup(environment).get(variable, "")
    if not value:
        remedy = f"export {variable}=… with the client secret that the issuer gave"
        raise ConfigError("sign-in with OpenID Connect is not possible", [_unset(variable, remedy)])
    return value


def _unset(name: str, remedy: str) -> Problem:
    return Problem(f"the environment variable `{name}` is not set", remedy)


def _lookup(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environment is None else environment
