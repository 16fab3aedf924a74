"""From the claims of an identity token to a user with a role."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from npsight.config.schema import OpenIdConnect, Role
from npsight.config.specs import ProjectSpec
from npsight.store import Store
from npsight.store.users import User, add_user, change_user, free_login, user_of_issuer
from npsight.web.page import RANKS

LONGEST = 200


@dataclass(frozen=True)
class Claimed:
    """Who the issuer says somebody is; `role` is None for one who has none here."""

    issuer: str
    subject: str
    login: str
    name: str
    email: str | None
    owner: str | None
    role: Role | None


def claimed(settings: OpenIdConnect, claims: Mapping[str, Any]) -> Claimed:
    """What the project's settings make of proved claims."""
    subject = str(claims["sub"])
    email = _text(claims.get("email"))
    login = _text(claims.get("preferred_username")) or email or subject
    return Claimed(
        settings.issuer,
        subject,
        login,
        _text(claims.get("name")) or login,
        email,
        _text(_claim(claims, settings.owner_claim)),
        role_of(settings, claims),
    )


def role_of(settings: OpenIdConnect, claims: Mapping[str, Any]) -> Role | None:
    """The highest role that the claim names, else the project's `default_role`."""
    value = _claim(claims, settings.role_claim)
    names = value if isinstance(value, list) else [value]
    roles: list[Role] = [
        settings.roles[n] for n in names if isinstance(n, str) and n in settings.roles
    ]
    return sorted(roles, key=RANKS.__getitem__)[-1] if roles else settings.default_role


def keep_claimed(
    store: Store, project: ProjectSpec, who: Claimed, role: Role, also: Callable[[Any], object]
) -> User:
    """The user, made or brought up to date; `also` is called in the same transaction.

    Users are known by issuer and subject alone. A login that somebody else has gets a number: an
    issuer's claim never opens another's account.
    """
    found = user_of_issuer(store, project.name, who.issuer, who.subject)
    if found is None:
        user = User(
            id=uuid.uuid4().hex,
            login=free_login(store, project.name, who.login),
            name=who.name,
            role=role,
            owner=who.owner,
            email=who.email,
            time_zone=project.timezone or "UTC",
            issuer=who.issuer,
            subject=who.subject,
        )
        return add_user(store, project.name, user, None, who.issuer, also=also)
    wanted = {"name": who.name, "email": who.email, "owner": who.owner, "role": role}
    changed = {key: value for key, value in wanted.items() if value != getattr(found, key)}
    change_user(
        store,
        project.name,
        found.login,
        who.issuer,
        "signed in at the issuer",
        also=lambda connection, _: also(connection),
        **changed,
    )
    return user_of_issuer(store, project.name, who.issuer, who.subject) or found


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by a path such as `realm_access.roles`; None for none."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _text(value: object) -> str | None:
    return value.strip()[:LONGEST] or None if isinstance(value, str) else None
