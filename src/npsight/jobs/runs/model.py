"""What a run leaves for the page about its model: gates, figures, drivers, card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from npsight.drivers.points import Points
from npsight.models.bundle import figures_of, gates_of
from npsight.models.model import Model
from npsight.store.runpages import write_run_page

if TYPE_CHECKING:
    from npsight.jobs.runs.writes import ScoredRun, Write

MODEL = "model"


def model_page(scored: ScoredRun) -> Write:
    """The document `model` of a run: of the model that made its scores."""
    model, files, explained = scored.model, scored.files, scored.explanation
    gates = gates_of(files)
    points = {"detractor": explained.risk, "churn": explained.churn}
    content: dict[str, Any] = {
        "version": scored.run.model_version,
        "digest": scored.run.model_digest,
        "trained_through": model.trained_through,
        "features": len(model.specs),
        "windows": {name: [w.gap_days, w.horizon_days] for name, w in model.windows.items()},
        "unranked": list(model.unranked()),
        "parts": _parts(model),
        "drivers": {
            name: drivers_json(model, found) for name, found in points.items() if found is not None
        },
        "gates": None if gates is None else gates.to_json(),
        "figures": figures_of(files),
        "card": files["card.md"].decode(),
    }

    def write(connection: Any) -> None:
        write_run_page(connection, scored.run, MODEL, content)

    return write


def drivers_json(model: Model, points: Points) -> list[dict[str, Any]]:
    """Each driver over the scored accounts, the weightiest first: `size` is its mean |points|,
    `mean` its mean points, both in probability, `raises` the share of accounts it makes riskier.
    """
    known = {driver.key: driver for driver in model.drivers}
    found = []
    for group, column in zip(points.groups, points.values.T, strict=True):
        driver = known.get(group)
        found.append(
            {
                "driver": group,
                "label": driver.label if driver else group,
                "actionable": driver.actionable if driver else False,
                "size": float(np.abs(column).mean()),
                "mean": float(column.mean()),
                "raises": float((column > 0).mean()),
            }
        )
    return sorted(found, key=lambda row: (-row["size"], row["driver"]))


def _parts(model: Model) -> list[dict[str, Any]]:
    return [
        {
            "part": name,
            "prior": type(part.prior).__name__,
            "linear_blend": part.linear_blend if part.linear else 0.0,
            "tree_blend": part.tree_blend if part.trees else 0.0,
            "tree_count": part.tree_count if part.trees else 0,
            "shift": part.calibration.shift,
            "slope": part.calibration.slope,
        }
        for name, part in model.parts()
    ]
