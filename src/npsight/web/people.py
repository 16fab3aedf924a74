"""What both `npsight users` and the page `/users` do with local users."""

from __future__ import annotations

import re
import uuid
from datetime import datetime

from npsight.config.schema import Role
from npsight.config.specs import ProjectSpec
from npsight.errors import ConfigError, Problem
from npsight.store import Store
from npsight.store.sessions import end_sessions
from npsight.store.users import User, add_user, change_user, user_by_login
from npsight.web.passwords import fault_of, hashed

ROLES: dict[Role, str] = {
    "viewer": "Viewer: reads",
    "csm": "CSM: reads, and keeps follow-ups",
    "admin": "Admin: everything, users too",
}
LOGIN = re.compile(r"[^\s/\\\x00-\x1f\x7f]{1,100}")


def new_user(
    project: ProjectSpec,
    login: str,
    role: str,
    name: str = "",
    email: str = "",
    owner: str = "",
) -> User:
    """A user who is not kept yet.

    Raises
    ------
    ConfigError
        The login or the role is none.
    """
    problems = []
    if LOGIN.fullmatch(login) is None:
        remedy = "use 1 to 100 characters without blanks and slashes"
        problems.append(Problem("the login cannot be used", remedy, key="login"))
    if role not in ROLES:
        problems.append(Problem("there is no such role", f"use {', '.join(ROLES)}", key="role"))
    if email and "@" not in email:
        problems.append(Problem("is no e-mail address", "write it as ada@example.com", key="email"))
    if problems:
        raise ConfigError("the user was not added", problems)
    return User(
        id=uuid.uuid4().hex,
        login=login,
        name=name.strip() or login,
        role=role,  # type: ignore[arg-type]
        owner=owner.strip() or None,
        email=email.strip() or None,
        time_zone=project.timezone or "UTC",
    )


def keep_user(store: Store, project: ProjectSpec, user: User, password: str, actor: str) -> User:
    """Keep a local user; raises ConfigError for a password that is none, else as `add_user`."""
    _check(user.login, password)
    return add_user(store, project.name, user, hashed(password), actor)


def reset_password(
    store: Store, project: ProjectSpec, login: str, password: str, actor: str
) -> None:
    """Give a local user another password, and sign them out everywhere.

    Raises
    ------
    ConfigError
        The password is none, or an issuer keeps the user's.
    """
    _check(login, password)
    found = user_by_login(store, project.name, login)
    if found is not None and found[0].issuer is not None:
        problem = Problem("signs in with the company's account", "change the password there")
        raise ConfigError(f"user {login!r} has no password here", [problem])
    change_user(
        store,
        project.name,
        login,
        actor,
        "password reset",
        also=end_sessions,
        password_hash=hashed(password),
    )


def disable(store: Store, project: ProjectSpec, login: str, actor: str, now: datetime) -> None:
    """Refuse a user from now on; what they did stays under their name."""
    change_user(store, project.name, login, actor, "disabled", also=end_sessions, disabled_at=now)


def enable(store: Store, project: ProjectSpec, login: str, actor: str) -> None:
    """Let a user in again."""
    change_user(store, project.name, login, actor, "enabled", disabled_at=None)


def sign_out_everywhere(store: Store, project: ProjectSpec, login: str, actor: str) -> None:
    """End every session of a user."""
    change_user(store, project.name, login, actor, "signed out everywhere", also=end_sessions)


def set_role(store: Store, project: ProjectSpec, login: str, role: str, actor: str) -> None:
    """Let a user do more, or less, from their next click on; raises ConfigError for no role."""
    if role not in ROLES:
        problem = Problem("there is no such role", f"use {', '.join(ROLES)}", key=role)
        raise ConfigError("the role was not changed", [problem])
    change_user(store, project.name, login, actor, "role changed", role=role)


def _check(login: str, password: str) -> None:
    fault = fault_of(login, password)
    if fault is not None:
        problem = Problem("the password cannot be used", fault, key="password")
        raise ConfigError(f"user {login!r} has no new password", [problem])
