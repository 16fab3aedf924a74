"""What whoever starts the service is told about its pages, and the user they begin with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from npsight.config.specs import ProjectSpec
from npsight.errors import StateError
from npsight.store import Store, open_project_store
from npsight.store.users import add_user, has_user
from npsight.web.oidc import issuer_of
from npsight.web.passwords import hashed, random_password
from npsight.web.people import new_user

FIRST = "admin"


def greet(project: ProjectSpec, address: str) -> Sequence[str]:
    """Lines on how to open the pages.

    Where the project has neither users nor an issuer, a user `admin` is made, whose password
    stands in the lines: shown once, for only its hash is kept.

    Raises
    ------
    ConfigError
        The project's issuer cannot be used.
    """
    if not project.pages.enabled:
        return ()
    shown = project.service.public_url or address
    if project.pages.oidc is not None:
        issuer_of(project.pages.oidc)
        return (f"the pages: {shown}, to sign in with the company's accounts",)
    with closing(open_project_store(project)) as store:
        password = _first_user(store, project)
    if password is None:
        return (f"the pages: {shown}",)
    return (
        f"the pages: {shown}, to open with login {FIRST} and password {password}",
        "this password is shown once; change it in the settings, and add your colleagues with "
        f"npsight users add LOGIN --role csm -c {project.file}",
    )


def _first_user(store: Store, project: ProjectSpec) -> str | None:
    """The password of a user made now; None where there is a user."""
    if has_user(store, project.name):
        return None
    password = random_password()
    user = new_user(project, FIRST, "admin", "Administrator")
    try:
        add_user(store, project.name, user, hashed(password), "npsight serve", only_first=True)
    except StateError:
        if has_user(store, project.name):
            # Another process made one in between.
            return None
        raise
    return password
