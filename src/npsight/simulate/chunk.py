"""One chunk of the demo company: everything the tables are drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from npsight.simulate.arrays import Bools, Floats, Ints
from npsight.simulate.cohort import TERM_DAYS, Cohort, draw_cohort, draw_start_days
from npsight.simulate.process import Common, State, simulate_common, simulate_state
from npsight.simulate.settings import SimulationSettings
from npsight.simulate.subscriptions import Contract, draw_contract

__all__ = ["Chunk", "Columns", "common_state", "draw_chunk"]

Columns = Mapping[str, Any]
"""A table's columns by name; see `npsight.simulate.tables` for what each kind holds."""

_STREAMS = (
    "world",
    "accounts",
    "usage",
    "tickets",
    "invoices",
    "touches",
    "surveys",
    "comments",
    "dirt",
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A block of accounts with their hidden state and contract.

    `streams` holds one random generator a table, so that leaving a table out (or adding dirt)
    changes no other.
    """

    settings: SimulationSettings
    cohort: Cohort
    state: State
    contract: Contract
    streams: Mapping[str, np.random.Generator]

    @property
    def count(self) -> int:
        """Number of accounts in the chunk."""
        return len(self.cohort.number)

    @property
    def stop_day(self) -> Floats:
        """First instant without facts: the end of the subscription or of the data."""
        return np.minimum(self.contract.last_day(), self.settings.days)

    def live(self) -> Bools:
        """Return whether each account is subscribed on each simulated day."""
        return self.contract.live(self.cohort, np.arange(self.settings.days))

    def term(self, account: Ints, day: Ints | Floats) -> Ints:
        """Return the index of the contract term an instant falls in."""
        since = np.floor(day) - self.cohort.anchor_day[account]
        return np.maximum(since // TERM_DAYS, 0).astype(np.int64)


def common_state(settings: SimulationSettings) -> Common:
    """Draw what all chunks share."""
    # The spawn key keeps this stream apart from those of the chunks.
    seed = np.random.SeedSequence(settings.seed, spawn_key=(0,))
    return simulate_common(np.random.default_rng(seed), settings.days)


def draw_chunk(settings: SimulationSettings, index: int, common: Common) -> Chunk:
    """Draw chunk `index` from ``SeedSequence([seed, index])``."""
    children = np.random.SeedSequence([settings.seed, index]).spawn(len(_STREAMS))
    streams = {
        name: np.random.default_rng(child) for name, child in zip(_STREAMS, children, strict=True)
    }
    first = index * settings.chunk_accounts
    last = min(first + settings.chunk_accounts, settings.accounts)
    rng, number = streams["world"], np.arange(first + 1, last + 1)
    start_day = draw_start_days(rng, len(number), settings.days)
    state = simulate_state(rng, common, start_day)
    cohort = draw_cohort(rng, number, start_day)
    return Chunk(settings, cohort, state, draw_contract(rng, cohort, state), streams)
