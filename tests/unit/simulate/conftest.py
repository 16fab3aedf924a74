"""Small simulated companies, made once a session, read back with DuckDB as a user would."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

import pandas as pd
import pytest

from npsight.simulate import SimulationSettings, SimulationSummary, simulate
from npsight.simulate.chunk import Chunk, common_state, draw_chunk

TIMES = {
    "accounts": ["valid_from", "valid_to", "renewal_at", "created_at"],
    "contacts": ["created_at"],
    "tickets": ["opened_at", "known_at", "resolved_at", "resolution_known_at"],
    "invoices": ["issued_at", "paid_at"],
    "touches": ["occurred_at", "known_at"],
    "surveys": ["invited_at", "answered_at", "synced_at"],
    "subscriptions": ["started_at", "ended_at", "cancelled_at"],
}


@dataclass(frozen=True)
class Company:
    """A simulated company on disk."""

    settings: SimulationSettings
    summary: SimulationSummary

    def read(self, name: str) -> pd.DataFrame:
        """Return a table with its instants parsed; refuses text that is no instant."""
        path = self.summary.paths[name]
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        table = pd.read_csv(path)
        for column in TIMES[name]:
            table[column] = pd.to_datetime(
                table[column], format="%Y-%m-%dT%H:%M:%SZ", utc=True
            ).astype("datetime64[us, UTC]")
        return table

    @property
    def end(self) -> datetime:
        """The end of the data."""
        return datetime.combine(self.settings.end, time(), UTC)


Maker = Callable[..., Company]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Simulate a company with these settings into a fresh directory."""

    def run(**settings: object) -> Company:
        asked = SimulationSettings(**settings)
        directory: Path = tmp_path_factory.mktemp("simulated") / "demo"
        return Company(asked, simulate(directory, asked))

    return run


@pytest.fixture(scope="session")
def clean(make: Maker) -> Company:
    """200 accounts in two chunks over two and a half years, without dirt."""
    return make(accounts=200, days=900, chunk_accounts=120, dirt=False, seed=11)


@pytest.fixture(scope="session")
def dirty(make: Maker) -> Company:
    """The same company with dirt."""
    return make(accounts=200, days=900, chunk_accounts=120, dirt=True, seed=11)


@pytest.fixture(scope="session")
def chunk() -> Chunk:
    """2000 accounts over 120 days, enough for answers on their way at any end."""
    settings = SimulationSettings(days=120)
    return draw_chunk(settings, 0, common_state(settings))
