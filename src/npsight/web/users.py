"""Who may open the pages: an administrator's list of users, and what can be done with one."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from npsight.errors import ConfigError, Problem, StateError
from npsight.store.users import User, change_user, user_by_id, users_of
from npsight.web import people
from npsight.web.page import Page, PageError, PageRoute
from npsight.web.passwords import random_password
from npsight.web.people import ROLES

SAID = {
    "saved": "Saved.",
    "disabled": "Disabled, and signed out everywhere.",
    "enabled": "Enabled: they can sign in again.",
    "out": "Signed out everywhere.",
}


def users_page(page: Page) -> Response:
    """The list, and the form for one more."""
    return _list(page)


def add(page: Page) -> Response:
    """Add a local user with a password that is shown this once."""
    given = {key: page.form.get(key, "") for key in ("login", "role", "name", "email", "owner")}
    password = random_password()
    try:
        user = people.new_user(page.project, **given)
        people.keep_user(page.store, page.project, user, password, page.user.login)
    except ConfigError as error:
        return _list(page, 422, faults=[_said(problem) for problem in error.problems])
    except StateError as error:
        return _list(page, 422, faults=[str(error).partition("\n")[0].capitalize() + "."])
    return page.html("password.html", person=user, password=password, added=True)


def user_page(page: Page) -> Response:
    """One user."""
    user = _user(page)
    said = SAID.get(page.query.get("saved", ""), "")
    return page.html("user.html", person=user, roles=ROLES, said=said)


def change(page: Page) -> Response:
    """Keep name, e-mail, owner and role."""
    user = _user(page)
    role, name = page.form.get("role", user.role), page.form.get("name", "").strip()
    email, owner = page.form.get("email", "").strip(), page.form.get("owner", "").strip()
    if role not in ROLES:
        raise PageError(422, "There is no such role.", f"Choose of {', '.join(ROLES)}.")
    if email and "@" not in email:
        raise PageError(422, "This is no e-mail address.", "Write it as ada@example.com.")
    if role != user.role:
        _not_oneself(page, user)
    wanted = {
        "name": name or user.login,
        "email": email or None,
        "owner": owner or None,
        "role": role,
    }
    changed: dict[str, Any] = {
        key: value for key, value in wanted.items() if value != getattr(user, key)
    }
    if changed:
        change_user(
            page.store, page.project.name, user.login, page.user.login, "user changed", **changed
        )
    return page.go(f"/users/{user.id}?saved=saved")


def reset(page: Page) -> Response:
    """A new password, shown this once; the old one and all sessions end."""
    user, password = _user(page), random_password()
    if user.issuer is not None:
        raise PageError(422, "This user signs in with the company's account.", "Change it there.")
    people.reset_password(page.store, page.project, user.login, password, page.user.login)
    return page.html("password.html", person=user, password=password, added=False)


def disable(page: Page) -> Response:
    """Refuse a user from now on."""
    user = _user(page)
    _not_oneself(page, user)
    people.disable(page.store, page.project, user.login, page.user.login, page.now)
    return page.go(f"/users/{user.id}?saved=disabled")


def enable(page: Page) -> Response:
    """Let a user in again."""
    user = _user(page)
    people.enable(page.store, page.project, user.login, page.user.login)
    return page.go(f"/users/{user.id}?saved=enabled")


def sign_out(page: Page) -> Response:
    """End every session of a user."""
    user = _user(page)
    people.sign_out_everywhere(page.store, page.project, user.login, page.user.login)
    return page.go(f"/users/{user.id}?saved=out")


def _list(page: Page, status: int = 200, faults: list[str] | None = None) -> Response:
    people_ = users_of(page.store, page.project.name)
    return page.html(
        "users.html", status, people=people_, roles=ROLES, faults=faults or [], given=page.form
    )


def _user(page: Page) -> User:
    found = user_by_id(page.store, page.project.name, page.path("id"))
    if found is None:
        raise PageError(404, "There is no such user.", "Look at the list of users.")
    return found


def _not_oneself(page: Page, user: User) -> None:
    """Nobody shuts themselves out; another administrator can, and `npsight users` can."""
    if user.id == page.user.id:
        raise PageError(422, "You cannot take your own access away.", "Ask another administrator.")


def _said(problem: Problem) -> str:
    return f"{problem.what.capitalize()}: {problem.remedy}."


ROUTES = (
    PageRoute("GET", "/users", users_page, role="admin"),
    PageRoute("POST", "/users", add, role="admin"),
    PageRoute("GET", "/users/{id}", user_page, role="admin"),
    PageRoute("POST", "/users/{id}", change, role="admin"),
    PageRoute("POST", "/users/{id}/password", reset, role="admin"),
    PageRoute("POST", "/users/{id}/disable", disable, role="admin"),
    PageRoute("POST", "/users/{id}/enable", enable, role="admin"),
    PageRoute("POST", "/users/{id}/sign-out", sign_out, role="admin"),
)
