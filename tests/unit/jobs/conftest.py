"""The hand-made worlds of `tests/time`, and their engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "time"))

from handmade import handmade_engine


@pytest.fixture(scope="module")
def engine():
    with handmade_engine() as backend:
        yield backend
