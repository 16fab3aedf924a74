"""What came of earlier scores, for the page about the model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from npsight.errors import StateError
from npsight.jobs.scoring.came import Came, came_of, judged
from npsight.jobs.scoring.forecasts import kept_forecasts
from npsight.store.runpages import write_run_page

if TYPE_CHECKING:
    from npsight.jobs.runs.writes import ScoredRun, Write

CAME = "came"
NEWEST = 60
"""Of so many forecasts at most, the newest: about a year of weeks, of which some are open."""


def came_page(scored: ScoredRun) -> Write:
    """The document `came` of a run: its `targets` that something came of, by name, and whether a
    forecast could not be read (`unreadable`), which stops no scoring.
    """
    project, content = scored.project, dict[str, Any](targets={}, unreadable=False)
    if not project.is_snapshot:
        try:
            kept = kept_forecasts(project)[-NEWEST:]
        except StateError:
            content["unreadable"], kept = True, []
        content["targets"] = {
            name: came_json(came_of(project, name, rows))
            for name, rows in judged(scored.builder, kept).items()
        }

    def write(connection: Any) -> None:
        write_run_page(connection, scored.run, CAME, content)

    return write


def came_json(came: Came) -> dict[str, Any]:
    """Plain values: `first_day`, `last_day` and how many `days`, ISO 8601; the `verdict`."""
    days = [day.as_of.date().isoformat() for day in came.days]
    return {
        "first_day": days[0],
        "last_day": days[-1],
        "days": len(days),
        "rows": came.rows,
        "accounts": came.accounts,
        "forecast": came.forecast,
        "came": came.came,
        "low": came.between.low,
        "high": came.between.high,
        "verdict": came.verdict,
        "levels": [{"forecast": level.forecast, **asdict(level.found)} for level in came.levels],
    }
