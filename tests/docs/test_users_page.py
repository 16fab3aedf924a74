"""What docs/users.md and docs/pages.md say is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from npsight.cli.users import users_app
from npsight.config.schema import OpenIdConnect
from npsight.store.attempts import FIRST_WAIT, FREE, LONGEST_WAIT
from npsight.web.oidc import CALLBACK
from npsight.web.passwords import LEAST
from npsight.web.people import ROLES
from npsight.web.routes import ROUTES

DOCS = Path(__file__).parents[2] / "docs"
USERS, PAGES = ((DOCS / name).read_text(encoding="utf-8") for name in ("users.md", "pages.md"))


def test_every_command_is_shown_and_every_shown_command_is_there():
    shown = {shlex.split(line)[2] for line in re.findall(r"^npsight users .+$", USERS, re.M)}
    there = {command.name for command in users_app.registered_commands}
    assert shown <= there
    assert [name for name in there if name not in USERS] == []


def test_every_role_is_told():
    assert re.findall(r"^\| `(\w+)` \|", USERS, re.M) == list(ROLES)


def test_the_example_of_an_issuer_can_be_used():
    (example,) = re.findall(r"```yaml\n(.+?)```", USERS, re.S)
    found = OpenIdConnect(**yaml.safe_load(example)["pages"]["oidc"])
    assert found.roles["nps-csm"] == "csm"
    assert f"YOUR-ADDRESS{CALLBACK}" in USERS


def test_the_numbers_are_those_of_the_code():
    assert (FREE, FIRST_WAIT.seconds, LONGEST_WAIT.seconds) == (
        {"login": 5, "address": 30}, 30, 900,
    )  # fmt: skip
    assert f"at least {LEAST} characters" in USERS


@pytest.mark.parametrize("path", ["/settings", "/users", "/audit"])
def test_pages_that_are_told_are_there(path):
    assert path in {route.path for route in ROUTES}
    assert f"`{path}`" in PAGES
