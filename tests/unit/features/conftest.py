"""The hand-made tables of `tests/time`, for the named examples here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "time"))

from handmade import handmade_engine


@pytest.fixture(scope="module")
def engine():
    with handmade_engine(threads=1) as backend:
        yield backend
