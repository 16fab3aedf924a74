"""`npsight users`: who may open the pages, as what."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, minute, zone_of
from npsight.errors import ConfigError, NotFoundError, Problem

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from npsight.config.specs import ProjectSpec
    from npsight.store import Store
    from npsight.store.users import User

users_app = typer.Typer(
    help="Add, list and disable the people who may open the pages.\n\n"
    "Example: npsight users add ada --role csm --owner 'Ada Park' -c configs/demo.yaml",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
ACTOR = "npsight users"
Login = Annotated[str, typer.Argument(metavar="LOGIN", help="As `npsight users list` shows.")]
FromInput = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from the first line of the input."),
]


@users_app.command("add")
def add_command(
    login: Annotated[str, typer.Argument(help="What they sign in with.")],
    role: Annotated[
        str, typer.Option("--role", "-r", help="viewer (reads), csm (keeps follow-ups) or admin.")
    ],
    config: Config = DEFAULT_CONFIG,
    owner: Annotated[
        str, typer.Option(help="What the accounts table calls them as the owner of accounts.")
    ] = "",
    name: Annotated[str, typer.Option(help="Their name. Default: the owner, else the login.")] = "",
    email: Annotated[str, typer.Option(help="Where alerts reach them.")] = "",
    password_stdin: FromInput = False,
) -> None:
    """Add somebody who signs in with a password.

    On a terminal it is asked for twice; an empty one, or no terminal, makes a random password,
    which stands alone on standard output. Only a hash is kept.

    Example: npsight users add ada --role csm --owner 'Ada Park'
    """
    from npsight.store.users import user_by_login
    from npsight.web import people

    with _opened(config) as (project, store):
        user = people.new_user(project, login, role, name or owner, email, owner)
        if user_by_login(store, project.name, login) is not None:
            problem = Problem("is taken", "choose another, or npsight users list", key=login)
            raise ConfigError("the user was not added", [problem])
        password, is_random = _password(login, password_stdin)
        people.keep_user(store, project, user, password, ACTOR)
        _tell(user.login, password, is_random, f"User {login} was added as {role}.")


@users_app.command("list")
def list_command(
    config: Config = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """List everybody: role, accounts, how they sign in, and when they last did.

    Example: npsight users list -c configs/demo.yaml
    """
    from npsight.store.users import users_of

    with _opened(config) as (project, store):
        found = users_of(store, project.name)
    if as_json:
        import json

        typer.echo(json.dumps([_told(user) for user in found], indent=2))
        return
    _print(project.name, found, zone_of(project))


@users_app.command("disable")
def disable_command(login: Login, config: Config = DEFAULT_CONFIG) -> None:
    """Refuse somebody from now on; they are signed out everywhere, and their work stays.

    Example: npsight users disable ada
    """
    from npsight.web import people

    with _opened(config) as (project, store):
        people.disable(store, project, login, ACTOR, datetime.now(UTC))
    typer.echo(f"User {login} is disabled and signed out.")


@users_app.command("enable")
def enable_command(login: Login, config: Config = DEFAULT_CONFIG) -> None:
    """Let somebody in again who was disabled.

    Example: npsight users enable ada
    """
    from npsight.web import people

    with _opened(config) as (project, store):
        people.enable(store, project, login, ACTOR)
    typer.echo(f"User {login} may sign in again.")


@users_app.command("reset-password")
def reset_command(
    login: Login, config: Config = DEFAULT_CONFIG, password_stdin: FromInput = False
) -> None:
    """Give somebody another password, as `add` does; they are signed out everywhere.

    Example: npsight users reset-password ada
    """
    from npsight.store.users import user_by_login
    from npsight.web import people

    with _opened(config) as (project, store):
        if user_by_login(store, project.name, login) is None:
            raise NotFoundError(f"there is no user {login!r}\n  → npsight users list -c FILE")
        password, is_random = _password(login, password_stdin)
        people.reset_password(store, project, login, password, ACTOR)
        _tell(login, password, is_random, f"User {login} has a new password and is signed out.")


@users_app.command("set-role")
def role_command(
    login: Login,
    role: Annotated[str, typer.Argument(help="viewer, csm or admin.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Let somebody do more, or less, from their next click on.

    Example: npsight users set-role ada admin
    """
    from npsight.web import people

    with _opened(config) as (project, store):
        people.set_role(store, project, login, role, ACTOR)
    typer.echo(f"User {login} is {role} now.")


@users_app.command("sign-out")
def sign_out_command(login: Login, config: Config = DEFAULT_CONFIG) -> None:
    """End every session of somebody, as after a lost computer.

    Example: npsight users sign-out ada
    """
    from npsight.web import people

    with _opened(config) as (project, store):
        people.sign_out_everywhere(store, project, login, ACTOR)
    typer.echo(f"User {login} is signed out everywhere.")


@contextmanager
def _opened(config: Config) -> Iterator[tuple[ProjectSpec, Store]]:
    from npsight.config.load import load_project
    from npsight.store import open_project_store

    project = load_project(config)
    with closing(open_project_store(project)) as store:
        yield project, store


def _password(login: str, from_input: bool) -> tuple[str, bool]:
    """A password, and whether it was made here; never an argument, which other users could see."""
    from npsight.web.passwords import random_password

    if from_input:
        return sys.stdin.readline().rstrip("\r\n"), False
    typed = _asked(login) if sys.stdin.isatty() else ""
    return (typed, False) if typed else (random_password(), True)


def _asked(login: str, ask: Callable[[str], str] | None = None) -> str:
    from getpass import getpass

    ask = ask or getpass
    first = ask(f"Password for {login} (empty: a random one): ")
    if first and ask("Once more: ") != first:
        problem = Problem("the two passwords differ", "run the command again", key="password")
        raise ConfigError("nothing was changed", [problem])
    return first


def _tell(login: str, password: str, is_random: bool, done: str) -> None:
    typer.echo(done, err=True)
    if is_random:
        typer.echo(password)
        typer.echo(f"This password of {login} is shown this once.", err=True)


def _told(user: User) -> dict[str, object]:
    return {
        "login": user.login,
        "name": user.name,
        "role": user.role,
        "owner": user.owner,
        "email": user.email,
        "issuer": user.issuer,
        "signed_in_at": None if user.signed_in_at is None else user.signed_in_at.isoformat(),
        "disabled_at": None if user.disabled_at is None else user.disabled_at.isoformat(),
    }


def _print(project: str, found: Sequence[User], zone: ZoneInfo) -> None:
    from rich.table import Table
    from rich.text import Text

    console = make_console()
    if not found:
        console.print(
            f"{project} has no users yet; nobody can open its pages.\n"
            "  → npsight users add LOGIN --role csm",
            highlight=False,
            markup=False,
        )
        return
    table = Table(title=Text(f"Users of {project}"), title_justify="left", title_style="bold")
    for heading in ("login", "name", "role", "owner", "signs in", "last signed in", "state"):
        table.add_column(heading, overflow="fold")
    for user in found:
        table.add_row(
            Text(user.login),
            Text(user.name),
            user.role,
            Text(user.owner or "–"),
            "company account" if user.issuer else "password",
            "never" if user.signed_in_at is None else minute(user.signed_in_at, zone),
            Text("disabled", style="red") if user.disabled_at else Text("live", style="green"),
        )
    console.print(table)
