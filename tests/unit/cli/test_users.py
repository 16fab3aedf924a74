"""`npsight users`: passwords are never arguments, and are printed once at most."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from command_line import npsight

from npsight.cli import users as command
from npsight.errors import ConfigError
from npsight.store import open_store, store_file
from npsight.store.auditlog import entries
from npsight.store.users import user_by_login
from npsight.web.passwords import matches

PROJECT = """\
project: tiny
state: state
timezone: Europe/Berlin
tables:
  responses: {path: responses.csv, account: account, time: at, score: score}
targets: {detractor: {}, nps: {}}
"""
PASSWORD = "correct horse battery"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(PROJECT)
    (tmp_path / "responses.csv").write_text("account,at,score\n")
    return file


def users(config: Path, *arguments: str, typed: str | None = None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(typed or ""))
        return npsight("users", *arguments, "-c", config)


def kept(config: Path, login: str):
    store = open_store(store_file(config.parent / "state"))
    try:
        return user_by_login(store, "tiny", login)
    finally:
        store.close()


def test_a_user_gets_a_random_password_alone_on_the_output(config: Path) -> None:
    options = ("--role", "csm", "--owner", "Ada Park", "--email", "ada@example.com")
    done = users(config, "add", "ada", *options)
    assert done.code == 0, done.err
    (password,) = done.out.splitlines()
    assert password not in done.err
    assert "User ada was added as csm." in done.err
    user, secret = kept(config, "ada")
    assert (user.role, user.owner, user.name, user.email, user.time_zone) == (
        "csm", "Ada Park", "Ada Park", "ada@example.com", "Europe/Berlin",
    )  # fmt: skip
    assert matches(secret, password)
    for file in (config.parent / "state").iterdir():
        assert password.encode() not in file.read_bytes()


def test_a_password_comes_from_the_input(config: Path) -> None:
    done = users(config, "add", "ada", "-r", "viewer", "--password-stdin", typed=f"{PASSWORD}\n")
    assert (done.code, done.out) == (0, "")
    assert PASSWORD not in done.err
    assert matches(kept(config, "ada")[1], PASSWORD)


def test_no_password_is_taken_as_an_argument(config: Path) -> None:
    assert users(config, "add", "ada", "-r", "csm", "--password", PASSWORD).code == 2
    assert users(config, "add", "ada", PASSWORD, "-r", "csm").code == 2
    assert kept(config, "ada") is None


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (("ada", "-r", "root"), "", "there is no such role"),
        (("a b", "-r", "csm"), "", "the login cannot be used"),
        (("ada", "-r", "csm", "--email", "x"), "", "no e-mail address"),
        (("ada", "-r", "csm", "--password-stdin"), "short\n", "at least 12 characters"),
        (("ada", "-r", "csm", "--password-stdin"), "", "at least 12 characters"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(config: Path, arguments, typed, words) -> None:
    users(config, "add", *arguments, typed=typed).failed(2, words)
    assert kept(config, "ada") is None


def test_a_whole_life(config: Path) -> None:
    users(config, "add", "ada", "-r", "csm")
    users(config, "add", "ada", "-r", "admin").failed(2, "ada", "is taken")
    assert users(config, "set-role", "ada", "admin").out == "User ada is admin now.\n"
    users(config, "set-role", "ada", "root").failed(2, "no such role")
    assert users(config, "disable", "ada").code == 0
    assert "disabled" in users(config, "list").out
    assert kept(config, "ada")[0].disabled_at is not None
    assert users(config, "enable", "ada").code == 0
    assert users(config, "sign-out", "ada").code == 0
    (password,) = users(config, "reset-password", "ada").out.splitlines()
    user, secret = kept(config, "ada")
    assert (user.role, user.disabled_at) == ("admin", None)
    assert matches(secret, password)
    store = open_store(store_file(config.parent / "state"))
    done = [(entry.actor, entry.action) for entry in entries(store, "tiny", subject="user ada")]
    store.close()
    assert done == [
        ("npsight users", action)
        for action in ("password reset", "signed out everywhere", "enabled", "disabled",
                       "role changed", "user added")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [("disable", "x"), ("enable", "x"), ("sign-out", "x"), ("set-role", "x", "csm"),
     ("reset-password", "x")],
)  # fmt: skip
def test_a_user_that_is_not_there(config: Path, arguments) -> None:
    users(config, *arguments).failed(7, "there is no user 'x'")


def test_the_list_is_for_people_and_programs(config: Path) -> None:
    assert "nobody can open its pages" in users(config, "list").out
    users(config, "add", "ada", "-r", "csm", "--name", "[red]Ada")
    assert "[red]Ada" in users(config, "list").out
    (row,) = json.loads(users(config, "list", "--json").out)
    assert row["login"] == "ada"
    assert row["disabled_at"] is None
    assert not any("hash" in name or "password" in name for name in row)


def test_a_password_is_asked_for_twice() -> None:
    def answers(*texts: str):
        left = list(texts)
        return lambda _prompt: left.pop(0)

    assert command._asked("ada", answers(PASSWORD, PASSWORD)) == PASSWORD
    assert command._asked("ada", answers("")) == ""
    with pytest.raises(ConfigError, match="differ"):
        command._asked("ada", answers(PASSWORD, "another one"))
