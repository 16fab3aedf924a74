"""Whether an address can be listened on, and since when somebody does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import sleep

from npsight.errors import NpsightError

LOOK_SECONDS = 0.1
CONNECT_SECONDS = 1.0


def check_free(host: str, port: int) -> None:
    """Raise NpsightError where the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise NpsightError(
                f"port {port} of {host} cannot be used: {error.strerror}\n"
                "  → end what uses it, or take another with --port"
            ) from None


def wait_until_listened(host: str, port: int, gone: Callable[[], bool]) -> bool:
    """Wait for a listener; False once `gone` says that there will be none."""
    while not gone():
        try:
            socket.create_connection((host, port), CONNECT_SECONDS).close()
        except OSError:
            sleep(LOOK_SECONDS)
        else:
            return True
    return False
