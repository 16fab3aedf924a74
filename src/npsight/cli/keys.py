"""`npsight keys`: make, list and revoke the keys that callers of the service need."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, day, make_console, minute, zone_of
from npsight.errors import ConfigError, Problem

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from npsight.config.specs import ProjectSpec
    from npsight.store import KeyRow, Store

keys_app = typer.Typer(
    help="Make, list and revoke the keys that callers of the service need.\n\n"
    "Example: npsight keys create salesforce --scope score -c configs/demo.yaml",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
_SPAN = re.compile(r"([0-9]{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
SOON = timedelta(days=30)


@keys_app.command("create")
def create_command(
    name: Annotated[str, typer.Argument(help="Who will use it, such as salesforce.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", "-s", help="score, read, write or admin; may be given several times."
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    expires: Annotated[
        str, typer.Option(help="How long it is good for: 12h, 90d, 52w or never.")
    ] = "365d",
    rate: Annotated[
        int | None,
        typer.Option(help="Requests a minute. Default: rate_per_minute of the project file."),
    ] = None,
) -> None:
    """Make a key and print it, once: only its hash is kept.

    The key stands alone on standard output, so that a script can take it.

    Example: npsight keys create salesforce --scope score --scope read --expires 90d
    """
    from npsight.store import create_key

    project = _project(config)
    valid_for = span(expires)
    with closing(_store(project)) as store:
        key, row = create_key(store, project.name, name, scope or (), valid_for, rate)
    typer.echo(key)
    until = (
        "does not expire"
        if row.expires_at is None
        else f"expires {day(row.expires_at, zone_of(project))}"
    )
    typer.echo(
        f"Key {row.id} for {row.name}: {', '.join(row.scopes)}; {until}.\n"
        "It is shown this once. A service that runs takes it at once.",
        err=True,
    )


@keys_app.command("list")
def list_command(
    config: Config = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """List the keys: whose they are, what they may do, until when, and when last used.

    Example: npsight keys list -c configs/demo.yaml
    """
    from npsight.store import keys_of

    project = _project(config)
    with closing(_store(project)) as store:
        rows = keys_of(store, project.name)
    now = datetime.now(UTC)
    if as_json:
        import json

        typer.echo(json.dumps([_told(row, now) for row in rows], indent=2))
        return
    _print(project.name, rows, now, zone_of(project))


@keys_app.command("revoke")
def revoke_command(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `npsight keys list` shows.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Refuse a key from now on; a service that runs hears of it within seconds.

    Example: npsight keys revoke 4k2m9x0qtz7a -c configs/demo.yaml
    """
    from npsight.store import revoke_key

    project = _project(config)
    with closing(_store(project)) as store:
        # A whole key may be given by mistake; its public part is meant.
        row = revoke_key(store, project.name, _identity(identity))
    typer.echo(
        f"Key {row.id} for {row.name} is revoked; a service that runs refuses it within "
        f"{project.service.watch_seconds:g} s."
    )


def span(text: str) -> timedelta | None:
    """A written span of time; None for `never`.

    Raises
    ------
    ConfigError
        It is none.
    """
    if text == "never":
        return None
    found = _SPAN.fullmatch(text)
    if found is None:
        problem = Problem(
            "is no span of time", "write hours, days or weeks: 12h, 90d, 52w; or never", key=text
        )
        raise ConfigError("--expires cannot be read", [problem])
    return int(found[1]) * _UNITS[found[2]]


def _project(config: Config) -> ProjectSpec:
    from npsight.config.load import load_project

    return load_project(config)


def _store(project: ProjectSpec) -> Store:
    from npsight.store import open_project_store

    return open_project_store(project)


def _identity(text: str) -> str:
    from npsight.store.keytext import PREFIX, key_id

    return key_id(text) if text.startswith(PREFIX) else text


def _told(row: KeyRow, now: datetime) -> dict[str, object]:
    def instant(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")

    return {
        "id": row.id,
        "name": row.name,
        "scopes": list(row.scopes),
        "state": row.state(now),
        "created_at": instant(row.created_at),
        "expires_at": instant(row.expires_at),
        "revoked_at": instant(row.revoked_at),
        "last_used_at": instant(row.last_used_at),
        "rate_per_minute": row.rate_per_minute,
    }


def _print(project: str, rows: list[KeyRow], now: datetime, zone: ZoneInfo) -> None:
    from rich.table import Table
    from rich.text import Text

    console = make_console()
    if not rows:
        console.print(
            f"{project} has no keys yet; nobody can call its service.\n"
            "  → npsight keys create NAME --scope score",
            highlight=False,
            markup=False,
        )
        return
    table = Table(title=Text(f"Keys of {project}"), title_justify="left", title_style="bold")
    for heading in ("id", "name", "scopes", "state", "created", "expires", "last used"):
        table.add_column(heading, overflow="fold")
    table.add_column("a minute", justify="right")
    colours = {"live": "green", "expired": "yellow", "revoked": "red"}
    for row in rows:
        state = row.state(now)
        table.add_row(
            row.id,
            Text(row.name),
            ", ".join(row.scopes),
            Text(state, style=colours[state]),
            day(row.created_at, zone),
            _expiry(row, now, state, zone),
            "never" if row.last_used_at is None else minute(row.last_used_at, zone),
            "–" if row.rate_per_minute is None else f"{row.rate_per_minute:,}",
        )
    console.print(table)


def _expiry(row: KeyRow, now: datetime, state: str, zone: ZoneInfo) -> str:
    if row.expires_at is None:
        return "never"
    left = row.expires_at - now
    soon = f" ({_in(left)})" if state == "live" and left < SOON else ""
    return f"{day(row.expires_at, zone)}{soon}"


def _in(left: timedelta) -> str:
    if left < timedelta(days=1):
        return f"in {left // timedelta(hours=1)} h"
    return "in 1 day" if left.days == 1 else f"in {left.days} days"
