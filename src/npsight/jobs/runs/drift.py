"""Whether what was scored still looks like what was learned from, for the page about the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from npsight.config.schema import Worklist
from npsight.models.bundle import reference_of_bundle
from npsight.models.logits import Vector
from npsight.models.reference import limit_of, moved
from npsight.store.runpages import write_run_page
from npsight.worklist.bands import risk_level

if TYPE_CHECKING:
    from npsight.jobs.runs.writes import ScoredRun, Write

DRIFT = "drift"
BINS = 20


def drift_page(scored: ScoredRun) -> Write:
    """The document `drift` of a run."""
    as_of = scored.run.as_of.replace(tzinfo=None)
    reference = reference_of_bundle(scored.files)
    now = scored.inputs.now
    content: dict[str, Any] = {
        "accounts": len(now),
        "reference": None,
        "features": [],
        "scores": scores_json(
            {"detractor": scored.predicted.detractor, "churn": scored.predicted.churn},
            scored.project.worklist,
        ),
        "tables": [_table(row) for row in scored.builder.freshness(as_of)],
    }
    if reference is not None:
        content["reference"] = {
            "day": reference.day,
            "rows": reference.rows,
            "limit": limit_of(reference.rows, len(now)),
        }
        specs = scored.model.specs
        content["features"] = [asdict(found) for found in moved(reference, now, specs)]

    def write(connection: Any) -> None:
        write_run_page(connection, scored.run, DRIFT, content)

    return write


def scores_json(risks: Mapping[str, Vector | None], limits: Worklist) -> dict[str, Any]:
    """Of each risk that there is: its mean, accounts by level and in twenty bins, of which
    each holds its lower end, and the last one its upper end too.
    """
    return {name: _scores(risk, limits) for name, risk in risks.items() if risk is not None}


def _scores(risk: Vector, limits: Worklist) -> dict[str, Any]:
    counts, _ = np.histogram(risk, bins=BINS, range=(0.0, 1.0))
    levels: Sequence[str | None] = [risk_level(value, limits) for value in risk]
    return {
        "mean": float(risk.mean()),
        "bins": [int(count) for count in counts],
        "levels": {name: levels.count(name) for name in ("high", "medium", "low")},
    }


def _table(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _instant(value) for key, value in row.items()}


def _instant(value: Any) -> Any:
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value
