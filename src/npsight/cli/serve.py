"""`npsight serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config


def serve_command(
    config: Config = DEFAULT_CONFIG,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
) -> None:
    """Serve the latest scores over HTTP until stopped.

    Callers need a key: see npsight keys create --help.

    Example: npsight serve -c configs/demo.yaml, then
    curl -s localhost:3000/v1/accounts/A000123 -H "X-API-Key: $KEY"
    """
    from npsight.service.serve import serve

    raise typer.Exit(serve(config.resolve(), host, port))
