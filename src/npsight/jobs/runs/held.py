"""Which tables were late when a run was made, for the pages that show its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from npsight.store.runpages import write_run_page

if TYPE_CHECKING:
    from npsight.jobs.runs.writes import ScoredRun, Write

HELD = "held"


def held_tables_page(scored: ScoredRun) -> Write:
    """The document `held` of a run: each late table to the last UTC day on which its rows became
    known (`newest`) and the day that its features were taken as of (`held_at`), ISO 8601.

    Mostly empty. A run of an older npsight has none.
    """
    content: dict[str, Any] = {
        table.source: {
            "newest": f"{table.newest:%Y-%m-%d}",
            "held_at": f"{table.held_at:%Y-%m-%d}",
        }
        for table in scored.held
        if table.late
    }

    def write(connection: Any) -> None:
        write_run_page(connection, scored.run, HELD, content)

    return write
