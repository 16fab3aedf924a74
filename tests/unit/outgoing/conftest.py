"""A store, and a sender that may call servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from npsight.outgoing.http import Sender
from npsight.outgoing.targets import TargetPolicy
from npsight.store import ScoreRun, Store, open_store

DAY = datetime(2026, 6, 1, tzinfo=UTC)
RUN = ScoreRun("r1", "demo", DAY, DAY, 3, "digest")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "npsight.db")
    yield opened
    opened.close()


@pytest.fixture
def sender() -> Iterator[Sender]:
    """May call plain http on this machine."""
    with Sender(TargetPolicy.of(["http://127.0.0.1"])) as opened:
        yield opened
