"""A tiny scored project, champions to offer it, and what each of them must answer."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HELPERS = Path(__file__).parents[2] / "tests" / "helpers"
if str(HELPERS) not in sys.path:
    sys.path.insert(0, str(HELPERS))

from other_models import promote_on_disk, sealed, shifted  # noqa: E402
from tiny_project import make_project, rows  # noqa: E402

from npsight.models.bundle import unpack, verify  # noqa: E402
from npsight.store import create_key, open_store, store_file  # noqa: E402
from npsight.tracking import read_cached  # noqa: E402

Files = dict[str, bytes]
WATCH_SECONDS = 0.2
ACCOUNTS = 60
SHIFTS = (0.4, -0.4, 0.8, -0.8)


@dataclass(frozen=True)
class Workspace:
    """A project on disk with a key of every scope.

    `expected` gives, by model digest, every account's risk as the model itself says it.
    """

    config: Path
    key: str
    champions: tuple[Files, ...]
    expected: Mapping[str, Mapping[str, float]]

    @property
    def state_dir(self) -> Path:
        """Where store and caches lie."""
        return self.config.parent / "state"

    @property
    def store(self) -> Path:
        """The SQLite file."""
        return store_file(self.state_dir)

    def promote(self, version: int, files: Mapping[str, bytes]) -> Path:
        """Leave what `npsight promote` leaves beside the service."""
        return promote_on_disk(self.config, version, files)


def make_workspace(folder: Path) -> Workspace:
    """A fresh project whose watcher looks every `WATCH_SECONDS`."""
    config = make_project(folder, count=ACCOUNTS)
    settings = f"service: {{watch_seconds: {WATCH_SECONDS}, rate_per_minute: 10000000}}\n"
    config.write_text(config.read_text() + settings)
    store = open_store(store_file(folder / "state"))
    key, _ = create_key(store, "tiny", "chaos", ["admin"])
    store.close()
    first = read_cached(folder / "state")
    assert first is not None
    champions = (first[1], *(shifted(shift) for shift in SHIFTS))
    return Workspace(config, key, champions, {verify(f): risks(f) for f in champions})


def risks(files: Mapping[str, bytes]) -> dict[str, float]:
    """Every stored account's risk, by the model alone."""
    frame = rows(ACCOUNTS, seed=2)
    predicted = unpack(dict(files)).predict(frame)
    assert predicted.detractor is not None
    return dict(zip(frame["account"], predicted.detractor.tolist(), strict=True))


__all__ = ["ACCOUNTS", "Files", "Workspace", "make_workspace", "risks", "sealed"]
