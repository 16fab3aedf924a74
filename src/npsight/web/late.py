"""Tables that were not loaded for long when a run was made, as its pages tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from npsight.jobs.runs.held import HELD
from npsight.store import ScoreRun, Store
from npsight.store.runpages import run_page


def late_tables(store: Store, run: ScoreRun) -> Mapping[str, date]:
    """Each such table, by name, to the last day on which rows of it became known."""
    found = run_page(store, run.id, HELD) or {}
    return {source: date.fromisoformat(table["newest"]) for source, table in found.items()}
