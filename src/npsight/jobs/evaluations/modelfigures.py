"""Figures of a model's backtest that the page about it shows; they lie in its bundle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from npsight.config.schema import Worklist
from npsight.config.specs import ProjectSpec
from npsight.jobs.evaluations.found import Evaluation, TargetFound
from npsight.jobs.evaluations.groups import wilson
from npsight.jobs.training.fit import Fitted
from npsight.models.backtest import Origin
from npsight.models.contest import ALL
from npsight.models.logits import Vector

SHOWN = ("chosen", "prior", "base rate")
OF_ORIGINS = ("chosen", "prior")


@dataclass(frozen=True)
class LevelFound:
    """Accounts that the backtest called `high`, `medium` or `low`, and what came of them.

    `observed` is the mean share of the event among them, with its 95 % interval (Wilson 1927, an
    account-window taken as one trial); None where there was none.
    """

    level: str
    rows: int
    observed: float | None
    low: float
    high: float


def model_figures(project: ProjectSpec, fitted: Fitted, found: Evaluation) -> dict[str, Any]:
    """Plain values: how good each part was out of time, how its risk levels came true, its
    calibration by group of risk and of accounts, NPS errors, coverage of intervals.
    """
    content = found.to_json()
    return {
        "facts": content["facts"],
        "verdicts": content["verdicts"],
        "targets": {
            name: _target(content["targets"][name], target, fitted, project.worklist)
            for name, target in found.targets.items()
        },
        "nps": [row for row in content["nps"] if row["contender"] in SHOWN],
        "coverage": content["coverage"],
        "audit": content["audit"],
    }


def _target(
    content: dict[str, Any], target: TargetFound, fitted: Fitted, limits: Worklist
) -> dict[str, Any]:
    kept = ("title", "event", "chosen", "reason", "rows", "events", "others", "groups", "scores")
    several = len({s.origin for s in target.standings} - {ALL}) > 1
    return {
        **{key: content[key] for key in kept},
        "standings": [
            {key: row[key] for key in ("origin", "contender", "rows", "accounts", "events")}
            | {"figures": row["figures"], "intervals": row["intervals"]}
            | {"calibration_error": row["calibration_error"]}
            for row in content["standings"]
            if row["contender"] in (SHOWN if row["origin"] == ALL or not several else OF_ORIGINS)
        ],
        "curve": [point for point in content["curve"] if point["contender"] == "chosen"],
        "levels": [asdict(level) for level in _levels(fitted, target.name, limits)],
    }


def _levels(fitted: Fitted, name: str, limits: Worklist) -> Iterator[LevelFound]:
    origins = [origin for origin in fitted.parts[name].origins if len(origin.test)]
    if origins:
        yield from levels(*_pooled(origins), limits.high_risk, limits.medium_risk)


def _pooled(origins: Sequence[Origin]) -> tuple[Vector, Vector, Vector]:
    return (
        np.concatenate([o.predicted["chosen"] for o in origins]),
        np.concatenate([o.test.share for o in origins]),
        np.concatenate([o.test.weight for o in origins]),
    )


def levels(
    predicted: Vector, share: Vector, weight: Vector, high: float, medium: float
) -> Iterator[LevelFound]:
    """Each level from its limit, inclusive, to the next one's, exclusive; the highest first."""
    for name, least, most in (
        ("high", high, np.inf),
        ("medium", medium, high),
        ("low", -np.inf, medium),
    ):
        rows = (predicted >= least) & (predicted < most)
        size = float(weight[rows].sum())
        if size <= 0:
            yield LevelFound(name, 0, None, 0.0, 1.0)
            continue
        seen = float(np.average(share[rows], weights=weight[rows]))
        yield LevelFound(name, int(rows.sum()), seen, *wilson(seen, size))
