"""`npsight webhooks` and `npsight deliver`: who is told of changes, and telling them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, until_stopped

if TYPE_CHECKING:
    from npsight.store import Store, WebhookEndpoint

webhooks_app = typer.Typer(
    help="Receivers that are told, signed, when an account changes its risk level.\n\n"
    "Example: npsight webhooks add https://crm.example.com/hooks --name crm",
    rich_markup_mode="rich",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="The webhook's name.")]


@contextmanager
def _opened(config: Path) -> Iterator[tuple[str, Store]]:
    from npsight.config.load import load_project
    from npsight.store import open_project_store

    project = load_project(config)
    with closing(open_project_store(project)) as store:
        yield project.name, store


@webhooks_app.command("add")
def add_command(
    url: Annotated[
        str,
        typer.Argument(
            help="https://… of the receiver; write a secret part as ${NAME}, it is then taken "
            "from the environment."
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="A short name for it.")],
    event: Annotated[
        list[str] | None,
        typer.Option(
            "--event",
            help="risk_band_changed (default), risk_band_worsened or risk_band_improved; may be "
            "given more than once.",
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Add a receiver, and show once the secret that it verifies messages with.

    Example: npsight webhooks add 'https://crm.example.com/hooks/${HOOK_TOKEN}' --name crm
    """
    from npsight.config.outside import webhook_master
    from npsight.outgoing.endpoints import add_webhook

    master = webhook_master()
    with _opened(config) as (project, store):
        chosen = event or ["risk_band_changed"]
        endpoint, secret = add_webhook(store, project, name, url, chosen, master)
    console = make_console()
    console.print(
        f"Added {endpoint.name}: {', '.join(endpoint.events)} to {_host(endpoint)}.",
        highlight=False,
        markup=False,
    )
    console.print("Its secret, shown this once:", highlight=False)
    typer.echo(secret)


@webhooks_app.command("list")
def list_command(config: Config = DEFAULT_CONFIG) -> None:
    """Show receivers, and how many messages wait, were delivered, or are dead.

    Example: npsight webhooks list -c configs/demo.yaml
    """
    from rich.table import Table

    from npsight.store import counts, endpoints_of

    with _opened(config) as (project, store):
        endpoints, numbers = endpoints_of(store, project), counts(store, project)
    table = Table("name", "host", "events", "state", "waiting", "delivered", "dead")
    for endpoint in endpoints:
        count = numbers.get(endpoint.id, {})
        table.add_row(
            endpoint.name,
            _host(endpoint),
            ", ".join(endpoint.events),
            _state(endpoint, datetime.now(UTC)),
            *(f"{count.get(status, 0):,}" for status in ("pending", "delivered", "dead")),
        )
    console = make_console()
    console.print(table if endpoints else "There is no webhook yet: npsight webhooks add")


@webhooks_app.command("remove")
def remove_command(name: Name, config: Config = DEFAULT_CONFIG) -> None:
    """Forget a receiver and the messages that wait for it.

    Example: npsight webhooks remove crm
    """
    from npsight.store import remove_endpoint

    with _opened(config) as (project, store):
        remove_endpoint(store, project, name)
    make_console().print(f"Removed {name}.", highlight=False, markup=False)


@webhooks_app.command("enable")
def enable_command(name: Name, config: Config = DEFAULT_CONFIG) -> None:
    """Send to a receiver again that had answered 410 Gone, or that is paused.

    Example: npsight webhooks enable crm
    """
    from npsight.store import enable_endpoint

    with _opened(config) as (project, store):
        enable_endpoint(store, project, name)
    make_console().print(f"{name} is sent to again.", highlight=False, markup=False)


@webhooks_app.command("rotate")
def rotate_command(
    name: Name,
    overlap_hours: Annotated[
        float,
        typer.Option(min=0, max=720, help="How long messages are signed with both secrets."),
    ] = 24,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Give a receiver a new secret, shown once; the old one signs too, for a while.

    Example: npsight webhooks rotate crm --overlap-hours 24
    """
    from npsight.config.outside import webhook_master
    from npsight.outgoing.endpoints import rotate_webhook

    master = webhook_master()
    with _opened(config) as (project, store):
        overlap = timedelta(hours=overlap_hours)
        endpoint, secret = rotate_webhook(store, project, name, overlap, master)
    console = make_console()
    console.print(
        f"The old secret of {endpoint.name} signs until {endpoint.previous_until:%Y-%m-%d %H:%M}Z. "
        "The new one, shown this once:",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    typer.echo(secret)


@webhooks_app.command("test")
def try_command(name: Name, config: Config = DEFAULT_CONFIG) -> None:
    """Send a receiver a signed message that tells of no account, now.

    Example: npsight webhooks test crm
    """
    from npsight.config.outside import webhook_master
    from npsight.outgoing.endpoints import send_test
    from npsight.outgoing.http import Sender
    from npsight.outgoing.targets import TargetPolicy

    master = webhook_master()
    with _opened(config) as (project, store), Sender(TargetPolicy.from_environment()) as sender:
        status = send_test(store, project, name, sender, master)
    make_console().print(f"{name} answered {status}.", highlight=False, markup=False)
    if not 200 <= status < 300:
        raise typer.Exit(1)


@webhooks_app.command("dead")
def dead_command(config: Config = DEFAULT_CONFIG) -> None:
    """Show messages that are no longer tried, and why.

    Example: npsight webhooks dead -c configs/demo.yaml
    """
    from rich.table import Table

    from npsight.store import dead_messages

    with _opened(config) as (project, store):
        dead = dead_messages(store, project)
    table = Table("message", "webhook", "event", "made", "tries", "last outcome")
    for message in dead:
        table.add_row(
            message.message_id,
            message.endpoint,
            message.event,
            f"{message.created_at:%Y-%m-%d %H:%M}Z",
            str(message.attempts),
            message.outcome or "",
        )
    make_console().print(table if dead else "No message is dead.")


@webhooks_app.command("retry")
def retry_command(
    message: Annotated[
        str | None, typer.Argument(help="Id of a dead message. Default: all of them.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Try dead messages again, from their first attempt on.

    Example: npsight webhooks retry -c configs/demo.yaml
    """
    from npsight.store import revive

    with _opened(config) as (project, store):
        count = revive(store, project, datetime.now(UTC), message)
    make_console().print(f"{count:,} messages wait again; `npsight deliver` sends them.")


def deliver_command(
    config: Config = DEFAULT_CONFIG,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what comes, until stopped.")
    ] = False,
) -> None:
    """Send the messages that wait for webhooks; what fails is tried again by a later call.

    Example: npsight deliver -c configs/demo.yaml --follow
    """
    from npsight.config.outside import webhook_master
    from npsight.outgoing.deliver import Deliverer
    from npsight.outgoing.http import Sender
    from npsight.outgoing.targets import TargetPolicy

    master = webhook_master()
    console = make_console()
    with _opened(config) as (project, store), Sender(TargetPolicy.from_environment()) as sender:
        deliverer = Deliverer(store, project, sender, master)
        with until_stopped() as stop, console.status("delivering") as status:
            report = deliverer.run(
                stop,
                follow,
                lambda r: status.update(f"delivered {r.delivered:,}, failed {r.failed:,}"),
            )
    console.print(
        f"Delivered {report.delivered:,}; {report.failed:,} failed and will be tried again; "
        f"{report.dead:,} are dead.",
        highlight=False,
    )
    for reason, count in sorted(report.reasons.items()):
        console.print(f"  {count:,} {reason}", highlight=False, markup=False)


def _host(endpoint: WebhookEndpoint) -> str:
    """The host alone: what follows it may be secret."""
    from urllib.parse import urlsplit

    return urlsplit(endpoint.url).hostname or ""


def _state(endpoint: WebhookEndpoint, now: datetime) -> str:
    if endpoint.disabled_at is not None:
        return f"disabled: {endpoint.disabled_why}"
    if endpoint.paused_until is not None and endpoint.paused_until > now:
        return f"failed {endpoint.failures} times, paused"
    return "rotating" if len(endpoint.secret_versions(now)) > 1 else "live"
