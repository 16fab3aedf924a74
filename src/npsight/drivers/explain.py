"""A model and a frame -> driver points of each displayed number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npsight.config.specs import NPS_HISTORY
from npsight.drivers.absent import Outcome
from npsight.drivers.points import (
    Points,
    assert_contributions_add_up,
    driver_points,
    grouped,
)
from npsight.models.encoding import Matrix
from npsight.models.logits import Vector
from npsight.models.model import Model, Predictions, nps_of, predictions
from npsight.models.part import PRIOR_TERM, Contributions, PartModel
from npsight.models.rows import Features, rows_of


@dataclass(frozen=True)
class Explanation:
    """Points of each displayed number, the log-odds they were made from by part, and what is
    predicted of these (nothing of who will answer).
    """

    risk: Points | None
    nps: Points | None
    churn: Points | None
    contributions: dict[str, Contributions]
    predicted: Predictions


def explain(model: Model, features: Features) -> Explanation:
    """Points of detractor risk and churn risk (in probability) and of NPS (in NPS points).

    Every displayed number equals its base plus its points to 1e-9, and every part's base plus
    contributions its raw score to 1e-6; both are asserted on every call.
    """
    rows = rows_of(features)
    contributions = {name: part.contributions(rows) for name, part in model.parts()}
    for split in contributions.values():
        assert_contributions_add_up(split)
    detractor, promoter, churn = model.detractor, model.promoter, model.churn
    risk = nps = lost = None
    shown = _predicted(model, contributions)
    if detractor is not None and shown.detractor is not None:
        risk = _points(model, "risk", [detractor], contributions, shown.detractor)
    if detractor is not None and promoter is not None and shown.nps is not None:
        nps = _points(model, "nps", [detractor, promoter], contributions, shown.nps)
    if churn is not None and shown.churn is not None:
        lost = _points(model, "churn", [churn], contributions, shown.churn)
    return Explanation(risk, nps, lost, contributions, shown)


def _predicted(model: Model, contributions: dict[str, Contributions]) -> Predictions:
    parts = dict(model.parts())
    made = {name: parts[name].calibration.apply(s.raw) for name, s in contributions.items()}
    return predictions(made.get("detractor"), made.get("promoter"), made.get("churn"))


def groups_of(model: Model) -> dict[str, str]:
    """Term -> driver key; the history prior's own term belongs to `nps_history`."""
    group_of = {spec.name: spec.driver for spec in model.specs}
    group_of[PRIOR_TERM] = NPS_HISTORY
    return group_of


def _points(
    model: Model,
    name: str,
    parts: Sequence[PartModel],
    contributions: dict[str, Contributions],
    displayed: Vector,
) -> Points:
    group_of = groups_of(model)
    splits = [contributions[part.name] for part in parts]
    used = dict.fromkeys(group_of[t] for split in splits for t in split.terms if _varies(split, t))
    groups = list(used) or [NPS_HISTORY]
    kept = {term: g for term, g in group_of.items() if g in used} or {PRIOR_TERM: NPS_HISTORY}
    matrices = [grouped(_only(split, kept), kept, groups) for split in splits]
    bases = [split.base for split in splits]
    return driver_points(
        bases, matrices, groups, outcome_of(parts), displayed, model.typical.get(name)
    )


def outcome_of(parts: Sequence[PartModel]) -> Outcome:
    """The displayed number of these parts: a probability, or of two of them the NPS."""

    def outcome(raws: Sequence[Matrix]) -> Matrix:
        shown = [part.calibration.apply(raw) for part, raw in zip(parts, raws, strict=True)]
        if len(shown) == 1:
            return shown[0]
        return nps_of(shown[0], (1 - shown[0]) * shown[1])

    return outcome


def _varies(split: Contributions, term: str) -> bool:
    """A constant prior (the base rate) is no driver."""
    return term != PRIOR_TERM or bool(np.any(split.values[:, split.terms.index(term)] != 0.0))


def _only(split: Contributions, kept: dict[str, str]) -> Contributions:
    keep = [i for i, term in enumerate(split.terms) if term in kept]
    return Contributions(
        split.base, tuple(split.terms[i] for i in keep), split.values[:, keep], split.raw
    )
