"""`npsight serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config


def serve_command(
    config: Config = DEFAULT_CONFIG,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            max=64,
            help="Processes that answer. One is enough for most; more pay on a machine with free "
            "cores when drivers are asked for by many. They share the store; each has its own "
            "model, kept results, rate limits and metrics.",
        ),
    ] = 1,
) -> None:
    """Serve the worklist's pages and the API over HTTP until stopped.

    Listens on this machine only unless told otherwise. A newly promoted champion is proved and
    taken up while it runs. Callers need a key (npsight keys create). See docs/serving.md.

    Where nobody can sign in to the pages yet, it makes a user `admin` and shows its password once.

    Example: npsight serve -c configs/demo.yaml, then
    curl -s localhost:3000/v1/accounts/A000123 -H "X-API-Key: $KEY"
    """
    from npsight.service.serve import serve
    from npsight.web.entrance import FACTORY
    from npsight.web.greeting import greet

    def say(line: str) -> None:
        typer.echo(line, err=True)

    raise typer.Exit(serve(config.resolve(), host, port, workers, say, FACTORY, greet))
